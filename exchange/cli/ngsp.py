"""Help those who connect document management systems."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from exchange.cli.options import run_async
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.systems import SystemId
from exchange.ngsp.headers import read_signed
from exchange.ngsp.tracing import Captured, read_capture, trace
from exchange.wiring import open_exchange

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def ngsp() -> None:
    """Help those who connect document management systems."""


@ngsp.command("trace")
@click.option(
    "--secret-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The system's secret."
)
@click.option("--dir", "folder", type=_FOLDER, help="The hub's folder, to look its secrets up.")
@click.argument("capture", type=_FILE)
@run_async
async def trace_request(secret_file: Path | None, folder: Path | None, capture: Path) -> None:
    """Say which header or byte of a captured request is wrong; - reads it from standard input. Ends with 1 if any is."""
    if (secret_file is None) == (folder is None):
        raise click.UsageError("Give --secret-file or --dir")
    captured = read_capture(sys.stdin.buffer.read() if str(capture) == "-" else capture.read_bytes())
    keys = [secret_file.read_bytes().strip()] if secret_file else await _keys(folder or Path(), captured)
    wrong = 0
    for line in trace(captured, keys):
        wrong += not line.good
        click.echo(f"{'ok' if line.good else 'WRONG'}\t{plain(line.text)}")
    sys.exit(1 if wrong else 0)


async def _keys(folder: Path, captured: Captured) -> list[bytes]:
    """Look the secrets of the system up that the request claims to come from."""
    system = SystemId(read_signed(captured.headers).system)
    async with open_exchange(Home(folder)) as exchange:
        return list(await exchange.systems.secrets(system, exchange.hub.clock.now()))
