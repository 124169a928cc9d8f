"""Fetch documents with time-stamps beside what was signed."""

from __future__ import annotations

from pathlib import Path

import click

from exchange.cli.options import Caller, caller_options, run_async


@click.command("raise")
@caller_options
@click.option("--level", type=click.Choice(["T", "LT", "LTA"]), default="T", show_default=True, help="At least this.")
@click.option("--out", "-o", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where it goes.")
@click.argument("message")
@run_async
async def raise_(caller: Caller, level: str, out: Path, message: str) -> None:
    """Download a document raised to a level: with time-stamps and values beside what its sender signed."""
    async with caller.client() as client:
        out.write_bytes(await client.raised(message, level))
    click.echo(f"{out}: raised to level {level} at least. Next: congvan verify --anchor FILE --time-anchor FILE {out}")
