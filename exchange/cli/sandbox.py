"""Run the sandbox."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from exchange.cli.options import run_async
from exchange.config import Home
from exchange.logs import configure


@click.command()
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Its folder.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=8800, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option(
    "--ngsp-port",
    default=0,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port for connected systems; 0 takes a free one.",
)
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Written once the hub answers.")
@click.option("--verbose", is_flag=True, help="Log every step of every message.")
@run_async
async def sandbox(
    folder: Path, host: str, port: int, ngsp_port: int, ready_file: Path | None, *, verbose: bool
) -> None:
    """Run a hub with a small Thanh Hóa in it; the same folder again is the same hub with the same data."""
    from exchange.sandbox import making, ready  # noqa: PLC0415 - nothing of it is loaded for other commands
    from exchange.server import serve_all, wait_for_signal  # noqa: PLC0415
    from exchange.wiring import open_exchange  # noqa: PLC0415

    configure(logging.DEBUG if verbose else logging.INFO)
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    record = await making.make(folder)
    async with open_exchange(Home(folder)) as exchange, serve_all(exchange, host, port, ngsp=(ngsp_port, "")) as served:
        located, url = ready.located(record, folder, served.url, served.ngsp), served.url
        ready.write_configs(located)
        if ready_file is not None:
            ready_file.parent.mkdir(parents=True, exist_ok=True)
            ready.write(ready_file, located)
        click.echo(f"The sandbox answers at {url}; its description is {url}/openapi.json")
        for party in located.parties:
            click.echo(f"  {party.id:16} {party.name}")
        click.echo(f"Connected systems call {served.ngsp}; the settings of their clients are in {folder / 'ngsp'}")
        click.echo(f"Keys, certificates and tokens: {ready_file or folder / ready.FILE}. Stop with Ctrl-C.")
        await wait_for_signal()
