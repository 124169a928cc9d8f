"""Read, verify and export the audit trail, on the machine where the hub's folder is."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec

from exchange.cli.options import run_async
from exchange.cli.party import FOLDER
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.audit import AuditRecord
from exchange.core.ports import AuditTrail
from exchange.founding import write_secret
from exchange.wiring import open_exchange

_PAGE = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AFTER = click.option(
    "--after", default=0, show_default=True, type=click.IntRange(0, 10**18), help="From behind this row."
)


@click.group()
def audit() -> None:
    """List, verify and export the audit trail."""


@audit.command("list")
@FOLDER
@AFTER
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="How many at most.")
@run_async
async def list_rows(folder: Path, after: int, limit: int) -> None:
    """List rows, oldest first: number, moment, event, who, whom, and what about it."""
    async with open_exchange(Home(folder)) as exchange:
        for item in await exchange.audit.page(after, limit):
            texts = (item.event, item.actor, item.subject, item.detail)
            click.echo("\t".join((str(item.number), _moment(item.at), *(plain(text) for text in texts))))


@audit.command("verify")
@FOLDER
@click.option("--expect", metavar="DIGEST", help="A digest that was noted before; its row must still be there.")
@run_async
async def verify(folder: Path, expect: str | None) -> None:
    """Recompute the chain, and say which row is the first that is wrong; show the last digest, to note it elsewhere."""
    async with open_exchange(Home(folder)) as exchange:
        number, digest = await exchange.audit.verify(_digest(expect) if expect else None)
    click.echo(f"{number}\t{digest.hex()}")


@audit.command("export")
@FOLDER
@AFTER
@click.option(
    "--out", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Where the rows go, as JSON."
)
@run_async
async def export(folder: Path, after: int, out: Path) -> None:
    """Write the rows with their digests into a file, one JSON object a line."""
    async with open_exchange(Home(folder)) as exchange:
        lines = [_line(item) async for item in _rows(exchange.audit, after)]
    write_secret(out, b"".join(lines))
    click.echo(f"{len(lines)} rows", err=True)


async def _rows(trail: AuditTrail, after: int) -> AsyncIterator[AuditRecord]:
    while found := await trail.page(after, _PAGE):
        for item in found:
            yield item
        after = found[-1].number


def _line(record: AuditRecord) -> bytes:
    digests = {"previous": record.previous.hex(), "digest": record.digest.hex()}
    return msgspec.json.encode(dataclasses.asdict(record) | digests) + b"\n"


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != len(bytes(32)):
        raise click.BadParameter("a digest has 64 hex digits", param_hint="--expect")
    return digest


def _moment(micros: int) -> str:
    """Write a moment; one that a forger put beyond every calendar is shown as it is."""
    try:
        return f"{_EPOCH + timedelta(microseconds=micros):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return str(micros)
