"""Send signed letters while list host, OCSP responder and time-stamp authority are up, are down, and have been down too long.

The hub's clock is driven. It prints how many letters a second went through; it fails when one was refused that must go through,
or taken on that must not. Figures are for reading: no number of letters a second makes it fail.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.config import Home
from exchange.core.authorities import Change, Role
from exchange.core.model import Party, PartyId
from exchange.errors import Later, Rejected
from exchange.logs import configure
from exchange.operation.refreshing import Refresher
from exchange.running import Exchange
from exchange.sandbox import making
from exchange.sandbox.province import LAM_SON, TAX
from exchange.timekeeping import stamp_forever, stamp_waiting
from exchange.wiring import open_exchange
from tests.servers import web
from tests.servers.authority import Authority
from tests.servers.responder import answering
from tests.stamping import Stamper, make_stamper
from trust_store.evidence import Terms
from trust_store.keys import HeldKey
from trust_store.policy import Use

LETTERS = int(os.environ.get("TRUST_LETTERS", "1500"))
SENDERS, AT_ONCE = 8, 32
HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Clock:
    """Tell the time that is set."""

    at: datetime

    def now(self) -> datetime:
        return self.at


def letters(keys: Sequence[HeldKey], at: datetime, phase: int) -> list[bytes]:
    """Sign all letters of a phase before the watch runs."""
    return [
        sign(
            build(
                draft_letter(
                    sender=Organ(organ_id=LAM_SON),
                    receivers=[Organ(organ_id=TAX)],
                    number=f"{phase}{number:06}",
                    notation="CV-T",
                    subject="V/v đo",
                    at=at.astimezone(VIETNAM),
                    files=[("a.pdf", b"%PDF-1.4 " + b"x" * 2000)],
                )
            ),
            keys[number % len(keys)],
        )
        for number in range(LETTERS)
    ]


async def send(exchange: Exchange, sender: Party, data: Sequence[bytes], name: str) -> Counter[str]:
    """Send all, so many at once; tell how each ended."""
    turns, ended = asyncio.Semaphore(AT_ONCE), Counter[str]()

    async def one(letter: bytes) -> None:
        async with turns:
            try:
                await exchange.hub.submit(sender, letter)
                ended["taken on"] += 1
            except (Later, Rejected) as refusal:
                ended[refusal.reason.code] += 1

    started = time.perf_counter()
    await asyncio.gather(*map(one, data))
    seconds = time.perf_counter() - started
    told = ", ".join(f"{count:,} {what}" for what, count in ended.items())
    print(f"{name:44} {len(data) / seconds:7.0f} letters/s   {told}", flush=True)
    return ended


async def meet(exchange: Exchange, sender: Party, data: Sequence[bytes]) -> None:
    """Send the first letter of every signer, again while it is told to come again: a machine that is busy answers late."""
    for letter in data:
        for _ in range(20):
            try:
                await exchange.hub.submit(sender, letter)
                break
            except Later:
                await asyncio.sleep(1)


def stamping_by(stamper: Stamper) -> web.Manner:
    """Answer as a time-stamp authority."""

    async def manner(request: web.Heard, writer: asyncio.StreamWriter) -> None:
        await web.giving(stamper.answer(request.body), "application/timestamp-reply")(request, writer)

    return manner


async def trust_time(exchange: Exchange, root: HeldKey) -> None:
    """Trust an authority for time-stamps."""
    terms = Terms(uses=frozenset({Use.TIMESTAMPS}))
    change = Change(certificate=root.certificate, role=Role.ANCHOR, terms=terms)
    await exchange.hub.store.authorities.apply([change], exchange.author())


async def stamped(exchange: Exchange, clock: Clock) -> bool:
    """Stamp what waits, as if the events had settled; tell whether nothing waits any more. The last seals are being written."""
    clock.at += timedelta(minutes=1)
    count = 0
    for _ in range(20):
        count += await stamp_waiting(exchange)
        if await exchange.stamps.waiting_since() is None:
            break
        await asyncio.sleep(0.2)
    print(f"{'receipts time-stamped':44} {count:7,}", flush=True)
    return await exchange.stamps.waiting_since() is None


async def run(folder: Path) -> bool:
    await making.make(folder, history=False)
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    root, stamper = make_stamper(now=clock.now)
    async with contextlib.AsyncExitStack() as stack:
        lists = await stack.enter_async_context(web.site(web.silent))
        responder = await stack.enter_async_context(web.site(web.silent))
        time_site = await stack.enter_async_context(web.site(stamping_by(stamper)))
        with (folder / "hub.toml").open("a") as file:
            file.write(f'\ntime_authorities = "{time_site.url}"\ntime_batch_seconds = 1\ntime_seconds = 2\n')
        exchange = await stack.enter_async_context(open_exchange(Home(folder), clock=clock))
        await trust_time(exchange, root)
        authority = Authority("CA công cộng", clock.now())
        await exchange.trust.trust(authority.certificate, "anchor", clock.now())
        places = {"lists": [f"{lists.url}/a.crl"], "responders": [responder.url]}
        code = x509.NameAttribute(NameOID.USER_ID, f"MST:{LAM_SON}")
        keys = [authority.person(f"Người {number}", code, **places) for number in range(SENDERS)]
        lists.manner = web.giving(authority.list(clock.now(), days=1))
        responder.manner = answering(authority, [each.certificate for each in keys], clock.now)
        sender = await exchange.hub.store.directory.get(PartyId(LAM_SON))
        assert sender is not None
        refreshing = Refresher(exchange.inquiries).run_forever()
        behind = [asyncio.create_task(work) for work in (refreshing, stamp_forever(exchange))]
        try:
            await meet(exchange, sender, letters(keys, clock.at, 0)[:SENDERS])
            up = await send(exchange, sender, letters(keys, clock.at, 1), "everything up")
            begin = clock.at
            all_stamped = await stamped(exchange, clock)
            for site in (lists, responder, time_site):
                await site.close()
            clock.at = begin + 12 * HOUR
            down = await send(exchange, sender, letters(keys, clock.at, 2), "all down, lists fresh")
            clock.at = begin + 96 * HOUR
            grace = await send(
                exchange, sender, letters(keys, clock.at, 3), "all down, last moment of the grace period"
            )
            for site in (lists, responder, time_site):
                await site.open()
                site.manner = web.silent
            silent = await send(exchange, sender, letters(keys, clock.at, 4), "all up and silent, the same moment")
            clock.at = begin + 96 * HOUR + timedelta(seconds=1)
            after = await send(exchange, sender, letters(keys, clock.at, 5), "one second later")
        finally:
            for task in behind:
                task.cancel()
            await asyncio.gather(*behind, return_exceptions=True)
        waiting = await exchange.stamps.waiting_since()
    print(
        f"Receipts wait for a time-stamp since {waiting:%H:%M:%S}" if waiting else "No receipt waits for a time-stamp"
    )
    went = all(set(each) == {"taken on"} for each in (up, down, grace, silent))
    return went and all_stamped and waiting is not None and set(after) == {"revocation-stale"}


def main() -> None:
    os.environ["CONGVAN_FETCH_ALLOWED"] = "127.0.0.0/8"
    configure(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        sound = asyncio.run(run(Path(folder) / "hub"))
    print("As it must be" if sound else "NOT as it must be")
    sys.exit(not sound)


if __name__ == "__main__":
    main()
