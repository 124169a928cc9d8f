"""Make and serve a hub."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from exchange.cli.options import run_async
from exchange.config import Home
from exchange.logs import configure
from exchange.wiring import open_exchange


@click.command()
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Hub's folder.")
@click.option("--name", required=True, help="The hub's name, as receipts state it.")
@click.option("--code", required=True, help="The hub's identification code.")
@run_async
async def init(folder: Path, name: str, code: str) -> None:
    """Make a new hub in a folder, with an authority of its own for pilots."""
    from exchange.founding import found  # noqa: PLC0415 - keeps 'serve' quick to start
    from exchange.machine import SystemClock, SystemEntropy  # noqa: PLC0415

    home, clock = Home(folder), SystemClock()
    authority = found(home, name=name, code=code, clock=clock, entropy=SystemEntropy())
    async with open_exchange(home) as exchange:
        await exchange.trust.trust(authority.certificate, "anchor", clock.now())
    click.echo(f"The hub is in {folder}. Its trust anchor is {home.anchor}.")
    click.echo(f"Next: congvan party add --dir {folder} --kind enterprise CODE NAME; congvan serve --dir {folder}")


@click.command()
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Hub's folder.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=8800, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--verbose", is_flag=True, help="Log every step of every message.")
@run_async
async def serve(folder: Path, host: str, port: int, *, verbose: bool) -> None:
    """Serve a hub until SIGTERM or SIGINT."""
    from exchange.server import serve as serving  # noqa: PLC0415
    from exchange.server import wait_for_signal  # noqa: PLC0415

    configure(logging.DEBUG if verbose else logging.INFO)
    async with open_exchange(Home(folder)) as exchange, serving(exchange, host, port) as url:
        click.echo(f"The hub answers at {url}")
        await wait_for_signal()
