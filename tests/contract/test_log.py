"""The store of the log: places in order, chains, tiles and checkpoints that prove all of it, whole or not at all."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from envelopes.leaf import Links, entry_of
from envelopes.log import tiles
from envelopes.log.tree import EMPTY, check_consistency, check_inclusion, leaf_hash
from envelopes.receipt import Event
from exchange.core.audit import Author
from exchange.core.model import MessageKey, PartyId
from exchange.core.ports.log import LogRecord
from exchange.errors import LOG_UNUSABLE
from trust_store.errors import Refused

SECOND = timedelta(seconds=1)
MOST = 1000


def sign(size: int, root: bytes) -> str:
    return f"{size} {root.hex()}"


def read_from(backend, log: int = 1):
    async def read(level: int, number: int, width: int) -> bytes:
        return (await backend.log.tile(log, level, number))[: width * 32]

    return read


@pytest.fixture
async def begun(backend, values):
    record = LogRecord(log=1, key="log+1", begun_at=values.at)
    await backend.log.begin(record, sign(0, EMPTY), Author(actor="hub", at=values.at))
    return backend


@pytest.fixture
def add(begun, values):
    """Keep statements about messages: each a rejection, whose mailbox is its owner's."""

    async def keep(*numbers: int, owner: str = "", event: Event = Event.SUBMISSION_REJECTION):
        found = []
        for number in numbers:
            at = values.at + number * SECOND
            statement = values.statement(event, PartyId(owner) or values.sender, MessageKey(f"digest-{number}"), at)
            await begun.evidence.add(statement)
            found.append(statement)
        return found

    return keep


async def sequence(backend, values, *, log: int = 1, most: int = MOST):
    return await backend.log.sequence(log, sign, values.at, most)


async def test_a_log_begins_once_with_the_empty_tree(begun, values) -> None:
    again = LogRecord(log=1, key="other", begun_at=values.at + SECOND)
    await begun.log.begin(again, "other", Author(actor="hub", at=values.at))
    assert await begun.log.logs() == [LogRecord(log=1, key="log+1", begun_at=values.at)]
    assert (await begun.log.size(1), await begun.log.checkpoint(1)) == (0, sign(0, EMPTY))
    assert (await begun.log.size(2), await begun.log.checkpoint(2)) == (0, "")
    assert await sequence(begun, values) is None


async def test_what_is_kept_waits_and_gets_its_place_in_order(begun, values, add) -> None:
    kept = await add(2, 1, 3)
    assert all([await begun.log.waits(each.id) for each in kept])
    assert await begun.log.place(kept[0].id) is None
    batch = await sequence(begun, values, most=2)
    assert (batch.size, list(batch.paths)) == (2, [kept[0].id, kept[1].id])
    assert [await begun.log.waits(each.id) for each in kept] == [False, False, True]
    assert (await sequence(begun, values)).size == 3
    places = [await begun.log.place(each.id) for each in kept]
    assert [(each.index, each.size) for each in places] == [(0, 2), (1, 2), (2, 3)]
    assert places[0].key == "log+1"
    assert places[2].checkpoint == await begun.log.checkpoint(1)


async def test_a_statement_that_is_kept_twice_waits_once(begun, values, add) -> None:
    await add(1)
    await add(1)
    assert (await sequence(begun, values)).size == 1


async def test_entries_are_chained_by_mailbox_and_by_message(begun, values, add) -> None:
    (first,) = await add(1, owner="a")
    (other,) = await add(2, owner="b")
    (second,) = await add(3, owner="a")
    (same,) = await add(1, owner="b", event=Event.SUBMISSION_ACCEPTANCE)
    await sequence(begun, values)
    entries = await begun.log.entries(1, 0, 10)
    places = [await begun.log.place(each.id) for each in (first, other, second, same)]
    assert [each.links for each in places] == [
        Links(number=1),
        Links(number=1),
        Links(number=2, in_mailbox=entries[0]),
        Links(number=2, in_mailbox=entries[1], of_message=entries[0]),
    ]
    for statement, place in zip((first, other, second, same), places, strict=True):
        assert entries[place.index] == entry_of(statement.leaf, place.links)


