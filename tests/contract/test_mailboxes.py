"""Every store of mailboxes keeps the order, loses nothing, and never gives one delivery to two readers."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from exchange.core.model import DeliveryKey

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


async def _fill(backend, values, count, *, together=1):
    """File letters to one receiver, `together` of them in the same moment; return the deliveries in mailbox order."""
    filings = [values.filing(number, at=values.at + number // together * SECOND) for number in range(count)]
    await asyncio.gather(*(backend.messages.file(filing) for filing in filings))
    deliveries = [filing.deliveries[0] for filing in filings]
    return sorted(deliveries, key=lambda item: (item.consigned_at, item.key))


async def _pages(backend, values, size, *, waiting, between=None):
    seen, after = [], ""
    while page := await backend.mailboxes.inbox(values.receiver, waiting=waiting, after=after, limit=size):
        assert len(page) <= size
        seen += page
        after = page[-1].key
        if between is not None:
            await between(page)
    return seen


async def test_the_inbox_is_oldest_first(backend, values) -> None:
    expected = await _fill(backend, values, 30, together=4)
    assert await backend.mailboxes.inbox(values.receiver, waiting=True, after="", limit=200) == expected


async def test_pages_have_no_gaps_and_no_doubles(backend, values) -> None:
    expected = await _fill(backend, values, 57, together=8)
    for size in (1, 5, 10, 57, 200):
        assert await _pages(backend, values, size, waiting=True) == expected


async def test_pages_are_complete_while_what_was_read_is_handed_over(backend, values) -> None:
    expected = await _fill(backend, values, 40, together=6)

    async def hand_over(page):
        for item in page:
            await backend.mailboxes.hand_over(item, values.handover(item, values.at + MINUTE))

    assert await _pages(backend, values, 7, waiting=True, between=hand_over) == expected
    assert await backend.mailboxes.inbox(values.receiver, waiting=True, after="", limit=200) == []
    assert [item.key for item in await _pages(backend, values, 7, waiting=False)] == [item.key for item in expected]


async def test_what_arrives_while_paging_comes_at_the_end(backend, values) -> None:
    expected = await _fill(backend, values, 10)
    late = values.filing(99, at=values.at + MINUTE)
    first = await backend.mailboxes.inbox(values.receiver, waiting=True, after="", limit=6)
    await backend.messages.file(late)
    rest = await backend.mailboxes.inbox(values.receiver, waiting=True, after=first[-1].key, limit=10)
    assert [*first, *rest] == [*expected, *late.deliveries]


async def test_a_mailbox_shows_its_own_only(backend, values) -> None:
    filing = values.filing(receivers=(values.receiver, values.other))
    await backend.messages.file(filing)
    mine, theirs = filing.deliveries
    assert await backend.mailboxes.inbox(values.other, waiting=True, after="", limit=10) == [theirs]
    assert await backend.mailboxes.get(values.receiver, mine.key) == mine
    assert await backend.mailboxes.get(values.other, mine.key) is None
    assert await backend.mailboxes.get(values.receiver, DeliveryKey("nothing")) is None


async def test_concurrent_readers_never_get_the_same_delivery(backend, values) -> None:
    expected = await _fill(backend, values, 50, together=3)
    now, until = values.at + MINUTE, values.at + 2 * MINUTE
    pages = await asyncio.gather(*(backend.mailboxes.lease(values.receiver, now, until, 4) for _ in range(20)))
    keys = [item.key for page in pages for item in page]
    assert sorted(keys) == sorted(item.key for item in expected)
    assert {item.leased_until for page in pages for item in page} == {until}


async def test_readers_in_two_processes_never_get_the_same_delivery(opened, values) -> None:
    async with opened() as first, opened() as second:
        expected = await _fill(first, values, 50)
        now, until = values.at + MINUTE, values.at + 2 * MINUTE
        readers = [first, second] * 10
        pages = await asyncio.gather(*(item.mailboxes.lease(values.receiver, now, until, 4) for item in readers))
        keys = [item.key for page in pages for item in page]
        assert sorted(keys) == sorted(item.key for item in expected)


async def test_a_lease_takes_the_oldest_and_ends(backend, values) -> None:
    first, second, third = await _fill(backend, values, 3)
    lease, now = backend.mailboxes.lease, values.at + MINUTE
    until = now + MINUTE
    assert [item.key for item in await lease(values.receiver, now, until, 2)] == [first.key, second.key]
    assert [item.key for item in await lease(values.receiver, now, until, 2)] == [third.key]
    just_before = until - timedelta(microseconds=1)
    assert await lease(values.receiver, just_before, until + MINUTE, 9) == []
    again = await lease(values.receiver, until, until + MINUTE, 9)
    assert [item.key for item in again] == [first.key, second.key, third.key]
    assert [item.leased_until for item in again] == [until + MINUTE] * 3


async def test_what_is_leased_still_shows_as_waiting(backend, values) -> None:
    (only,) = await _fill(backend, values, 1)
    await backend.mailboxes.lease(values.receiver, values.at, values.at + MINUTE, 1)
    (shown,) = await backend.mailboxes.inbox(values.receiver, waiting=True, after="", limit=10)
    assert (shown.key, shown.leased_until) == (only.key, values.at + MINUTE)


async def test_handing_over_ends_the_waiting_once_and_for_all(backend, values) -> None:
    (only,) = await _fill(backend, values, 1)
    statement = values.handover(only, values.at + SECOND)
    first = await backend.mailboxes.hand_over(only, statement)
    later = values.handover(only, values.at + MINUTE)
    assert await backend.mailboxes.hand_over(only, later) == first == statement.id
    assert await backend.evidence.get(first) == statement
    kept = await backend.mailboxes.get(values.receiver, only.key)
    assert (kept.handed_over_at, kept.leased_until) == (statement.at, None)
    assert await backend.mailboxes.inbox(values.receiver, waiting=True, after="", limit=10) == []
    assert await backend.mailboxes.inbox(values.receiver, waiting=False, after="", limit=10) == [kept]
    assert await backend.mailboxes.lease(values.receiver, values.at + MINUTE, values.at + 2 * MINUTE, 9) == []


async def test_concurrent_hand_overs_leave_one_statement(backend, values) -> None:
    (only,) = await _fill(backend, values, 1)
    statements = [values.handover(only, values.at + number * SECOND) for number in range(20)]
    ids = await asyncio.gather(*(backend.mailboxes.hand_over(only, item) for item in statements))
    assert len(set(ids)) == 1
    told = [item for item in await backend.evidence.of_message(only.message) if item.event == "ContentHandover"]
    kept = await backend.mailboxes.get(values.receiver, only.key)
    assert [item.at for item in told] == [kept.handed_over_at]
