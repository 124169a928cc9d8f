"""Decide about messages that are held back, on the machine where the hub's folder is."""

from __future__ import annotations

from pathlib import Path

import click

from exchange.api.quarantine import affected_views
from exchange.cli.foreseeing import show_affected
from exchange.cli.options import run_async
from exchange.cli.party import FOLDER
from exchange.config import Home
from exchange.core import compromise
from exchange.core.model import MessageKey
from exchange.wiring import open_exchange

PAGE = 200
WHY = click.option("--why", required=True, help="The reason, as everyone concerned will read it.")


@click.group()
def quarantine() -> None:
    """Look into messages that are held back because a key was lost."""


@quarantine.command("list")
@FOLDER
@run_async
async def list_held(folder: Path) -> None:
    """List the deliveries that are held back."""
    count, after = 0, None
    async with open_exchange(Home(folder)) as exchange:
        while found := await exchange.hub.store.quarantine.page(after, PAGE):
            show_affected(affected_views(found))
            count, after = count + len(found), found[-1].message
    click.echo(f"{count} deliveries are held back", err=True)


@quarantine.command("release")
@FOLDER
@WHY
@click.argument("message")
@run_async
async def release(folder: Path, why: str, message: str) -> None:
    """Let a message go on that was looked into; its marks are taken away."""
    async with open_exchange(Home(folder)) as exchange:
        found = await compromise.release(exchange.hub, MessageKey(message), why, exchange.author())
    click.echo(f"{message} goes on to {', '.join(item.receiver for item in found)}")


@quarantine.command("withdraw")
@FOLDER
@WHY
@click.argument("message")
@run_async
async def withdraw(folder: Path, why: str, message: str) -> None:
    """Never hand a message out; its sender and receivers get evidence of that."""
    async with open_exchange(Home(folder)) as exchange:
        found = await compromise.withdraw(exchange.hub, MessageKey(message), why, exchange.author())
    click.echo(f"{message} is withdrawn from {', '.join(item.receiver for item in found)}")
