"""Manage groups of parties, on the machine where the hub's folder is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from exchange.cli.options import run_async
from exchange.cli.party import FOLDER, find_party
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.groups import Group, describe_group
from exchange.core.model import PartyId
from exchange.errors import NOT_FOUND
from exchange.running import Exchange
from exchange.wiring import open_exchange
from trust_store.errors import Refused


@click.group()
def group() -> None:
    """Manage groups: a letter to the code of a group reaches all its members."""


@group.command("add")
@FOLDER
@click.argument("code")
@click.argument("name")
@click.argument("members", nargs=-1)
@run_async
async def add(folder: Path, code: str, name: str, members: tuple[str, ...]) -> None:
    """Make a group of these members, or give one that there is this name and more members."""
    async with open_exchange(Home(folder)) as exchange:
        snapshot = await exchange.hub.store.directory.snapshot()
        known = snapshot.group(code)
        joined = (known.members if known else frozenset()) | await _parties(exchange, members)
        made = describe_group(code, name, joined)
        await exchange.registry.put_group(made, exchange.author(), snapshot.revision)
        click.echo(f"{made.code} has {len(made.members)} members")


@group.command("members")
@FOLDER
@click.option("--add", "added", multiple=True, metavar="CODE", help="A party that joins; may be repeated.")
@click.option("--remove", "removed", multiple=True, metavar="CODE", help="A party that leaves; may be repeated.")
@click.argument("code")
@run_async
async def members(folder: Path, added: tuple[str, ...], removed: tuple[str, ...], code: str) -> None:
    """List the members of a group, after some joined or left."""
    async with open_exchange(Home(folder)) as exchange:
        revision = (await exchange.hub.store.directory.snapshot()).revision
        known = await _find(exchange, code)
        if added or removed:
            now = (known.members | await _parties(exchange, added)) - await _parties(exchange, removed)
            known = describe_group(known.code, known.name, now)
            await exchange.registry.put_group(known, exchange.author(), revision)
        parties = (await exchange.hub.store.directory.snapshot()).parties
        for each in sorted(known.members):
            click.echo(f"{each}\t{parties[each].status}\t{plain(parties[each].name)}")


@group.command("list")
@FOLDER
@run_async
async def list_groups(folder: Path) -> None:
    """List the groups with how many members they have."""
    async with open_exchange(Home(folder)) as exchange:
        for code, item in sorted((await exchange.hub.store.directory.snapshot()).groups.items()):
            click.echo(f"{code}\t{len(item.members)}\t{plain(item.name)}")


@group.command("remove")
@FOLDER
@click.argument("code")
@run_async
async def remove(folder: Path, code: str) -> None:
    """Remove a group; one that a rule names stays."""
    async with open_exchange(Home(folder)) as exchange:
        known = await _find(exchange, code)
        await exchange.registry.remove_group(known.code, exchange.author())
        click.echo(f"{known.code} is removed")


async def _find(exchange: Exchange, code: str) -> Group:
    found = (await exchange.hub.store.directory.snapshot()).group(code)
    if found is None:
        raise Refused(NOT_FOUND, f"There is no group {code}")
    return found


async def _parties(exchange: Exchange, codes: Iterable[str]) -> frozenset[PartyId]:
    return frozenset([(await find_party(exchange, code)).id for code in codes])
