"""Verify signed files offline: edXML with what is attached, receipts, PDF, and XML documents of others."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from envelopes.batch import OTHER_RECEIPT
from envelopes.inside.facts import FileKind
from envelopes.inside.kinds import HEADER, kind_of
from exchange.cli.given import FILE, evidence_options
from exchange.cli.insides import MOST, SECONDS, Looker, lines_of, record_of
from exchange.cli.plain import plain, plain_lines
from exchange.inside import Inside
from exchange.inspection import Inspection
from exchange.verification import UNMATCHED, Finding, belongs_to_others, examine, examine_stamp
from trust_store.errors import reason
from trust_store.evidence import Evidence
from trust_store.explain import as_text
from trust_store.policy import Policy
from trust_store.verdict import Outcome

UNREADABLE = reason("file-unreadable", "The file cannot be read", "Give the path of a file that you may read")


@dataclass(frozen=True, slots=True)
class _Found:
    """Hold what a file is, what is inside a file that is no letter, and what is inside the files of one that is."""

    path: Path
    finding: Finding
    inside: Inside | None = None
    attached: Sequence[tuple[str, Inside]] = ()


@click.command()
@evidence_options
@click.option(
    "--attachment", "attachments", type=FILE, multiple=True, help="A file that came beside a letter; repeatable."
)
@click.option("--stamp", "stamps", type=FILE, multiple=True, help="The proof of a receipt's time-stamp; repeatable.")
@click.option("--log-key", default="", metavar="VKEY", help="The key of the log that receipts must be in.")
@click.option("--explain", is_flag=True, help="Show every check that was made of the signer.")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line: file, verdict, reason, text, level, proven."
)
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
def verify(
    evidence: Evidence,
    at: datetime,
    attachments: tuple[Path, ...],
    stamps: tuple[Path, ...],
    log_key: str,
    files: tuple[Path, ...],
    *,
    explain: bool,
    as_json: bool,
) -> None:
    """Verify signed files (edXML, receipts, PDF, XML), offline. Ends with 0 when all are valid, with 1 otherwise."""
    proofs = [(path, *_examine_proof(path, files, evidence, at)) for path in stamps]
    proven = {sealed: moment for _, _, sealed, moment in proofs if sealed is not None and moment is not None}
    found = asyncio.run(_examine_all(files, attachments, evidence, at, proven, log_key))
    found += [_Found(path, finding) for path, finding, _, _ in proofs]
    for each in found:
        for line in [_record(each, explain=explain)] if as_json else _lines(each, explain=explain):
            click.echo(line)
    sys.exit(0 if all(each.finding.verdict == Outcome.VALID for each in found) else 1)


async def _examine_all(
    files: Iterable[Path],
    attachments: Iterable[Path],
    evidence: Evidence,
    at: datetime,
    proven: Mapping[Path, datetime],
    log_key: str,
) -> list[_Found]:
    """Verify the files, then say of those that came beside letters whether one of these is signed over them.

    `proven` has moments by which receipts are proven to have been there.
    """
    digests = {path: _digest(path) for path in attachments}
    looker = Looker(inspection=Inspection(SECONDS, processes=1), evidence=evidence, at=at, log_key=log_key)
    try:
        known = frozenset(digests.values())
        found = [await _examine_file(path, looker, known, proven.get(path)) for path in files]
        covered = frozenset[str]().union(*(each.finding.detached for each in found))
        found += [await _examine_beside(path, digest, covered, looker) for path, digest in digests.items()]
    finally:
        await looker.inspection.close()
    return found


async def _examine_file(path: Path, looker: Looker, attachments: Collection[str], proven: datetime | None) -> _Found:
    """Verify one file: letters and receipts by the hub's own profile, PDF and documents of others by what they hold."""
    try:
        data = path.read_bytes()
    except OSError as error:
        text = f"{UNREADABLE.title}: {error.strerror}. {UNREADABLE.fix}"
        return _Found(path, Finding(verdict=Outcome.INVALID, reason=UNREADABLE.code, text=text))
    kind = kind_of(data)
    if kind is not FileKind.PDF:
        finding = examine(data, looker.evidence, Policy(), looker.at, attachments, proven, looker.log_key)
        if not belongs_to_others(data, finding):
            return _Found(path, finding, attached=await looker.look_into_letter(data))
    inside = await looker.look(kind, data)
    return _Found(path, Finding(verdict=inside.verdict, reason=inside.reason, text=inside.text), inside)


async def _examine_beside(path: Path, digest: str, covered: Collection[str], looker: Looker) -> _Found:
    with path.open("rb") as file:
        kind = kind_of(file.read(HEADER))
        file.seek(0)
        data = file.read(MOST + 1) if kind is not FileKind.OTHER else b""
    attached = [(path.name, await looker.look(kind, data))] if data else []
    return _Found(path, _match(digest, covered), attached=attached)


def _examine_proof(
    path: Path, files: Iterable[Path], evidence: Evidence, at: datetime
) -> tuple[Finding, Path | None, datetime | None]:
    """Find the receipt that a proof is about among the files, and verify the two together."""
    data = path.read_bytes()
    for sealed in (each for each in files if each.is_file()):
        finding, proven = examine_stamp(data, sealed.read_bytes(), evidence, Policy(), at)
        if finding.reason != OTHER_RECEIPT.code:
            return finding, sealed, proven
    return (
        Finding(verdict=Outcome.INVALID, reason=OTHER_RECEIPT.code, text=f"{OTHER_RECEIPT.title}. {OTHER_RECEIPT.fix}"),
        None,
        None,
    )


def _digest(path: Path) -> str:
    """Digest a file of any size without holding it in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _match(digest: str, covered: Collection[str]) -> Finding:
    if digest in covered:
        return Finding(verdict=Outcome.VALID, reason="", text=f"Signed beside a letter, SHA-256 {digest}")
    text = f"{UNMATCHED.title}: SHA-256 {digest}. {UNMATCHED.fix}"
    return Finding(verdict=Outcome.INVALID, reason=UNMATCHED.code, text=text)


def _lines(found: _Found, *, explain: bool) -> Iterable[str]:
    yield f"{found.path}: {found.finding.verdict}. {plain(found.finding.text)}"
    if explain and found.finding.checks:
        yield "\n".join(f"  {line}" for line in plain_lines(as_text(found.finding.checks)).split("\n"))
    yield from lines_of(found.inside) if found.inside else ()
    for name, inside in found.attached:
        yield f"  {plain(name)}: {inside.verdict}. {plain(inside.text)}"
        yield from (f"  {line}" for line in lines_of(inside))


def _record(found: _Found, *, explain: bool) -> str:
    """Write one object; `signatures` and `attachments` are there where the file has any."""
    line, lasting = _summary(str(found.path), found.finding), found.finding.lasting
    proven = lasting.proven if lasting else None
    line |= {"level": lasting.name if lasting else "", "proven": proven.isoformat() if proven else ""}
    if explain and found.finding.checks:
        line["checks"] = found.finding.checks
    if found.inside:
        line["signatures"] = record_of(found.inside)
    if found.attached:
        line["attachments"] = [
            _summary(plain(name), inside) | {"signatures": record_of(inside)} for name, inside in found.attached
        ]
    return msgspec.json.encode(line).decode()


def _summary(file: str, said: Finding | Inside) -> dict[str, Any]:
    return {"file": file, "verdict": said.verdict, "reason": said.reason, "text": plain(said.text)}
