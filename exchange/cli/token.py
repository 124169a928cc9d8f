"""Manage tokens, on the machine where the hub's folder is."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from exchange.auth import tokens
from exchange.cli.options import run_async
from exchange.cli.party import FOLDER, find_party
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.access import PARTY_SCOPES, Scope, Token, describe_scopes
from exchange.core.model import PartyId
from exchange.running import Exchange
from exchange.wiring import open_exchange


@click.group()
def token() -> None:
    """Manage the tokens of parties, and of the hub's own administrators and auditors."""


@token.command("create")
@FOLDER
@click.option("--label", default="added", show_default=True, help="What the token is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it opens; may be repeated. A party's token sends, receives and reads unless told.",
)
@click.option(
    "--days",
    default=tokens.LIFETIME.days,
    show_default=True,
    type=click.IntRange(1, tokens.LONGEST.days),
    help="How long it lasts.",
)
@click.argument("code")
@run_async
async def create(folder: Path, label: str, scopes: tuple[str, ...], days: int, code: str) -> None:
    """Create a token and show it once. With the hub's own code it is an administrator's or an auditor's."""
    async with open_exchange(Home(folder)) as exchange:
        party = await _holder(exchange, code)
        wanted = frozenset(Scope(item) for item in scopes) or PARTY_SCOPES
        tokens.check_scopes(wanted, party, exchange.hub.registrar.issuer)
        lifetime = timedelta(days=days)
        secret, made = await tokens.issue(
            exchange.tokens,
            exchange.entropy,
            exchange.author(),
            party=party,
            label=label,
            scopes=wanted,
            lifetime=lifetime,
        )
    click.echo(secret)
    _tell(f"Token {made.id} of {party}, shown only now: {describe_scopes(made.scopes)}, until {_day(made.expires_at)}")


@token.command("list")
@FOLDER
@click.argument("code")
@run_async
async def list_tokens(folder: Path, code: str) -> None:
    """List the tokens of a party, or with the hub's own code of its own people; never the secrets."""
    async with open_exchange(Home(folder)) as exchange:
        for item in await exchange.tokens.all(await _holder(exchange, code)):
            click.echo("\t".join(_columns(item)))


@token.command("rotate")
@FOLDER
@click.option(
    "--overlap-hours",
    default=int(tokens.OVERLAP / timedelta(hours=1)),
    show_default=True,
    type=click.IntRange(0, int(tokens.MAX_OVERLAP / timedelta(hours=1))),
    help="How long the old one still works.",
)
@click.argument("token_id")
@run_async
async def rotate(folder: Path, overlap_hours: int, token_id: str) -> None:
    """Replace a token, named by its id, by a new one that opens the same, and show that once."""
    async with open_exchange(Home(folder)) as exchange:
        old, overlap = await exchange.tokens.find(token_id), timedelta(hours=overlap_hours)
        secret, new, ending = await tokens.rotate(exchange.tokens, exchange.entropy, exchange.author(), old, overlap)
    click.echo(secret)
    _tell(f"Token {new.id} of {new.party}, shown only now; {ending.id} ends at {_day(ending.expires_at)}")


@token.command("revoke")
@FOLDER
@click.argument("token_id")
@run_async
async def revoke(folder: Path, token_id: str) -> None:
    """End a token now, named by its id; again is safe."""
    async with open_exchange(Home(folder)) as exchange:
        gone = await exchange.tokens.revoke(token_id, exchange.author())
    click.echo(f"{gone.id} of {gone.party} is revoked since {_day(gone.revoked_at)}")


async def _holder(exchange: Exchange, code: str) -> PartyId:
    """Find whose tokens are meant: a party by any of its codes, or the hub by its own."""
    own = exchange.hub.registrar.issuer.code
    return PartyId(own) if code == own else (await find_party(exchange, code)).id


def _columns(token: Token) -> tuple[str, ...]:
    state = f"revoked {_day(token.revoked_at)}" if token.revoked_at else f"until {_day(token.expires_at)}"
    return token.id, describe_scopes(token.scopes), f"created {_day(token.created_at)}", state, plain(token.label)


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _tell(text: str) -> None:
    """Tell a person what a program that reads the token does not want to read."""
    click.echo(plain(text), err=True)
