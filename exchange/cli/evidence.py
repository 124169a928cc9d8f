"""Show what happened, and fetch the proof."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from envelopes.receipt import open_receipt
from exchange.cli.options import Caller, caller_options, run_async
from exchange.cli.plain import local, plain, plain_lines
from exchange.errors import DAMAGED
from exchange.machine import SystemClock
from exchange.verification import examine
from trust_store.certificate import load_many
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.explain import as_text
from trust_store.policy import Policy


@click.command()
@caller_options
@click.argument("message")
@run_async
async def timeline(caller: Caller, message: str) -> None:
    """Tell what happened to a document so far."""
    async with caller.client() as client:
        for item in await client.timeline(message):
            odd = " (irregular)" if item.irregular else ""
            proof = item.evidence or item.notice or ""
            click.echo(f"{local(item.at)}\t{item.what}{odd}\t{item.receiver}\t{plain(item.text)}\t{proof}")


@click.command()
@caller_options
@click.option("--json", "as_json", is_flag=True, help="The same tree as one JSON object.")
@click.argument("message")
@run_async
async def explain(caller: Caller, message: str, *, as_json: bool) -> None:
    """Show why a document was believed: every check, the certificate path, the clock, and what each stands on."""
    async with caller.client() as client:
        record = bytes((await client.message(message)).verdict)
    click.echo(plain(record.decode()) if as_json else plain_lines(as_text(msgspec.json.decode(record))))


@click.command()
@caller_options
@click.option("--anchor", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The hub's trust anchor.")
@click.option("--out", "-o", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where they go.")
@click.argument("message")
@run_async
async def receipt(caller: Caller, anchor: Path | None, out: Path, message: str) -> None:
    """Download the receipts of a document and verify each: signature, signer, and that it is about these bytes."""
    if anchor is None and caller.sandbox is not None:
        anchor = Path(caller.sandbox.trust_anchor)
    evidence = Evidence(anchors=load_many(anchor.read_bytes()) if anchor else ())
    out.mkdir(parents=True, exist_ok=True)
    async with caller.client() as client:
        digest = (await client.message(message)).digest
        for item in await client.timeline(message):
            if item.evidence is None:
                continue
            data = await client.evidence(item.evidence)
            stated, _ = open_receipt(data)
            if stated.digest != digest:
                raise Refused(DAMAGED, f"The receipt {stated.id} is about other bytes than this document")
            path = out / f"{item.evidence}.xml"
            path.write_bytes(data)
            found = examine(data, evidence, Policy(), SystemClock().now())
            click.echo(f"{path}\t{stated.event}\t{found.verdict}\t{plain(found.text)}")
