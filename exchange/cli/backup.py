"""Back a hub up, and restore it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from exchange.cli.doctor import show
from exchange.cli.options import run_async
from exchange.cli.party import FOLDER
from exchange.config import Home
from exchange.core.audit import AuditEntry, AuditEvent
from exchange.machine import SystemClock
from exchange.operation.backup import back_up
from exchange.operation.doctor import examine_hub, exit_code
from exchange.operation.restore import restore as restore_hub
from exchange.running import operator
from exchange.storage.audit import AuditStore
from exchange.storage.log import LogStore
from exchange.storage.migration import migrate
from exchange.storage.sqlite import open_database

_PLACE = click.Path(file_okay=False, path_type=Path)


@click.command()
@FOLDER
@click.option(
    "--to", type=_PLACE, required=True, help="Where it goes: a new folder, or the last backup to bring up to date."
)
@click.option("--with-keys", is_flag=True, help="Also the hub's private keys; keep that backup as safe as the hub.")
@run_async
async def backup(folder: Path, to: Path, *, with_keys: bool) -> None:
    """Back a hub up while it serves; ends with 1 when the hub itself has lost bytes of a message."""
    at = SystemClock().now()
    made = back_up(Home(folder), to, at=at, with_keys=with_keys)
    detail = f"manifest {made.digest}" + (", with keys" if with_keys else "")
    await _note(Home(folder), AuditEntry(event=AuditEvent.BACKUP_MADE, actor=operator(), detail=detail))
    size = sum(item.size for item in made.manifest.files)
    click.echo(
        f"{to}: {len(made.manifest.files)} files, {size:,} bytes, {made.added} blobs new. Manifest {made.digest}"
    )
    if not with_keys:
        click.echo("The private keys are not in it: keep a copy of the hub's keys folder elsewhere.", err=True)
    for digest in made.manifest.missing:
        click.echo(f"The bytes {digest} are lost or changed in the hub; see congvan doctor --deep", err=True)
    sys.exit(1 if made.manifest.missing else 0)


@click.command()
@click.option("--from", "source", type=_PLACE, required=True, help="The folder of a finished backup.")
@click.option("--keys", type=click.Path(file_okay=False, exists=True, path_type=Path), help="A folder with the keys.")
@FOLDER
@run_async
async def restore(source: Path, keys: Path | None, folder: Path) -> None:
    """Restore a backup into a new folder, then examine the hub as 'doctor --deep' does and end as it does."""
    folder = folder.resolve()  # "." and ".." are replaced too, and have no name to put something beside
    made = restore_hub(source.resolve(), Home(folder), keys.resolve() if keys else None)
    detail = f"from the backup of {made.made_at:%Y-%m-%d %H:%M:%S} UTC"
    await _end_log(Home(folder))
    await _note(Home(folder), AuditEntry(event=AuditEvent.RESTORED, actor=operator(), detail=detail))
    click.echo(f"{folder} is restored {detail}: {len(made.files)} files")
    if not made.with_keys and keys is None:
        click.echo(f"The backup has no private keys: put them into {folder / 'keys'} before serving.", err=True)
    findings = list(examine_hub(Home(folder), at=SystemClock().now(), deep=True))
    show(findings)
    sys.exit(exit_code(findings))


async def _note(home: Home, entry: AuditEntry) -> None:
    async with open_database(home.database) as database:
        await AuditStore(database).append(entry, SystemClock().now())


async def _end_log(home: Home) -> None:
    """End the log of a restored hub: it may have grown after the backup, and must not grow another way from there."""
    migrate(home.database)
    async with open_database(home.database) as database:
        await LogStore(database).end(SystemClock().now())
