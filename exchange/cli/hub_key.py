"""Manage the hub's own keys, on the machine where its folder is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from exchange.cli.moments import parse_moment
from exchange.cli.options import run_async
from exchange.cli.party import FOLDER
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.keys import HubKey, choose
from exchange.rotation import Wanted, rotate, try_key
from exchange.wiring import open_exchange
from trust_store.errors import Refused, reason

WHICH = reason(
    "hub-key-unclear",
    "This names none of the hub's keys, or several",
    "Give the fingerprint that congvan hub key list shows",
)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Quiet:
    """Let the steps pass unsaid: what a command prints is its result."""

    def passed(self, step: str) -> None:
        """Say nothing."""


@click.group()
def hub() -> None:
    """Manage what is the hub's own."""


@hub.group()
def key() -> None:
    """Manage the keys that the hub signs with."""


@key.command("list")
@FOLDER
@run_async
async def list_keys(folder: Path) -> None:
    """List the keys that the hub has and had, in the order in which they sign."""
    async with open_exchange(Home(folder), signing=False) as exchange:
        known, now = await exchange.hub_keys.known(), exchange.hub.clock.now()
    for each in known:
        ends, place = each.certificate.not_after, plain(each.place)
        state = _state(each, known, now)
        click.echo(
            f"{each.certificate.fingerprint}\t{state}\tfrom {each.since:%Y-%m-%d %H:%M}\tuntil {ends:%Y-%m-%d}\t{place}"
        )


@key.command("rotate")
@FOLDER
@click.option("--key", "name", metavar="NAME", help="A key that is there: a file, or pkcs11:... in a device.")
@click.option("--cert", type=_FILE, help="Its certificate, with the authorities above it; else one is issued.")
@click.option("--at", "moment", help="From when on it signs (ISO 8601, UTC unless told); in ten seconds unless told.")
@run_async
async def rotate_key(folder: Path, name: str | None, cert: Path | None, moment: str | None) -> None:
    """Announce the key that signs next: made or taken, tried, and known to every process before it is used."""
    wanted = Wanted(
        since=parse_moment(moment) if moment else None,
        name=name or "",
        certificates=cert.read_bytes() if cert else None,
    )
    async with open_exchange(Home(folder), signing=False) as exchange:
        made = await rotate(exchange, wanted, _Quiet())
    click.echo(f"{made.certificate.fingerprint}\tsigns from {made.since:%Y-%m-%d %H:%M:%S} UTC on\t{plain(made.place)}")


@key.command("retire")
@FOLDER
@click.option("--why", required=True, help="The reason, as everybody will read it.")
@click.option(
    "--compromised-from", "moment", help="From when on its signatures prove nothing (ISO 8601, UTC unless told)."
)
@click.argument("fingerprint")
@run_async
async def retire(folder: Path, why: str, moment: str | None, fingerprint: str) -> None:
    """Let a key sign nothing more, at once; its successor, if one is announced only, takes over."""
    async with open_exchange(Home(folder), signing=False) as exchange:
        found = _find(await exchange.hub_keys.known(), fingerprint)
        since = parse_moment(moment) if moment else None
        gone = await exchange.hub_keys.retire(found.certificate.fingerprint, why, exchange.author(), since)
    click.echo(
        f"{gone.certificate.fingerprint}\tsigns nothing more\tits private key may be destroyed: {plain(gone.place)}"
    )


@key.command("check")
@FOLDER
@run_async
async def check(folder: Path) -> None:
    """Open every key that signs or will sign, as the hub does, and sign with it; ends with 1 when one fails."""
    async with open_exchange(Home(folder), signing=False) as exchange:
        known, now = await exchange.hub_keys.known(), exchange.hub.clock.now()
        for each in known:
            if each.retired_at is None and (each.since > now or each == choose(known, now)):
                try_key(exchange, each)
                click.echo(f"{each.certificate.fingerprint}\tsigns\t{plain(each.place)}")


def _state(key: HubKey, known: Sequence[HubKey], now: datetime) -> str:
    if key.retired_at is not None:
        return "compromised" if key.compromised_from else "retired"
    if key.since > now and key != choose(known, now):
        return "announced"
    return "signs" if key == choose(known, now) else "followed"


def _find(known: Sequence[HubKey], beginning: str) -> HubKey:
    found = [each for each in known if each.certificate.fingerprint.startswith(beginning.lower())]
    if len(found) != 1 or len(beginning) < 8:
        raise Refused(WHICH)
    return found[0]
