"""The command of the folder adapter."""

from __future__ import annotations

from pathlib import Path

import click

from adapters.folder.adapter import SETTLE, Folder
from adapters.options import Link, link_options


@click.command()
@click.option("--folder", "path", type=click.Path(path_type=Path), required=True, help="The folder to connect.")
@click.option(
    "--settle",
    type=click.FloatRange(min=0, max=3600),
    default=SETTLE,
    show_default=True,
    help="Seconds that a file must not have changed before it is taken.",
)
@link_options
def folder(link: Link, path: Path, settle: float) -> None:
    """Connect a folder: what is dropped into outbox is sent, what arrives appears in inbox."""
    with Folder.opened(path, link.key, link.trust, settle=settle) as local:
        link.run(local, local.spool)
