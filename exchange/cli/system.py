"""Manage connected systems, on the machine where the hub's folder is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import click

from exchange.auth import systems
from exchange.cli.options import run_async
from exchange.cli.party import FOLDER, find_party
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.systems import (
    MAX_OVERLAP,
    OVERLAP,
    Link,
    System,
    SystemId,
    SystemStatus,
    describe_system,
    missing_system,
)
from exchange.running import Exchange
from exchange.wiring import open_exchange

_HOUR = timedelta(hours=1)


@click.group()
def system() -> None:
    """Manage document management systems that speak the dialect of the national axis."""


@system.command("add")
@FOLDER
@click.option("--name", required=True, help="What the system is called.")
@click.option(
    "--unsigned", is_flag=True, help="Let it send documents without a signature, or with a placeholder of one."
)
@click.option("--also-api", is_flag=True, help="Its agencies can be reached over the API too.")
@click.option(
    "--secret-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Take this secret over."
)
@click.argument("systemid")
@click.argument("agencies", nargs=-1)
@run_async
async def add(
    folder: Path,
    name: str,
    systemid: str,
    agencies: tuple[str, ...],
    secret_file: Path | None,
    *,
    unsigned: bool,
    also_api: bool,
) -> None:
    """Connect a system that speaks for these agencies, and show its secret once."""
    given = secret_file.read_text("utf-8").strip() if secret_file else ""
    async with open_exchange(Home(folder)) as exchange:
        links = await _links(exchange, agencies, only=not also_api)
        made = describe_system(systemid, name, links, unsigned=unsigned)
        secret = await systems.connect(exchange.systems, exchange.entropy, exchange.author(), made, given)
    if not given:
        click.echo(secret)
    click.echo(
        f"{made.id} is connected and speaks for {len(made.links)} agencies; the secret is shown only now", err=True
    )


@system.command("show")
@FOLDER
@click.argument("systemid")
@run_async
async def show(folder: Path, systemid: str) -> None:
    """Show a system with its agencies and since when its secrets hold; never the secrets."""
    async with open_exchange(Home(folder)) as exchange:
        found = await _find(exchange, systemid)
        click.echo(f"{found.id}\t{found.status}\t{plain(found.name)}")
        click.echo(f"may send\t{', '.join(sorted(found.admits))}")
        for state in await exchange.systems.states(found.id):
            end = f"until {state.ends_at:%Y-%m-%d %H:%M} UTC" if state.ends_at else "in force"
            click.echo(f"secret {state.id}\tsince {state.created_at:%Y-%m-%d %H:%M} UTC\t{end}")
        _list(found)


@system.command("list")
@FOLDER
@run_async
async def list_systems(folder: Path) -> None:
    """List the systems."""
    async with open_exchange(Home(folder)) as exchange:
        for key, item in sorted((await exchange.hub.store.directory.snapshot()).systems.items()):
            click.echo(f"{key}\t{item.status}\t{len(item.links)}\t{plain(item.name)}")


@system.command("agencies")
@FOLDER
@click.option("--add", "added", multiple=True, metavar="CODE", help="An agency that it speaks for; may be repeated.")
@click.option("--remove", "removed", multiple=True, metavar="CODE", help="One that it no longer speaks for.")
@click.option("--also-api", is_flag=True, help="Those that are added can be reached over the API too.")
@click.argument("systemid")
@run_async
async def agencies(
    folder: Path, added: tuple[str, ...], removed: tuple[str, ...], systemid: str, *, also_api: bool
) -> None:
    """List the agencies of a system, after some were added or removed."""
    async with open_exchange(Home(folder)) as exchange:
        found = await _find(exchange, systemid)
        if added or removed:
            gone = {link.party for link in await _links(exchange, removed, only=True)}
            links = [link for link in found.links if link.party not in gone]
            links += await _links(exchange, added, only=not also_api)
            described = describe_system(found.id, found.name, links)
            found = dataclasses.replace(found, links=described.links)
            await exchange.systems.put(found, exchange.author())
        _list(found)


@system.command("rotate")
@FOLDER
@click.option(
    "--overlap-hours",
    default=OVERLAP // _HOUR,
    show_default=True,
    type=click.IntRange(0, MAX_OVERLAP // _HOUR),
    help="How long the old one still holds.",
)
@click.argument("systemid")
@run_async
async def rotate(folder: Path, overlap_hours: int, systemid: str) -> None:
    """Give a system a new secret, and show that once."""
    async with open_exchange(Home(folder)) as exchange:
        secret, until = await systems.rotate(
            exchange.systems, exchange.entropy, exchange.author(), SystemId(systemid), overlap_hours * _HOUR
        )
    click.echo(secret)
    click.echo(
        f"The new secret of {systemid}, shown only now; the old one ends at {until:%Y-%m-%d %H:%M} UTC", err=True
    )


@system.command("suspend")
@FOLDER
@click.argument("systemid")
@run_async
async def suspend(folder: Path, systemid: str) -> None:
    """Let a system no longer send or collect; what waits for its agencies stays."""
    await _set(folder, systemid, SystemStatus.SUSPENDED)


@system.command("resume")
@FOLDER
@click.argument("systemid")
@run_async
async def resume(folder: Path, systemid: str) -> None:
    """Let a suspended system speak again."""
    await _set(folder, systemid, SystemStatus.ACTIVE)


async def _set(folder: Path, systemid: str, status: SystemStatus) -> None:
    async with open_exchange(Home(folder)) as exchange:
        found = dataclasses.replace(await _find(exchange, systemid), status=status)
        await exchange.systems.put(found, exchange.author())
        click.echo(f"{found.id} is {found.status}")


async def _find(exchange: Exchange, systemid: str) -> System:
    found = (await exchange.hub.store.directory.snapshot()).systems.get(SystemId(systemid))
    if found is None:
        raise missing_system(systemid)
    return found


async def _links(exchange: Exchange, codes: Iterable[str], *, only: bool) -> list[Link]:
    return [Link(party=(await find_party(exchange, code)).id, only=only) for code in codes]


def _list(found: System) -> None:
    for link in found.links:
        click.echo(f"{link.party}\t{'through this system only' if link.only else 'over the API too'}")
