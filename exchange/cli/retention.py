"""Remove old content by hand."""

from __future__ import annotations

from pathlib import Path

import click

from exchange.cli.options import run_async
from exchange.cli.party import FOLDER
from exchange.config import Home
from exchange.core.retention import list_expired, remove_expired
from exchange.wiring import open_exchange

SHOWN = 10_000


@click.group()
def retention() -> None:
    """Remove the content of old messages; the evidence stays."""


@retention.command("run")
@FOLDER
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
@run_async
async def run(folder: Path, *, dry_run: bool) -> None:
    """Remove content older than the setting retention_days, as the serving hub does every hour."""
    async with open_exchange(Home(folder)) as exchange:
        days = exchange.settings.retention_days
        if dry_run:
            found = await list_expired(exchange.hub, exchange.retention, days, SHOWN)
            blobs = 0
        else:
            removed = await remove_expired(exchange.hub, exchange.retention, days)
            found, blobs = [item.message for item in removed], sum(item.blobs for item in removed)
    for filed in found:
        click.echo(f"{filed.key}\t{filed.submitted_at:%Y-%m-%d}\t{filed.size}\t{filed.message_id}")
    what = "would be removed" if dry_run else f"removed, {blobs} files at once"
    click.echo(f"{len(found)} {what}" if days else "retention_days is 0: content is kept for ever", err=True)