async def test_tiles_prove_every_entry_and_every_growth(begun, values, add) -> None:
    kept, roots, sizes = [], [EMPTY], [0]
    for start, count in ((0, 1), (1, 254), (255, 3), (258, 300), (558, 210)):
        kept += await add(*range(start, start + count))
        batch = await sequence(begun, values)
        size, root = (await begun.log.checkpoint(1)).split()
        sizes.append(int(size))
        roots.append(bytes.fromhex(root))
        for key, path in batch.paths.items():
            place = await begun.log.place(key)
            entry = (await begun.log.entries(1, place.index, 1))[0]
            check_inclusion(place.index, batch.size, leaf_hash(entry), path, roots[-1])
            assert path == await tiles.inclusion_proof(read_from(begun), place.index, batch.size)
    assert sizes == [0, 1, 255, 258, 558, 768]
    for old, old_root in zip(sizes, roots, strict=True):
        path = await tiles.consistency_proof(read_from(begun), old, 768)
        check_consistency(old, 768, path, old_root, roots[-1])
    assert len(await begun.log.tile(1, 1, 0)) == 3 * 32
    assert await begun.log.tile(1, 0, 3) == b""


async def test_a_signature_that_fails_leaves_everything_waiting(begun, values, add) -> None:
    (kept,) = await add(1)

    def fail(_size: int, _root: bytes) -> str:
        raise Refused(LOG_UNUSABLE)

    with pytest.raises(Refused):
        await begun.log.sequence(1, fail, values.at, MOST)
    assert await begun.log.waits(kept.id)
    assert (await begun.log.size(1), await begun.log.entries(1, 0, 9), await begun.log.tile(1, 0, 0)) == (0, [], b"")


async def test_an_ended_log_gets_nothing_and_the_next_one_begins_anew(begun, values, add) -> None:
    first = (await add(1))[0]
    await sequence(begun, values)
    await begun.log.end(values.at + SECOND)
    await add(2)
    with pytest.raises(Refused) as refused:
        await sequence(begun, values)
    assert refused.value.reason.code == "log-ended"
    record = LogRecord(log=2, key="log+2", begun_at=values.at + 2 * SECOND)
    await begun.log.begin(record, sign(0, EMPTY), Author(actor="hub", at=values.at))
    with pytest.raises(Refused):
        await sequence(begun, values)
    assert (await sequence(begun, values, log=2)).size == 1
    assert [(each.log, each.ended_at is None) for each in await begun.log.logs()] == [(1, False), (2, True)]
    assert (await begun.log.place(first.id)).key == "log+1"


async def test_two_processes_never_make_two_checkpoints_of_one_size(opened, values) -> None:
    async with opened() as one, opened() as two:
        record = LogRecord(log=1, key="log+1", begun_at=values.at)
        await one.log.begin(record, sign(0, EMPTY), Author(actor="hub", at=values.at))
        statements = [
            values.statement(Event.SUBMISSION_REJECTION, values.sender, MessageKey(f"digest-{number}"), values.at)
            for number in range(60)
        ]

        async def work(backend, own):
            for statement in own:
                await backend.evidence.add(statement)
                await backend.log.sequence(1, sign, values.at, 3)

        await asyncio.gather(work(one, statements[::2]), work(two, statements[1::2]))
        while await sequence(one, values):
            pass
        places = [await two.log.place(each.id) for each in statements]
        assert sorted(each.index for each in places) == list(range(60))
        assert sorted(each.links.number for each in places) == list(range(1, 61))
        size, root = (await two.log.checkpoint(1)).split()
        assert (int(size), bytes.fromhex(root)) == (60, await tiles.root(read_from(two), 60))


async def test_every_transaction_ends_with_a_batch_and_a_failing_one_undoes_nothing_else(begun, values, add) -> None:
    heard, fails = [], True

    def sign_or_fail(size: int, root: bytes) -> str:
        if fails:
            raise Refused(LOG_UNUSABLE)
        return sign(size, root)

    begun.log.sequence_always(1, sign_or_fail, lambda: values.at, heard.append)
    first = (await add(1))[0]
    assert await begun.evidence.get(first.id) == first
    assert (await begun.log.waits(first.id), heard) == (True, [])
    fails = False
    second = (await add(2))[0]
    assert [await begun.log.waits(each.id) for each in (first, second)] == [False, False]
    (batch,) = heard
    assert (batch.size, list(batch.paths)) == (2, [first.id, second.id])
    assert await begun.log.checkpoint(1) == (await begun.log.place(second.id)).checkpoint
