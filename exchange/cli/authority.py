"""Manage which authorities are trusted, on the machine where the hub's folder is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from exchange.authorities import show
from exchange.cli.moments import parse_moment
from exchange.cli.options import run_async
from exchange.cli.party import FOLDER
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.authorities import Affected, Change, Preview, Role, check_changes, describe_terms
from exchange.wiring import open_exchange
from trust_store.certificate import load_many
from trust_store.evidence import USUAL, Asking, Terms
from trust_store.identity import PartyKind
from trust_store.policy import Use

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
APPLY = click.option("--apply", is_flag=True, help="Make the change; without it, only what it would mean is shown.")
SHOWN = 50
"""How many certificates of each kind a preview names."""


@click.group()
def authority() -> None:
    """Manage which authorities are trusted, and on which terms; a change is shown before it is made."""


@authority.command("list")
@FOLDER
@run_async
async def list_authorities(folder: Path) -> None:
    """List the authorities: role, SHA-256, until when it is valid, name, terms."""
    async with open_exchange(Home(folder)) as exchange:
        for item in await exchange.hub.store.authorities.all():
            held = item.certificate
            end, terms = f"until {held.not_after:%Y-%m-%d}", describe_terms(item.terms)
            told = (terms,) if item.role is Role.ANCHOR else ()
            click.echo("\t".join((item.role, held.fingerprint, end, plain(held.subject), *told)))


@authority.command("trust")
@FOLDER
@click.option("--intermediate", is_flag=True, help="Only known, not trusted by itself.")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice([each.value for each in PartyKind]),
    multiple=True,
    help="May speak for these only; repeatable.",
)
@click.option(
    "--use",
    "uses",
    type=click.Choice([each.value for each in Use]),
    multiple=True,
    help="Trusted for this only; repeatable.",
)
@click.option(
    "--revocation",
    type=click.Choice([each.value for each in Asking]),
    default=Asking.NAMED.value,
    show_default=True,
    help="When it must be known that a certificate is not revoked.",
)
@click.option(
    "--since", help="From when on it is trusted (ISO 8601, UTC unless it says otherwise); at once unless told."
)
@click.option("--until", help="Until when it is trusted; for ever unless told.")
@APPLY
@click.argument("files", type=FILE, nargs=-1, required=True)
@run_async
async def trust(
    folder: Path,
    kinds: tuple[str, ...],
    uses: tuple[str, ...],
    revocation: str,
    since: str | None,
    until: str | None,
    files: tuple[Path, ...],
    *,
    intermediate: bool,
    apply: bool,
) -> None:
    """Trust the authorities in files (PEM or DER), or change their terms."""
    terms = Terms(
        kinds=frozenset(PartyKind(each) for each in kinds),
        uses=frozenset(Use(each) for each in uses),
        asking=Asking(revocation),
        since=parse_moment(since) if since else None,
        until=parse_moment(until) if until else None,
    )
    role = Role.INTERMEDIATE if intermediate else Role.ANCHOR
    await _change(folder, files, role, USUAL if intermediate else terms, apply=apply)


@authority.command("forget")
@FOLDER
@APPLY
@click.argument("files", type=FILE, nargs=-1, required=True)
@run_async
async def forget(folder: Path, files: tuple[Path, ...], *, apply: bool) -> None:
    """Neither trust nor know the authorities in files any more."""
    await _change(folder, files, None, USUAL, apply=apply)


async def _change(folder: Path, files: Sequence[Path], role: Role | None, terms: Terms, *, apply: bool) -> None:
    certificates = dict.fromkeys(each for path in files for each in load_many(path.read_bytes()))
    changes = [Change(certificate=each, role=role, terms=terms) for each in certificates]
    async with open_exchange(Home(folder)) as exchange:
        hub = exchange.hub
        check_changes(changes, await hub.store.authorities.all())
        for change in changes:
            told = f"{change.role}, {describe_terms(change.terms)}" if change.role else "no longer known"
            click.echo(f"{plain(change.certificate.subject)}: {told}")
        _print(await show(hub, changes))
        if apply:
            await hub.store.authorities.apply(changes, exchange.author())
    click.echo("The change is made." if apply else "Nothing was changed. To make the change, give --apply as well.")


def _print(seen: Preview) -> None:
    for text in seen.warnings:
        click.echo(f"Mind: {plain(text)}")
    click.echo(f"Of {seen.judged} certificates of parties, as judged at {seen.at:%Y-%m-%d %H:%M} UTC:")
    _name("no longer believed", seen.lost)
    _name("newly believed", seen.gained)


def _name(what: str, affected: Sequence[Affected]) -> None:
    click.echo(f"  {what}: {len(affected)}")
    for each in affected[:SHOWN]:
        click.echo(f"    {each.party}\t{plain(each.subject)}\t{plain(each.text)}")
