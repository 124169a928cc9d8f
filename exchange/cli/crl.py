"""Bring revocation lists by hand, and see what is known, on the machine where the hub's folder is."""

from __future__ import annotations

from pathlib import Path

import click

from exchange.cli.options import run_async
from exchange.cli.party import FOLDER
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.hearing import UNUSABLE
from exchange.errors import NOT_FOUND
from exchange.revocations import import_list, known
from exchange.wiring import open_exchange
from trust_store.errors import Refused
from trust_store.revocation.lists import MAX_SIZE

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def crl() -> None:
    """Manage what is known of revocations by the authorities' lists and answers."""


@crl.command("import")
@FOLDER
@click.argument("file", type=FILE)
@run_async
async def import_file(folder: Path, file: Path) -> None:
    """Bring a revocation list (DER or PEM) by hand; a running hub believes it at once."""
    if file.stat().st_size > MAX_SIZE:
        raise Refused(UNUSABLE, f"The file has more than {MAX_SIZE:,} bytes")
    async with open_exchange(Home(folder)) as exchange:
        datum, is_news = await import_list(exchange.hub, file.read_bytes(), exchange.author())
    until = f"{datum.next_update:%Y-%m-%d %H:%M} UTC" if datum.next_update else "an unstated moment"
    done = "is believed now" if is_news else "was known already"
    click.echo(
        f"The {datum.kind} of {plain(datum.authority)}, {datum.this_update:%Y-%m-%d %H:%M} UTC to {until}, {done}"
    )


@crl.command("list")
@FOLDER
@run_async
async def list_known(folder: Path) -> None:
    """List what decides now: SHA-256, kind, how fresh, issued, next update, authority, where it came from."""
    async with open_exchange(Home(folder)) as exchange:
        freshness, now = exchange.hub.policy.freshness, exchange.hub.clock.now()
        for kept in await known(exchange.hub):
            datum = kept.datum
            times = f"{datum.this_update:%Y-%m-%d %H:%M}", f"{datum.fresh_until(freshness):%Y-%m-%d %H:%M}"
            state = datum.state(freshness, now)
            click.echo("\t".join((datum.digest, datum.kind, state, *times, plain(datum.authority), plain(kept.source))))


@crl.command("sources")
@FOLDER
@run_async
async def list_sources(folder: Path) -> None:
    """List where authorities are asked: next time, failures in a row, address, about whom, why it failed last."""
    async with open_exchange(Home(folder)) as exchange:
        for each in await exchange.hub.store.sources.watched(exchange.hub.clock.now()):
            about = each.source.certificate[:16] or "all"
            why = f"{each.reason}: {plain(each.detail)}" if each.reason else ""
            texts = f"{each.due_at:%Y-%m-%d %H:%M}", str(each.failures), plain(each.source.place), about, why
            click.echo("\t".join(texts))


@crl.command("export")
@FOLDER
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where it goes (DER)."
)
@click.argument("digest")
@run_async
async def export(folder: Path, out: Path, digest: str) -> None:
    """Write a list or an answer by its SHA-256, as verdicts name it; also one that was replaced."""
    async with open_exchange(Home(folder)) as exchange:
        kept = await exchange.hub.store.revocation.get(digest.removeprefix("sha256:"))
    if kept is None:
        raise Refused(NOT_FOUND, "Nothing of this SHA-256 is kept")
    out.write_bytes(kept.datum.der)
    click.echo(f"{out}: the {kept.datum.kind} of {plain(kept.datum.authority)}, kept since {kept.fetched_at:%Y-%m-%d}")
