"""The command of the adapter for shared categories."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import click

from adapters.dmdc.adapter import Categories, Hub, build
from adapters.dmdc.tables import Tables, read_seed
from adapters.lookups import listen_options, run
from adapters.options import FILE, SECRET_UNREADABLE
from exchange.client import Refused

PORT: Final = 9101
SEED: Final = Path(__file__).parent / "seed"


@click.command()
@click.option("--data", type=FILE, required=True, help="Database of the tables (SQLite); made if it is not there.")
@click.option("--seed", type=click.Path(path_type=Path), default=SEED, help="Folder of CSV files with the categories.")
@click.option("--writer", "writers", multiple=True, help="System that may add records; may be repeated.")
@click.option("--url", envvar="CONGVAN_URL", help="Address of the hub whose agencies are listed.")
@click.option("--token-file", type=FILE, help="File with the token of a party of that hub.")
@click.option(
    "--every",
    type=click.FloatRange(min=1),
    default=3600.0,
    show_default=True,
    help="Seconds between two looks at the directory.",
)
@listen_options(PORT)
def dmdc(
    data: Path,
    seed: Path,
    writers: tuple[str, ...],
    url: str | None,
    token_file: Path | None,
    every: float,
    host: str,
    port: int,
) -> None:
    """Answer look-ups of shared categories (dmdc), with the agencies of a hub."""
    if token_file is not None and not url:
        raise click.UsageError("--token-file goes with --url")
    hub = Hub(url=url, token=_read(token_file), every=every) if url and token_file else None
    categories, records = read_seed(seed)
    with contextlib.closing(Tables(data, categories)) as tables:
        tables.seed(records)
        run(build(Categories(tables=tables, writers=frozenset(writers)), hub), host, port)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise Refused(SECRET_UNREADABLE, "The file cannot be read", where=str(path)) from None
