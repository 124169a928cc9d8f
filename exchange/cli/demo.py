"""Tell the whole story."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

import click

from exchange.config import Home
from exchange.founding import authority_of
from exchange.logs import configure
from exchange.sandbox import making, ready
from exchange.sandbox.story import StoryBroken, tell_story
from exchange.server import serve
from exchange.wiring import open_exchange
from trust_store.errors import CongvanError


@click.command()
def demo() -> None:
    """Tell the whole story against a temporary hub; ends with 0 only if every line of it held."""
    configure(logging.CRITICAL)
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="congvan-demo-") as folder:
            asyncio.run(_tell(Path(folder) / "hub"))
    except StoryBroken as broken:
        click.echo(f"✗ {broken}", err=True)
        sys.exit(1)
    except CongvanError as error:
        click.echo(f"✗ the story broke off: {error}", err=True)
        sys.exit(1)
    click.echo(f"All of it held, in {time.monotonic() - started:.1f} seconds.")


async def _tell(folder: Path) -> None:
    record = await making.make(folder, history=False)
    async with open_exchange(Home(folder)) as exchange, serve(exchange, "127.0.0.1", 0) as url:
        located = ready.located(record, folder, url)
        await tell_story(url, located, authority_of(Home(folder)), click.echo)
