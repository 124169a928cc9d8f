"""Read the mailbox and answer."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from envelopes import edxml
from envelopes.drafting import draft_status
from envelopes.edxml import Letter, Organ, StatusCode, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.cli.options import Caller, NamedKey, caller_options, key_options, run_async
from exchange.cli.plain import local, plain
from exchange.client import Client
from exchange.composing import NOT_A_LETTER, read_classified, unpack
from trust_store.errors import Refused

LONGEST_NAME = 180
"""Bytes of a sender's file name that are kept; a file system takes 255, and our own prefix needs some."""
OUT = click.Path(file_okay=False, path_type=Path)


@click.command()
@caller_options
@click.option("--all", "everything", is_flag=True, help="Also what was acknowledged.")
@run_async
async def inbox(caller: Caller, *, everything: bool) -> None:
    """List the mailbox, oldest first."""
    async with caller.client() as client:
        found = await client.inbox(waiting=not everything)
    for item in found:
        what = f"{item.number}/{item.notation} {item.subject}" if item.kind == "letter" else "status notice"
        click.echo(f"{item.delivery}\t{item.message}\t{local(item.consigned_at)}\t{item.sender}\t{plain(what)}")
    click.echo(f"{len(found)} {'deliveries' if everything else 'waiting'}", err=True)


@click.command()
@caller_options
@click.option("--out", "-o", type=OUT, default=Path(), show_default="this folder", help="Where the files go.")
@click.argument("message")
@run_async
async def fetch(caller: Caller, out: Path, message: str) -> None:
    """Download a document byte for byte, verify its signature, and take its attachments out."""
    async with caller.client() as client:
        data = await client.content(message)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{message}.edxml"
    path.write_bytes(data)
    letter, kind = read_classified(data)
    click.echo(f"{path}: {len(data):,} bytes, signature: {kind}; who signed: congvan verify --anchor FILE {path}")
    if isinstance(letter, edxml.StatusNotice):
        about = letter.response_for.document_id or letter.response_for.code
        click.echo(plain(f"status {letter.status_code} about {about}: {letter.description or ''}"))
        return
    for index, content in enumerate(unpack(letter), start=1):
        if content.refusal is not None:
            raise content.refusal
        target = out / f"{message}-{index}-{safe_name(content.name)}"
        target.write_bytes(content.data)
        click.echo(f"{target}: {len(content.data):,} bytes")


@click.command()
@caller_options
@click.argument("deliveries", nargs=-1, required=True)
@run_async
async def ack(caller: Caller, deliveries: tuple[str, ...]) -> None:
    """Acknowledge deliveries; again is safe."""
    async with caller.client() as client:
        for delivery in deliveries:
            receipt = await client.acknowledge(delivery)
            click.echo(f"{delivery}\treceipt {receipt.receipt_id}")


@click.command()
@caller_options
@key_options
@click.option("--text", default="", help="What to tell the sender; a refusal (02) must have it.")
@click.option("--receiver", help="With 13: the receiver that the sender asks to give the document back.")
@click.argument("message")
@click.argument("code", type=click.Choice([code.value for code in StatusCode]))
@run_async
async def status(
    caller: Caller,
    message: str,
    code: str,
    text: str,
    receiver: str | None,
    named: NamedKey,
) -> None:
    """Report a business status of a document, signed: a receiver 01 to 06, 15, 16 to its sender, the sender 13."""
    holder = caller.key(named)
    async with caller.client() as client:
        letter, _ = read_classified(await client.content(message))
        if not isinstance(letter, Letter):
            raise Refused(NOT_A_LETTER, "A status is about a letter, and this is a notice")
        sender = await _myself(client)
        at = datetime.now(VIETNAM)
        notice = draft_status(sender=sender, letter=letter, code=StatusCode(code), at=at, text=text, about=receiver)
        view = await client.submit(sign(build(notice), holder))
    click.echo(f"{view.message}\tstatus {code} sent, receipt {view.receipt_id}")


def safe_name(name: str) -> str:
    """Make a sender's file name safe to write: no folders, no control or direction characters, not hidden."""
    kept = "".join(
        char if char.isalnum() or char in " .-_()" else "_" for char in name.replace("\\", "/").split("/")[-1]
    )
    return kept.strip(" .").encode()[:LONGEST_NAME].decode(errors="ignore") or "file"


async def _myself(client: Client) -> Organ:
    party = await client.whoami()
    return Organ(organ_id=party.id, name=party.name)
