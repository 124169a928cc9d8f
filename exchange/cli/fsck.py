"""Check the whole of a hub against itself: the log from its first entry, every receipt, every byte."""

from __future__ import annotations

import binascii
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click
import msgspec

from envelopes.log.tree import Edge
from exchange.cli.doctor import show
from exchange.cli.party import FOLDER
from exchange.config import Home
from exchange.operation.contents import examine_contents, examine_receipts
from exchange.operation.doctor import exit_code
from exchange.operation.findings import Finding
from exchange.operation.logbook import Walk, examine_log
from exchange.operation.records import DATABASE, examine_file, open_records
from exchange.storage.session import Session
from trust_store.errors import Misuse, Refused, reason

BAD_PROGRESS: Final = reason(
    "fsck-progress-malformed",
    "This is no file in which fsck kept how far it was",
    "Remove it, and all is looked at anew",
)


class _Progress(msgspec.Struct, forbid_unknown_fields=True):
    """How far the log was walked: all before was as it must be."""

    log: int
    size: int
    roots: list[str]


@click.command()
@FOLDER
@click.option(
    "--resume",
    "kept",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to keep in how far the log was walked, and to go on from; without it the walk begins at the first entry.",
)
@click.option("--log-only", is_flag=True, help="Walk the log, and leave receipts and messages alone.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def fsck(folder: Path, kept: Path | None, *, log_only: bool, as_json: bool) -> None:
    """Derive log, receipts and messages anew and compare; names the first divergence. Ends with 2 when there is one.

    The hub may be serving: what is looked at is one moment of it.
    """
    home, walk = Home(folder), _read(kept)
    try:
        with open_records(home) as session:
            findings = list(examine_file(session))
            if not findings:
                session.connection.execute("BEGIN")
                findings += examine_log(session, walk, _teller(kept))
                findings += () if log_only else _examine_rest(session, home)
    except (sqlite3.Error, TypeError, ValueError, LookupError) as error:
        findings = [DATABASE.broken(f"The database cannot be read: {error}", home.database.name)]
    if not as_json:
        click.echo(f"Log {walk.log}: {walk.edge.size:,} entries are as they must be")
    show(findings, as_json=as_json)
    sys.exit(exit_code(findings))


def _examine_rest(session: Session, home: Home) -> Iterator[Finding]:
    yield from examine_contents(session, home, deep=True)
    yield from examine_receipts(session, home)


def _teller(kept: Path | None) -> Callable[[Walk], object]:
    """Show people how far it is, and keep it in the file."""

    def tell(walk: Walk) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{walk.edge.size:,} entries", err=True, nl=False)
        if kept is not None:
            roots = [each.hex() for each in walk.edge.roots]
            aside = kept.with_name(f"{kept.name}.part")
            aside.write_bytes(msgspec.json.encode(_Progress(log=walk.log, size=walk.edge.size, roots=roots)))
            aside.replace(kept)

    return tell


def _read(kept: Path | None) -> Walk:
    if kept is None or not kept.exists():
        return Walk()
    try:
        progress = msgspec.json.decode(kept.read_bytes(), type=_Progress)
        return Walk(log=progress.log, edge=Edge(progress.size, [bytes.fromhex(each) for each in progress.roots]))
    except (msgspec.MsgspecError, binascii.Error, ValueError, Misuse, OSError):
        raise Refused(BAD_PROGRESS, str(kept.name)) from None
