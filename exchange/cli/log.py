"""Follow transparency logs from outside, and have this hub cosign those of others."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import click

from envelopes.log.note import ED25519, Verifier, read_vkey
from envelopes.log.watching import Caught, Watcher
from exchange.cli.options import run_async
from exchange.cli.party import FOLDER
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.errors import NOT_FOUND
from exchange.log.monitor import Monitor, Round, read_state
from exchange.log.source import HttpLog
from exchange.machine import SystemClock
from exchange.storage.witness import WitnessStore
from exchange.wiring import open_exchange
from trust_store.errors import Refused, reason

OTHER_KEY = reason(
    "log-key-other",
    "This is not the key that the log was followed with before",
    "Find out why it is another: if the hub began another log, follow that with a state file of its own",
)
CAUGHT: Final = 3
"""The exit code when the log can be shown to be wrong; 1 is for everything else that is refused."""
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def log() -> None:
    """Follow a transparency log, and cosign those of others."""


@log.command()
@click.argument("url")
@click.option("--state", "file", type=click.Path(dir_okay=False, path_type=Path), required=True, help="What was seen.")
@click.option("--vkey", default="", metavar="VKEY", help="Key of the log; better from elsewhere than from the hub.")
@click.option(
    "--receipts", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of own receipts (*.xml)."
)
@click.option("--seen", type=_FILE, multiple=True, help="A checkpoint that somebody else was shown; repeatable.")
@click.option("--witness", "witnesses", metavar="VKEY", multiple=True, help="Key of a witness; repeatable.")
@click.option("--needed", type=click.IntRange(min=0), default=0, help="How many of the witnesses must have cosigned.")
@click.option("--once", is_flag=True, help="Look once, then end.")
@click.option("--every", type=click.FloatRange(min=1), default=60.0, show_default=True, help="Seconds between looks.")
@run_async
async def watch(
    url: str,
    file: Path,
    vkey: str,
    receipts: Path | None,
    seen: tuple[Path, ...],
    witnesses: tuple[str, ...],
    needed: int,
    *,
    once: bool,
    every: float,
) -> None:
    """Follow the log at URL (https://HUB/log/1). Ends with 3 when it is caught, and leaves the proof beside the state."""
    async with HttpLog(url) as source:
        state = read_state(file)
        key = await _key(source, vkey, state.key)
        known = tuple(map(read_vkey, witnesses))
        watcher = Watcher(log=key, read=source.read_tile, witnesses=known, needed=needed)
        monitor = Monitor(source=source, watcher=watcher, file=file, clock=SystemClock(), state=state)
        while True:
            is_good = await _look(monitor, receipts, seen, once=once)
            if once:
                sys.exit(0 if is_good else 1)
            await asyncio.sleep(every)


async def _key(source: HttpLog, given: str, remembered: str) -> Verifier:
    """Take the key that was given, else the one from before, else the one that the hub publishes, and say so."""
    published = "" if given or remembered else await source.key()
    if published:
        click.echo(f"key\t{published}\tas the hub publishes it; compare it by another way")
    key = read_vkey(given or remembered or published)
    if remembered and key.vkey != remembered:
        raise Refused(OTHER_KEY, f"It was {remembered}")
    if key.kind != ED25519:
        raise Refused(OTHER_KEY, "It is the key of a witness, not of a log")
    return key


async def _look(monitor: Monitor, receipts: Path | None, seen: tuple[Path, ...], *, once: bool) -> bool:
    try:
        found = await monitor.look(receipts, seen)
    except Caught as caught:
        click.echo(f"{caught.reason.code}: {caught.text}", err=True)
        for path in monitor.evidence:
            click.echo(f"evidence\t{path}", err=True)
        sys.exit(CAUGHT)
    except Refused as refusal:
        if once:
            raise
        click.echo(f"{refusal.reason.code}: {refusal.text}", err=True)
        return False
    return _tell(found)


def _tell(found: Round) -> bool:
    checkpoint = found.checkpoint
    others = f", {found.skipped} in no log or another" if found.skipped else ""
    click.echo(
        f"good\t{plain(checkpoint.origin)}\t{checkpoint.size} entries\t{checkpoint.root.hex()}\t"
        f"{found.proved} receipts in it{others}"
    )
    if found.later:
        click.echo(f"next\t{plain(found.later)}\tthe hub has begun another log: ask why, and follow that too")
    for path, refusal in found.wrong:
        click.echo(f"{path}: {refusal.reason.code}: {refusal.text}", err=True)
    return not found.wrong


@log.group()
def witness() -> None:
    """Cosign the logs of others, so that they cannot show different things to different people."""


@witness.command()
@FOLDER
@click.argument("vkey")
@run_async
async def add(folder: Path, vkey: str) -> None:
    """Cosign the log with this key from now on; its name is the log's origin. What was cosigned before goes on to bind."""
    verifier = read_vkey(vkey)
    if verifier.kind != ED25519:
        raise Refused(OTHER_KEY, "It is the key of a witness, not of a log")
    async with open_exchange(Home(folder)) as exchange:
        await WitnessStore(exchange.database).add(verifier.name, verifier.vkey, exchange.author())
    click.echo(f"{plain(verifier.name)} is cosigned from now on")


@witness.command("list")
@FOLDER
@run_async
async def list_witnessed(folder: Path) -> None:
    """List the logs that are or were cosigned: state, entries cosigned last, when, key."""
    async with open_exchange(Home(folder)) as exchange:
        for each in await WitnessStore(exchange.database).list():
            state = "cosigned" if each.removed_at is None else "removed"
            when = f"{each.seen_at:%Y-%m-%d %H:%M:%S}" if each.seen_at else "never"
            click.echo("\t".join((state, str(each.seen.size), when, plain(each.key))))


@witness.command()
@FOLDER
@click.argument("origin")
@run_async
async def remove(folder: Path, origin: str) -> None:
    """Cosign a log no more, given by its origin or its key. What was cosigned stays known, should it come back."""
    name = origin.partition("+")[0]
    async with open_exchange(Home(folder)) as exchange:
        if not await WitnessStore(exchange.database).remove(name, exchange.author()):
            raise Refused(NOT_FOUND, f"The log {name} is not cosigned here")
    click.echo(f"{plain(name)} is cosigned no more")


@witness.command()
@FOLDER
@run_async
async def key(folder: Path) -> None:
    """Show the key of this witness, for logs that name it in log_witnesses and for those who verify."""
    async with open_exchange(Home(folder)) as exchange:
        click.echo(await exchange.reading.witness.vkey())
