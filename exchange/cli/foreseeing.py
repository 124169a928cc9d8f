"""Tell when certificates end, and act when a key was lost: on the hub's machine, or over its API."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click
import msgspec

from exchange.api.notices import outlook_view
from exchange.api.outlooks import CompromiseView, HeldView, OutlookView
from exchange.api.quarantine import compromise_view
from exchange.cli.moments import parse_moment
from exchange.cli.options import Caller, caller_options, run_async
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core import compromise
from exchange.core.forecast import foresee
from exchange.core.quarantine import Declaration
from exchange.wiring import open_exchange
from trust_store.certificate import load_many

PLACE = click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="The hub's folder, on its machine; without it the hub is asked over its API.",
)
PAGE = 200


@click.command("forecast")
@PLACE
@caller_options
@click.option("--days", default=90, show_default=True, type=click.IntRange(0, 36_500), help="How far to look ahead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@run_async
async def forecast(caller: Caller, folder: Path | None, days: int, *, as_json: bool) -> None:
    """Tell which certificates end, the earliest first, and what to do: all of a hub, or a party's own."""
    found = await _at_home(folder, days) if folder else await _over_the_line(caller, days)
    for item in found:
        if as_json:
            click.echo(msgspec.json.encode(item).decode())
        else:
            left = f"{item.days} days" if item.days >= 0 else "ended"
            shown = (
                f"{item.not_after:%Y-%m-%d}",
                left,
                item.standing,
                item.role,
                item.owner,
                item.subject,
                item.advice,
            )
            click.echo("\t".join(plain(each) for each in shown))
    click.echo(f"{len(found)} end within {days} days", err=True)


@click.command("compromised")
@PLACE
@caller_options
@click.option(
    "--since", required=True, help="From when on the key was not the holder's alone (ISO 8601, UTC unless told)."
)
@click.option("--why", required=True, help="The reason, as everyone concerned will read it.")
@click.option("--preview", is_flag=True, help="Tell what would happen, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="The whole answer as JSON.")
@click.argument("certificate")
@run_async
async def compromised(
    caller: Caller, folder: Path | None, since: str, why: str, certificate: str, *, preview: bool, as_json: bool
) -> None:
    """Declare the key of a certificate (a file, or its SHA-256) compromised.

    Its certificate is revoked, what it signed since is held back, and everyone concerned is told.
    """
    name, moment = _fingerprint(certificate), parse_moment(since)
    if folder:
        shown = await _declare(folder, Declaration(certificate=name, since=moment, why=why), preview=preview)
    else:
        async with caller.client() as client:
            shown = await client.attention.declare(name, since=moment, why=why, preview=preview)
    if as_json:
        click.echo(msgspec.json.encode(shown).decode())
    else:
        _show(shown, moment, preview=preview)


async def _at_home(folder: Path, days: int) -> list[OutlookView]:
    async with open_exchange(Home(folder)) as exchange:
        now, within, terms = exchange.hub.clock.now(), timedelta(days=days), exchange.hub.store.terms
        known = [*await terms.own(), *await terms.ending(now + within)]
        return [outlook_view(item) for item in foresee(known, now, within)]


async def _over_the_line(caller: Caller, days: int) -> list[OutlookView]:
    found: list[OutlookView] = []
    async with caller.client() as client:
        while True:
            after = f"{found[-1].owner} {found[-1].role} {found[-1].certificate}" if found else ""
            page = await client.attention.forecast(within=days, after=after, limit=PAGE)
            found += page
            if len(page) < PAGE:
                return found


async def _declare(folder: Path, wanted: Declaration, *, preview: bool) -> CompromiseView:
    async with open_exchange(Home(folder)) as exchange:
        if preview:
            return compromise_view(await compromise.preview(exchange.hub, wanted), written=False)
        found = await compromise.declare(exchange.hub, wanted, exchange.author())
        return compromise_view(found, written=found.is_news)


def _fingerprint(text: str) -> str:
    path = Path(text)
    return load_many(path.read_bytes())[0].fingerprint if path.is_file() else text.lower()


def _show(shown: CompromiseView, since: datetime, *, preview: bool) -> None:
    would = "would be " if preview else ""
    click.echo(plain(f"{shown.subject} of {', '.join(shown.parties)}"))
    if shown.revoked_at is not None:
        click.echo(f"it was revoked from {shown.revoked_at:%Y-%m-%d %H:%M} UTC on before this")
    click.echo(f"{would}revoked from {since:%Y-%m-%d %H:%M} UTC on")
    click.echo(f"{shown.held} {would}held back")
    show_affected(shown.held_list)
    click.echo(f"{shown.handed_over} handed over before, {would}marked as suspect")
    show_affected(shown.handed_over_list)
    if not preview and not shown.written:
        click.echo("Nothing of this was new; nobody was told again", err=True)


def show_affected(found: list[HeldView]) -> None:
    """Write deliveries, one a line."""
    for item in found:
        read = "read" if item.fetched_at else "not read"
        code = "/".join(filter(None, (item.number, item.notation)))
        sent = f"{item.submitted_at:%Y-%m-%d %H:%M}"
        shown = (item.message, sent, f"{item.sender} to {item.receiver}", read, f"{code} {item.subject}")
        click.echo("  " + "\t".join(plain(each) for each in shown))
