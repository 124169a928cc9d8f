"""Measure the directory at the size of the country: `python -m bench.agencies [UNITS]`.

Made-up units, temporary files, no network but loopback. Ratios stand beside a floor in the same run.
"""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import io
import logging
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import structlog
from aiohttp import ClientSession, web

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.bulk import in_bulk
from exchange.config import Home
from exchange.core.addressing import expand
from exchange.core.importing import plan
from exchange.core.listing import PartySearch, find_parties
from exchange.core.model import Party, PartyId
from exchange.core.sheet import COLUMNS, write_sheet, write_table
from exchange.core.units import UnitAnswer, UnitList, Units
from exchange.net.prepared import answer_prepared
from exchange.running import Exchange
from exchange.sandbox import making
from exchange.sandbox.province import LAM_SON
from exchange.wiring import open_exchange
from trust_store.keys import HeldKey, load_pem

UNITS = 111_000
PROVINCES = 40
RECEIVERS = 586
T = TypeVar("T")


def main() -> None:
    """Build a directory of the size of the country, and measure what is done with it."""
    units = int(sys.argv[1]) if len(sys.argv) > 1 else UNITS
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    with tempfile.TemporaryDirectory(prefix="congvan-bench-") as folder:
        home = Path(folder) / "hub"
        asyncio.run(making.make(home, history=False))
        stem = home / "parties" / LAM_SON
        key = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
        asyncio.run(measure(home, units, key))


def table(units: int) -> bytes:
    """Make up units of provinces: offices, and what is below them, each with two codes and an address."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for number in range(units):
        province, rest = f"P{10 + number % PROVINCES}", number // PROVINCES
        office, unit = divmod(rest, 50)
        top, above = f"000.00.00.{province}", f"000.00.{office:03}.{province}"
        code = top if rest == 0 else above if unit == 0 else f"000.{unit:02}.{office:03}.{province}"
        parent = "" if rest == 0 else top if unit == 0 or office == 0 else above
        contact = f'[{{"name": "Văn thư", "email": "vanthu{rest}@{province.lower()}.example.vn"}}]'
        name = f"Đơn vị trực thuộc số {rest} của tỉnh số {number % PROVINCES}"
        writer.writerow([code, name, "agency", "active", parent, f"qd20:{province}.{office}.{unit}", contact])
    return text.getvalue().encode()


async def measure(home: Path, units: int, key: HeldKey) -> None:
    """Measure one thing after another on one hub."""
    async with open_exchange(Home(home)) as exchange:
        small = await exchange.hub.store.directory.snapshot()
        sender = small.parties[PartyId(LAM_SON)]
        few = await looked_up(exchange, sender, 20)
        await importing(exchange, home.parent / "floor.db", table(units))
        await changing(exchange, home)
        await tables(exchange)
        many = await looked_up(exchange, sender, 20)
        print(f"look-up of 20 receivers: {many * 1e6:.0f} us, x{many / few:.2f} of a directory of {len(small.parties)}")
        await listing(exchange)
        await lists(exchange)
        await to_many(exchange, sender, home, key)


async def importing(exchange: Exchange, floor: Path, data: bytes) -> None:
    """Import a table: looked at whole, then written in one transaction; beside it, bare rows in a table with one index."""
    hub = exchange.hub
    snapshot = await hub.store.directory.snapshot()
    async with lag() as worst:
        seconds, planned = await clock(
            lambda: hub.workers.run(len(data), in_bulk, plan, data, snapshot, hub.registrar.issuer.code)
        )
        written, _ = await clock(
            lambda: exchange.registry.put_all(planned.parties, planned.revision, exchange.author())
        )
    bare = bare_inserts(floor, planned.parties)
    print(
        f"import of {len(planned.parties):,} units ({len(data):,} bytes of CSV): {seconds:.1f} s to look at them, "
        f"{written:.1f} s to write (x{written / bare:.1f} of bare rows); the loop waited {worst[0] * 1e3:.0f} ms at most"
    )


def bare_inserts(path: Path, parties: tuple[Party, ...]) -> float:
    """Insert id and name of all parties in one transaction; return the seconds."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (id TEXT PRIMARY KEY, name TEXT)"
    )
    started = time.perf_counter()
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO t VALUES (?, ?)", ((party.id, party.name) for party in parties))
    connection.execute("COMMIT")
    connection.close()
    return time.perf_counter() - started


