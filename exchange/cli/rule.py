"""Manage who may write to whom, on the machine where the hub's folder is."""

from __future__ import annotations

from pathlib import Path

import click

from exchange.cli.options import run_async
from exchange.cli.party import FOLDER, find_party
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.rules import MAX_POSITION, Rule, Ruling
from exchange.core.writing import deciding, describe_rule
from exchange.wiring import open_exchange


@click.group()
def rule() -> None:
    """Manage who may write to whom: the first rule that matches decides, and what none matches is allowed."""


@rule.command("list")
@FOLDER
@run_async
async def list_rules(folder: Path) -> None:
    """List the rules in their order: position, effect, sender, receiver, note."""
    async with open_exchange(Home(folder)) as exchange:
        for item in (await exchange.hub.store.directory.snapshot()).rules:
            click.echo(_line(item))


@rule.command("add")
@FOLDER
@click.option(
    "--position",
    default=0,
    type=click.IntRange(0, MAX_POSITION),
    help="Where it goes, in place of the one there; behind the others unless told.",
)
@click.option("--note", default="", help="Why; a sender who is refused reads it.")
@click.argument("effect", type=click.Choice([ruling.value for ruling in Ruling]))
@click.argument("sender")
@click.argument("receiver")
@run_async
async def add(folder: Path, position: int, note: str, effect: str, sender: str, receiver: str) -> None:
    """Allow or deny senders to write to receivers: *, CODE, group:CODE, kind:agency, kind:enterprise, under:CODE."""
    stated = Rule(position=position, sender=sender, receiver=receiver, ruling=Ruling(effect), note=note)
    async with open_exchange(Home(folder)) as exchange:
        snapshot = await exchange.hub.store.directory.snapshot()
        described = describe_rule(stated, snapshot)
        await exchange.registry.put_rule(described, exchange.author(), snapshot.revision)
        click.echo(_line(described))


@rule.command("remove")
@FOLDER
@click.argument("position", type=click.IntRange(1, MAX_POSITION))
@run_async
async def remove(folder: Path, position: int) -> None:
    """Remove the rule at a position."""
    async with open_exchange(Home(folder)) as exchange:
        await exchange.registry.remove_rule(position, exchange.author())
        click.echo(f"Rule {position} is removed")


@rule.command("check")
@FOLDER
@click.argument("sender")
@click.argument("receiver")
@run_async
async def check(folder: Path, sender: str, receiver: str) -> None:
    """Tell whether a party may write to another, and which rule says so; answers are always allowed."""
    async with open_exchange(Home(folder)) as exchange:
        one, other = await find_party(exchange, sender), await find_party(exchange, receiver)
        found = deciding(one, other, await exchange.hub.store.directory.snapshot())
    decision = found.ruling if found else Ruling.ALLOW
    click.echo(f"{decision}: {one.id} to {other.id}, by {f'rule {_line(found)}' if found else 'no rule'}")


def _line(item: Rule) -> str:
    return "\t".join((str(item.position), item.ruling, item.sender, item.receiver, plain(item.note)))
