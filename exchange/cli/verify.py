"""Verify signed XML offline: edXML, receipts, and plain enveloped or enveloping signatures."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

import click
import msgspec

from exchange.cli.moments import parse_moment
from exchange.cli.plain import plain
from exchange.machine import SystemClock
from exchange.verification import UNMATCHED, Finding, examine
from trust_store.certificate import Certificate, load_many
from trust_store.errors import reason
from trust_store.evidence import Evidence, Revocation, Terms
from trust_store.policy import Policy, Use
from trust_store.verdict import Outcome

UNREADABLE = reason("file-unreadable", "The file cannot be read", "Give the path of a file that you may read")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--anchor", "anchors", type=FILE, multiple=True, help="A trusted authority (PEM or DER); repeatable.")
@click.option(
    "--time-anchor", "time_anchors", type=FILE, multiple=True, help="One trusted for time-stamps; repeatable."
)
@click.option("--intermediate", "intermediates", type=FILE, multiple=True, help="An authority below it; repeatable.")
@click.option("--revoked", type=FILE, multiple=True, help="A certificate that is not to be believed; repeatable.")
@click.option(
    "--attachment", "attachments", type=FILE, multiple=True, help="A file that came beside a letter; repeatable."
)
@click.option(
    "--at", "moment", help="Judge as of this moment (ISO 8601, UTC unless it says otherwise); now unless told."
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line: file, verdict, reason, text, level, proven."
)
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
def verify(
    anchors: tuple[Path, ...],
    time_anchors: tuple[Path, ...],
    intermediates: tuple[Path, ...],
    revoked: tuple[Path, ...],
    attachments: tuple[Path, ...],
    moment: str | None,
    files: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Verify signed XML files, offline. Ends with 0 when all are valid, with 1 otherwise."""
    at = parse_moment(moment) if moment else SystemClock().now()
    clocks = tuple(_read(time_anchors))
    evidence = Evidence(
        anchors=(*_read(anchors), *clocks),
        terms={each.fingerprint: Terms(uses=frozenset({Use.TIMESTAMPS})) for each in clocks},
        intermediates=tuple(_read(intermediates)),
        revoked=tuple(_revocation(path, at) for path in revoked),
    )
    digests = {path: _digest(path) for path in attachments}
    found = [(path, _examine_file(path, evidence, at, frozenset(digests.values()))) for path in files]
    covered = frozenset[str]().union(*(finding.detached for _, finding in found))
    found += [(path, _match(digest, covered)) for path, digest in digests.items()]
    for path, finding in found:
        click.echo(_line(path, finding) if as_json else f"{path}: {finding.verdict}. {plain(finding.text)}")
    sys.exit(0 if all(finding.verdict == Outcome.VALID for _, finding in found) else 1)


def _examine_file(path: Path, evidence: Evidence, at: datetime, attachments: Collection[str]) -> Finding:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Finding(
            verdict=Outcome.INVALID,
            reason=UNREADABLE.code,
            text=f"{UNREADABLE.title}: {error.strerror}. {UNREADABLE.fix}",
        )
    return examine(data, evidence, Policy(), at, attachments)


def _digest(path: Path) -> str:
    """Digest a file of any size without holding it in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _match(digest: str, covered: Collection[str]) -> Finding:
    if digest in covered:
        return Finding(verdict=Outcome.VALID, reason="", text=f"Signed beside a letter, SHA-256 {digest}")
    text = f"{UNMATCHED.title}: SHA-256 {digest}. {UNMATCHED.fix}"
    return Finding(verdict=Outcome.INVALID, reason=UNMATCHED.code, text=text)


def _read(paths: Iterable[Path]) -> Iterable[Certificate]:
    for path in paths:
        yield from load_many(path.read_bytes())


def _revocation(path: Path, at: datetime) -> Revocation:
    (certificate, *_) = _read([path])
    return Revocation(signed_part=certificate.signed_part, at=min(at, certificate.not_before), why="given as revoked")


def _line(path: Path, finding: Finding) -> str:
    line = {"file": str(path), "verdict": finding.verdict, "reason": finding.reason, "text": plain(finding.text)}
    lasting = finding.lasting
    proven = lasting.proven if lasting else None
    line |= {"level": lasting.name if lasting else "", "proven": proven.isoformat() if proven else ""}
    return msgspec.json.encode(line).decode()
