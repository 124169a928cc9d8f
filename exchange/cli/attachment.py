"""Upload, list and download files that travel beside letters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from envelopes.opened import open_signed
from exchange.api.ranges import safe_name
from exchange.cli.options import Caller, caller_options, run_async
from exchange.client import FILE_DIFFERS, Client
from trust_store.errors import Refused


@click.group()
def attachment() -> None:
    """Upload, list and download files that travel beside letters."""


@attachment.command()
@caller_options
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@run_async
async def upload(caller: Caller, file: Path) -> None:
    """Upload a file, or go on with one that broke off; then it can be named in a letter."""
    async with caller.client() as client:
        stored = await client.upload(file, on_progress=_percent())
    click.echo(f"{stored.digest}\t{stored.size}\t{file.name}")


@attachment.command("list")
@caller_options
@click.argument("message")
@run_async
async def list_(caller: Caller, message: str) -> None:
    """List the files beside a message."""
    async with caller.client() as client:
        for item in await client.attachments(message):
            click.echo(f"{item.ordinal}\t{item.size}\t{item.digest}\t{item.media_type}\t{safe_name(item.name)}")


@attachment.command()
@caller_options
@click.option("--out", "-o", type=click.Path(path_type=Path), help="File or folder; the sender's name unless told.")
@click.argument("message")
@click.argument("ordinal", metavar="N", type=click.IntRange(1))
@run_async
async def download(caller: Caller, message: str, ordinal: int, out: Path | None) -> None:
    """Download the Nth file beside a message, or go on where it broke off, compared with what its letter has signed."""
    async with caller.client() as client:
        name, digest = await _signed(client, message, ordinal)
        target = out / name if out is not None and out.is_dir() else out or Path(name)
        stored = await client.download(message, ordinal, target, digest=digest, on_progress=_percent())
    click.echo(f"{target}\t{stored.size}\t{stored.digest}")


async def _signed(client: Client, message: str, ordinal: int) -> tuple[str, str]:
    """Find name and digest of a file; the digest must be one that the letter's signature covers."""
    found = [item for item in await client.attachments(message) if item.ordinal == ordinal]
    digests = [item.digest for item in open_signed(await client.content(message)).detached]
    if found and found[0].digest not in digests:
        raise Refused(FILE_DIFFERS, f"The signature of the letter does not cover {found[0].digest}")
    return (safe_name(found[0].name), found[0].digest) if found else ("attachment", "")


def _percent() -> Callable[[int, int], None]:
    """Tell every tenth of the way on standard error."""
    told = 0

    def tell(done: int, size: int) -> None:
        nonlocal told
        tenths = done * 10 // size if size else 10
        if tenths > told:
            told = tenths
            click.echo(f"{tenths * 10}%", err=True)

    return tell
