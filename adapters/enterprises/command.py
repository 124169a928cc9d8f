"""The command of the adapter for the business register."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from adapters.enterprises.adapter import build
from adapters.enterprises.register import read_register
from adapters.lookups import listen_options, run
from adapters.options import FILE

PORT: Final = 9102
SAMPLE: Final = Path(__file__).parent / "samples" / "register.json"


@click.command()
@click.option("--data", type=FILE, default=SAMPLE, help="The register (JSON); without it, one of made-up enterprises.")
@listen_options(PORT)
def enterprises(data: Path, host: str, port: int) -> None:
    """Answer look-ups of the business register (apiCSDLDKDN)."""
    run(build(read_register(data)), host, port)
