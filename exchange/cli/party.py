"""Manage the parties of a hub, on the machine where its folder is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from exchange.cli.options import run_async
from exchange.config import Home
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.enrolment import describe_party, give_token
from exchange.errors import NOT_FOUND
from exchange.running import Exchange
from exchange.wiring import open_exchange
from trust_store.errors import Refused, reason
from trust_store.identity import PartyKind

PARTY_EXISTS = reason(
    "party-exists",
    "This party is registered already",
    "Use 'party token' for a new token, 'party resume' to let it in again",
)
FOLDER = click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="The hub's folder."
)


@click.group()
def party() -> None:
    """Manage the parties of a hub."""


@party.command("add")
@FOLDER
@click.option("--kind", type=click.Choice([kind.value for kind in PartyKind]), required=True, help="What it is.")
@click.option("--alias", "aliases", multiple=True, help="Another code that reaches it; may be repeated.")
@click.argument("code")
@click.argument("name")
@run_async
async def add(folder: Path, kind: str, aliases: tuple[str, ...], code: str, name: str) -> None:
    """Register a party by its code (an enterprise by its tax code), and show its first token."""
    described = describe_party(code, name, PartyKind(kind), frozenset(aliases))
    async with open_exchange(Home(folder)) as exchange:
        if await exchange.hub.store.directory.get(described.id) is not None:
            raise Refused(PARTY_EXISTS, f"{described.id} is registered already")
        await exchange.registry.put(described, exchange.author())
        token = await give_token(exchange, described, "first")
    click.echo(f"{described.id} is registered. Its token, shown only now: {token}")
    click.echo(f"Next: congvan cert issue --dir {folder} {described.id} (pilot), or congvan cert add with its own")


@party.command("list")
@FOLDER
@run_async
async def list_parties(folder: Path) -> None:
    """List the parties with their codes."""
    async with open_exchange(Home(folder)) as exchange:
        for item in await exchange.hub.store.directory.all():
            click.echo(f"{item.id}\t{item.kind}\t{item.status}\t{item.name}\t{', '.join(sorted(item.codes))}")


@party.command("token")
@FOLDER
@click.option("--label", default="added", show_default=True, help="What the token is for.")
@click.argument("code")
@run_async
async def token(folder: Path, label: str, code: str) -> None:
    """Create one more token for a party, and show it once."""
    async with open_exchange(Home(folder)) as exchange:
        click.echo(await give_token(exchange, await find_party(exchange, code), label))


@party.command("suspend")
@FOLDER
@click.argument("code")
@run_async
async def suspend(folder: Path, code: str) -> None:
    """Suspend a party: it can neither send nor receive until it is resumed."""
    await _set_status(folder, code, PartyStatus.SUSPENDED)


@party.command("resume")
@FOLDER
@click.argument("code")
@run_async
async def resume(folder: Path, code: str) -> None:
    """Let a suspended party take part again."""
    await _set_status(folder, code, PartyStatus.ACTIVE)


async def find_party(exchange: Exchange, code: str) -> Party:
    """Find a party by any of its codes."""
    (found,) = await exchange.hub.store.directory.resolve([PartyId(code)])
    if found is None:
        raise Refused(NOT_FOUND, f"There is no party {code}")
    return found


async def _set_status(folder: Path, code: str, status: PartyStatus) -> None:
    async with open_exchange(Home(folder)) as exchange:
        found = await find_party(exchange, code)
        await exchange.registry.put(dataclasses.replace(found, status=status), exchange.author())
        click.echo(f"{found.id} is {status}")