async def changing(exchange: Exchange, home: Path) -> None:
    """Read the directory anew, and after one party changed."""
    store = exchange.hub.store.directory
    async with lag() as worst:
        seconds, snapshot = await clock(store.snapshot)
    party = snapshot.parties[snapshot.order[len(snapshot.order) // 2]]
    await exchange.registry.put(dataclasses.replace(party, name="Tên mới"), exchange.author())
    again, _ = await clock(store.snapshot)
    print(
        f"snapshot: {seconds:.1f} s whole (the loop waited {worst[0] * 1e3:.0f} ms at most), "
        f"{again * 1e3:.1f} ms after one change, x{seconds / again:,.0f} less"
    )


async def tables(exchange: Exchange) -> None:
    """Write the directory as CSV and as XLSX, and look at the latter as if it were imported."""
    hub = exchange.hub
    snapshot = await hub.store.directory.snapshot()
    parties = await hub.store.directory.all()
    plain, data = await clock(lambda: hub.workers.run(10**7, write_table, parties))
    packed, book = await clock(lambda: hub.workers.run(10**7, write_sheet, parties))
    async with lag() as worst:
        looked, planned = await clock(lambda: hub.workers.run(10**7, in_bulk, plan, book, snapshot, "000.00.99.P99"))
    assert not planned.parties
    print(
        f"export: CSV {plain:.1f} s, {len(data):,} bytes; XLSX {packed:.1f} s, {len(book):,} bytes; import of the XLSX, "
        f"nothing new: {looked:.1f} s; the loop waited {worst[0] * 1e3:.0f} ms at most"
    )


async def looked_up(exchange: Exchange, sender: Party, count: int) -> float:
    """Find receivers by their codes, as every letter does; return the best time."""
    store = exchange.hub.store.directory
    codes = [key for key in (await store.snapshot()).order if key != sender.id][:count]

    async def once() -> None:
        expand(codes, sender, await store.snapshot())

    return min([(await clock(once))[0] for _ in range(50)])


async def listing(exchange: Exchange) -> None:
    """List a page of parties, and search by a part of a name."""
    snapshot = await exchange.hub.store.directory.snapshot()
    middle = snapshot.order[len(snapshot.order) // 2]
    times = []
    for search in (PartySearch(limit=50, after=middle), *[PartySearch(limit=50, text="thuoc so 2222 cua")] * 2):
        started = time.perf_counter()
        find_parties(snapshot, search)
        times.append(time.perf_counter() - started)
    page, first, again = times
    print(f"a page: {page * 1e3:.2f} ms; a search by name: {first * 1e3:.0f} ms, again {again * 1e3:.0f} ms")


async def lists(exchange: Exchange) -> None:
    """Make the lists of units, and answer with them over loopback: made, ready, plain, and not at all."""
    hub = exchange.hub
    units = Units(hub.store.directory, hub.workers, hub.registrar.issuer.code)
    for which in UnitList:
        async with lag() as worst:
            made, answer = await clock(lambda which=which: units.answer(which))
        ready, _ = await clock(lambda which=which: units.answer(which))
        size, packed = sum(map(len, answer.body)), sum(map(len, answer.packed))
        print(
            f"list {which}: made in {made:.2f} s (the loop waited {worst[0] * 1e3:.0f} ms at most), ready in "
            f"{ready * 1e6:.0f} us; {size:,} bytes, {packed:,} packed"
        )
    await over_loopback(units)
    snapshot = await hub.store.directory.snapshot()
    party = snapshot.parties[snapshot.order[0]]
    await exchange.registry.put(dataclasses.replace(party, name="Tên mới nữa"), exchange.author())
    anew, _ = await clock(lambda: units.answer(UnitList.AGENCIES))
    changes, news = await clock(lambda: units.changes(snapshot.revision))
    print(f"after one change: list {anew * 1e3:.0f} ms; changes alone {changes * 1e3:.0f} ms, {len(news):,} bytes")


async def over_loopback(units: Units) -> None:
    """Ask a small server for a list in each of the ways that there are."""

    async def serve(request: web.Request) -> web.StreamResponse:
        found: UnitAnswer = await units.answer(UnitList.AGENCIES)
        return await answer_prepared(request, found.body, found.packed, tag=found.tag, changed_at=found.changed_at)

    app = web.Application()
    app.router.add_post("/list", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/list"
    tag = (await units.answer(UnitList.AGENCIES)).tag
    ways = {
        "plain": {"Accept-Encoding": "identity"},
        "gzip": {"Accept-Encoding": "gzip"},
        "known": {"If-None-Match": f'"{tag}"'},
    }
    async with ClientSession(auto_decompress=False) as session:

        async def ask(headers: dict[str, str]) -> int:
            async with session.post(url, headers=headers) as response:
                return len(await response.read())

        times = {name: min([(await clock(lambda h=head: ask(h)))[0] for _ in range(5)]) for name, head in ways.items()}
    await runner.cleanup()
    print("answered: " + ", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in times.items()))


async def to_many(exchange: Exchange, sender: Party, home: Path, key: HeldKey) -> None:
    """Send one letter to a few, and one to very many, in the way that every letter goes."""
    order = [
        code
        for code in (await exchange.hub.store.directory.snapshot()).order
        if code.count(".") == 3 and code[-3] == "P"
    ]
    times = {}
    for count in (1, RECEIVERS):
        drafted = draft_letter(
            sender=Organ(organ_id=LAM_SON),
            receivers=[Organ(organ_id=code) for code in order[:count]],
            number=str(count),
            notation="CV-BENCH",
            subject="V/v đo tốc độ",
            at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
            files=[("a.pdf", b"%PDF-1.4 " + b"x" * 3000)],
        )
        data = sign(build(drafted), key)
        before = rows_in(home)
        async with lag() as worst:
            times[count], _ = await clock(lambda data=data: exchange.hub.submit(sender, data))
        rows = {name: after - before[name] for name, after in rows_in(home).items() if after > before[name]}
        print(f"a letter to {count}: {times[count] * 1e3:.0f} ms, the loop waited {worst[0] * 1e3:.0f} ms; rows {rows}")
    print(f"for each of {RECEIVERS}: x{times[RECEIVERS] / RECEIVERS / times[1]:.2f} of a letter to one")


def rows_in(home: Path) -> dict[str, int]:
    """Count the rows that letters grow, and the bytes of the evidence."""
    connection = sqlite3.connect(home / "hub.db")
    try:
        names = ("messages", "deliveries", "evidence")
        found = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
        found["evidence bytes"] = connection.execute("SELECT coalesce(sum(length(text)), 0) FROM evidence").fetchone()[
            0
        ]
        return found
    finally:
        connection.close()


async def clock(work: Callable[[], Awaitable[T]]) -> tuple[float, T]:
    """Time one piece of work."""
    started = time.perf_counter()
    result = await work()
    return time.perf_counter() - started, result


@asynccontextmanager
async def lag() -> Iterator[list[float]]:
    """Tell how long the loop had no turn, at most, meanwhile."""
    worst = [0.0]

    async def watch() -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0.002)
            worst[0] = max(worst[0], time.perf_counter() - started - 0.002)

    watching = asyncio.create_task(watch())
    try:
        yield worst
    finally:
        watching.cancel()


if __name__ == "__main__":
    main()
