"""Write, sign and send documents."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import click

from envelopes.drafting import FileBeside, draft_letter
from envelopes.edxml import Letter, Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign as sign_document
from exchange.answers import HubRefused
from exchange.api.views import SubmissionView
from exchange.cli.options import Caller, caller_options, key_options, run_async
from exchange.cli.plain import local, plain, plain_lines
from exchange.client import Client
from exchange.composing import NOT_A_LETTER, read_document
from exchange.transfer import measure
from trust_store.errors import Refused, reason
from trust_store.explain import as_text

FILES_DIFFER = reason(
    "files-beside-differ",
    "The files are not those that the letter names",
    "Give each file that the letter was written with, by --detach",
)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command()
@click.option("--from", "sender", required=True, help="Code of the sender.")
@click.option("--to", "receivers", required=True, multiple=True, help="Code of a receiver; may be repeated.")
@click.option("--number", required=True, help="Số: the number of the letter.")
@click.option("--notation", required=True, help="Ký hiệu: its notation, such as CV-ABC.")
@click.option("--subject", required=True, help="Trích yếu: what it is about.")
@click.option("--place", help="Địa danh: where it was issued.")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), help="Hạn trả lời: when an answer is due.")
@click.option("--attach", "files", type=FILE, multiple=True, help="A file to attach; may be repeated.")
@click.option("--detach", "beside", type=FILE, multiple=True, help="A file to send beside it; may be repeated.")
@click.option("--answers", type=FILE, help="The edXML file of the letter that this one answers.")
@click.option("--out", "-o", type=OUT, required=True, help="Where the edXML goes.")
def letter(
    sender: str,
    receivers: tuple[str, ...],
    number: str,
    notation: str,
    subject: str,
    place: str | None,
    due: datetime | None,
    files: tuple[Path, ...],
    beside: tuple[Path, ...],
    answers: Path | None,
    out: Path,
) -> None:
    """Write an official letter (công văn) as edXML, not signed yet."""
    drafted = draft_letter(
        sender=Organ(organ_id=sender),
        receivers=[Organ(organ_id=code) for code in receivers],
        number=number,
        notation=notation,
        subject=subject,
        at=datetime.now(VIETNAM),
        files=[(file.name, file.read_bytes()) for file in files],
        place=place,
        due=due.date() if due else None,
        answers=_letter(answers) if answers else None,
        detached=[_beside(file) for file in beside],
    )
    out.write_bytes(build(drafted))
    click.echo(f"{out}: {drafted.document_id}. Next: congvan sign --p12 FILE {out} (in a sandbox: --as {sender})")


def _beside(path: Path) -> FileBeside:
    with path.open("rb") as file:
        stored = measure(file)
    return FileBeside(name=path.name, digest=stored.digest, size=stored.size)


def _digests(document: bytes, beside: tuple[Path, ...]) -> dict[str, str]:
    """Find the digest of each file that the letter names and does not carry, by its name."""
    if not beside:
        return {}
    read = read_document(document)
    if not isinstance(read, Letter):
        raise Refused(NOT_A_LETTER, "A status notice has no files beside it")
    known = {path.name: path for path in beside}
    missing = [item.name for item in read.detached if item.name not in known]
    if missing or len(read.detached) != len(beside):
        named = ", ".join(str(item.name) for item in read.detached) or "none"
        raise Refused(FILES_DIFFER, f"The letter names beside it: {named}")
    return {item.content_id: _beside(known[item.name or ""]).digest for item in read.detached}


async def _doubts(caller: Caller, document: bytes) -> list[str]:
    """Ask the hub, where one is known and answers, whether the letter would reach its receivers; signing needs none."""
    if not (caller.url and caller.token):
        return []
    try:
        async with caller.client() as client:
            return await client.doubts(document)
    except Refused:
        return []


def _letter(path: Path) -> Letter:
    read = read_document(path.read_bytes())
    if not isinstance(read, Letter):
        raise Refused(NOT_A_LETTER, f"{path} holds a status notice")
    return read


@click.command()
@caller_options
@key_options
@click.option("--detach", "beside", type=FILE, multiple=True, help="A file that goes beside it; may be repeated.")
@click.option("--out", "-o", type=OUT, help="Where the signed file goes; FILE.signed.edxml unless told.")
@click.argument("file", type=FILE)
def sign(
    caller: Caller,
    file: Path,
    beside: tuple[Path, ...],
    out: Path | None,
    p12: str | None,
    password: str | None,
    key: str | None,
    cert: str | None,
) -> None:
    """Sign an XML document, edXML at its own place, with a key that never leaves this machine."""
    holder = caller.key(p12, password, key, cert)
    target = out or file.with_name(f"{file.stem}.signed{file.suffix}")
    document = file.read_bytes()
    for doubt in asyncio.run(_doubts(caller, document)):
        click.echo(f"warning: {plain(doubt)}", err=True)
    target.write_bytes(sign_document(document, holder, _digests(document, beside)))
    click.echo(f"{target}: signed by {holder.certificate.subject}")


async def _submit(client: Client, file: Path, *, explain: bool) -> SubmissionView:
    try:
        return await client.submit(file.read_bytes())
    except HubRefused as refusal:
        if explain and refusal.verdict:
            click.echo(plain_lines(as_text(refusal.verdict)), err=True)
        raise


@click.command()
@caller_options
@click.option("--receipts", type=click.Path(file_okay=False, path_type=Path), help="Folder for the receipts.")
@click.option("--explain", is_flag=True, help="When the signer is not believed, show every check.")
@click.argument("files", type=FILE, nargs=-1, required=True)
@run_async
async def send(caller: Caller, receipts: Path | None, files: tuple[Path, ...], *, explain: bool) -> None:
    """Send signed documents; sending the same file again is safe and gives the same receipt."""
    async with caller.client() as client:
        for file in files:
            view = await _submit(client, file, explain=explain)
            click.echo(f"{view.message}\t{view.message_id}\taccepted {local(view.submitted_at)}")
            if receipts is not None:
                receipts.mkdir(parents=True, exist_ok=True)
                path = receipts / f"{view.receipt_id}.xml"
                path.write_bytes(view.receipt.encode())
                click.echo(f"receipt: {path}")
