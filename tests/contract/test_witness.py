"""The store of a witness: it goes forward only, once from each state, and forgets nothing; cosignatures are written once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert

from envelopes.log.checkpoint import Checkpoint
from envelopes.log.witnessing import Seen
from exchange.core.audit import Author
from exchange.core.ports.log import LogRecord
from exchange.storage.schema_log import LOG_CHECKPOINTS

ORIGIN, KEY = "example.com/log", "example.com/log+00000000+AQ=="
NEVER = Seen(size=0, root=b"")


def root(number: int) -> bytes:
    return bytes([number]) * 32


def checkpoint(size: int, number: int = 1) -> Checkpoint:
    return Checkpoint(origin=ORIGIN, size=size, root=root(number))


@pytest.fixture
def by(values):
    return Author(actor="operator test", at=values.at)


@pytest.fixture
async def shelf(backend, by):
    await backend.witness.add(ORIGIN, KEY, by)
    return backend.witness


async def test_a_log_is_known_from_the_moment_on_that_it_is_added(backend, by) -> None:
    assert await backend.witness.get(ORIGIN) is None
    assert not await backend.witness.advance(KEY, NEVER, checkpoint(5), "note", by.at)
    await backend.witness.add(ORIGIN, KEY, by)
    found = await backend.witness.get(ORIGIN)
    assert found is not None
    assert (found.key, found.added_at, found.seen, found.seen_at, found.note) == (KEY, by.at, NEVER, None, "")


async def test_it_advances_from_what_was_seen_and_from_nothing_else(shelf, by) -> None:
    at = by.at + timedelta(seconds=5)
    assert await shelf.advance(KEY, NEVER, checkpoint(5), "first", at)
    found = await shelf.get(ORIGIN)
    assert (found.seen, found.seen_at, found.note) == (Seen(size=5, root=root(1)), at, "first")
    for stale in (NEVER, Seen(size=4, root=root(1)), Seen(size=5, root=root(2)), Seen(size=5, root=b"")):
        assert not await shelf.advance(KEY, stale, checkpoint(9, 3), "stale", at)
    assert not await shelf.advance("other", found.seen, checkpoint(9, 3), "other key", at)
    assert (await shelf.get(ORIGIN)).note == "first"
    assert await shelf.advance(KEY, found.seen, checkpoint(9, 3), "second", at)
    assert (await shelf.get(ORIGIN)).seen == Seen(size=9, root=root(3))


async def test_of_many_at_once_one_advances(shelf, by) -> None:
    tries = (shelf.advance(KEY, NEVER, checkpoint(5, number), f"{number}", by.at) for number in range(1, 20))
    assert sum(await asyncio.gather(*tries)) == 1


async def test_what_was_cosigned_binds_for_ever(shelf, by) -> None:
    assert await shelf.advance(KEY, NEVER, checkpoint(5), "first", by.at)
    assert await shelf.remove(ORIGIN, by)
    assert not await shelf.remove(ORIGIN, by)
    assert await shelf.get(ORIGIN) is None
    assert not await shelf.advance(KEY, Seen(size=5, root=root(1)), checkpoint(9), "removed", by.at)
    (listed,) = await shelf.list()
    assert (listed.removed_at, listed.seen.size) == (by.at, 5)
    await shelf.add(ORIGIN, "another key", by)
    found = await shelf.get(ORIGIN)
    assert (found.key, found.seen) == ("another key", Seen(size=5, root=root(1)))


async def test_who_names_logs_is_audited(shelf, backend, by) -> None:
    await shelf.remove(ORIGIN, by)
    rows = [(row.event, row.actor, row.subject) for row in await backend.audit.page(0, 100)]
    assert rows == [("log-witnessed", by.actor, KEY), ("log-unwitnessed", by.actor, KEY)]


async def test_cosignatures_are_kept_once_for_each_checkpoint(backend, by, values) -> None:
    record = LogRecord(log=1, key="log+1", begun_at=values.at)
    await backend.log.begin(record, "note of 0\n", by)
    kept = backend.cosignatures
    assert await kept.newest(1, 0) is None
    await kept.add(1, 0, ["one\n"], by.at)
    await kept.add(1, 0, ["two\n", "three\n"], by.at)
    found = await kept.newest(1, 1)
    assert found is not None
    assert (found.size, found.note, found.count) == (0, "note of 0\none\n", 1)
    assert await kept.newest(1, 2) is None
    assert await kept.newest(2, 0) is None
    assert await kept.covering(1, 0, 1) is None


async def test_the_smallest_checkpoint_with_enough_cosignatures_covers(backend, by, values) -> None:
    await backend.log.begin(LogRecord(log=1, key="log+1", begun_at=values.at), "0\n", by)
    kept = backend.cosignatures
    for size, lines in ((3, ["a\n"]), (5, ["a\n", "b\n"]), (9, ["a\n", "b\n"])):
        await add_checkpoint(backend, size)
        await kept.add(1, size, lines, by.at)
    sizes = [
        (await kept.covering(1, index, needed)) for index, needed in ((0, 1), (2, 1), (3, 1), (0, 2), (5, 2), (9, 1))
    ]
    assert [each.size if each else None for each in sizes] == [3, 3, 5, 5, 9, None]
    assert (await kept.newest(1, 2)).note == "9\na\nb\n"


async def add_checkpoint(backend, size: int) -> None:
    add = insert(LOG_CHECKPOINTS)
    await backend.database.transact(
        lambda session: session.rows(add, log=1, size=size, at=0, note=f"{size}\n", edge=b"")
    )
