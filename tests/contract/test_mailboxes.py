"""Every store of mailboxes keeps the order, loses nothing, and never gives one delivery to two readers."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from exchange.core.finding import Box, Search
from exchange.core.model import DeliveryKey

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


async def look(backend, values, receiver, *, waiting, after, limit):
    """List the deliveries of a mailbox."""
    search = Search(box=Box.WAITING if waiting else Box.ALL, after=after, limit=limit)
    return [item.delivery for item in await backend.mailboxes.inbox(receiver, search, values.at)]


_NAMES = itertools.count()


async def lease(backend, receiver, now, until, limit, name=""):
    """Lease under a name of its own; return the deliveries."""
    name = name or f"lease-{next(_NAMES)}"
    return [item.delivery for item in await backend.mailboxes.lease(receiver, name, now, until, limit)]


async def _fill(backend, values, count, *, together=1):
    """File letters to one receiver, `together` of them in the same moment; return the deliveries in mailbox order."""
    filings = [values.filing(number, at=values.at + number // together * SECOND) for number in range(count)]
    await asyncio.gather(*(backend.messages.file(filing) for filing in filings))
    deliveries = [filing.deliveries[0] for filing in filings]
    return sorted(deliveries, key=lambda item: (item.consigned_at, item.key))


async def _pages(backend, values, size, *, waiting, between=None):
    seen, after = [], ""
    while page := await look(backend, values, values.receiver, waiting=waiting, after=after, limit=size):
        assert len(page) <= size
        seen += page
        after = page[-1].key
        if between is not None:
            await between(page)
    return seen


async def test_the_inbox_is_oldest_first(backend, values) -> None:
    expected = await _fill(backend, values, 30, together=4)
    assert await look(backend, values, values.receiver, waiting=True, after="", limit=200) == expected


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
    assert await look(backend, values, values.receiver, waiting=True, after="", limit=200) == []
    assert [item.key for item in await _pages(backend, values, 7, waiting=False)] == [item.key for item in expected]


async def test_what_arrives_while_paging_comes_at_the_end(backend, values) -> None:
    expected = await _fill(backend, values, 10)
    late = values.filing(99, at=values.at + MINUTE)
    first = await look(backend, values, values.receiver, waiting=True, after="", limit=6)
    await backend.messages.file(late)
    rest = await look(backend, values, values.receiver, waiting=True, after=first[-1].key, limit=10)
    assert [*first, *rest] == [*expected, *late.deliveries]


async def test_a_mailbox_shows_its_own_only(backend, values) -> None:
    filing = values.filing(receivers=(values.receiver, values.other))
    await backend.messages.file(filing)
    mine, theirs = filing.deliveries
    assert await look(backend, values, values.other, waiting=True, after="", limit=10) == [theirs]
    assert await backend.mailboxes.get(values.receiver, mine.key) == mine
    assert await backend.mailboxes.get(values.other, mine.key) is None
    assert await backend.mailboxes.get(values.receiver, DeliveryKey("nothing")) is None


async def test_concurrent_readers_never_get_the_same_delivery(backend, values) -> None:
    expected = await _fill(backend, values, 50, together=3)
    now, until = values.at + MINUTE, values.at + 2 * MINUTE
    pages = await asyncio.gather(*(lease(backend, values.receiver, now, until, 4) for _ in range(20)))
    keys = [item.key for page in pages for item in page]
    assert sorted(keys) == sorted(item.key for item in expected)
    assert {item.leased_until for page in pages for item in page} == {until}


async def test_readers_in_two_processes_never_get_the_same_delivery(opened, values) -> None:
    async with opened() as first, opened() as second:
        expected = await _fill(first, values, 50)
        now, until = values.at + MINUTE, values.at + 2 * MINUTE
        readers = [first, second] * 10
        pages = await asyncio.gather(*(lease(item, values.receiver, now, until, 4) for item in readers))
        keys = [item.key for page in pages for item in page]
        assert sorted(keys) == sorted(item.key for item in expected)


async def test_a_lease_takes_the_oldest_and_ends(backend, values) -> None:
    first, second, third = await _fill(backend, values, 3)
    now = values.at + MINUTE
    until = now + MINUTE
    assert [item.key for item in await lease(backend, values.receiver, now, until, 2)] == [first.key, second.key]
    assert [item.key for item in await lease(backend, values.receiver, now, until, 2)] == [third.key]
    just_before = until - timedelta(microseconds=1)
    assert await lease(backend, values.receiver, just_before, until + MINUTE, 9) == []
    again = await lease(backend, values.receiver, until, until + MINUTE, 9)
    assert [item.key for item in again] == [first.key, second.key, third.key]
    assert [item.leased_until for item in again] == [until + MINUTE] * 3


async def test_what_is_leased_still_shows_as_waiting(backend, values) -> None:
    (only,) = await _fill(backend, values, 1)
    await lease(backend, values.receiver, values.at, values.at + MINUTE, 1)
    (shown,) = await look(backend, values, values.receiver, waiting=True, after="", limit=10)
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
    assert await look(backend, values, values.receiver, waiting=True, after="", limit=10) == []
    assert await look(backend, values, values.receiver, waiting=False, after="", limit=10) == [kept]
    assert await lease(backend, values.receiver, values.at + MINUTE, values.at + 2 * MINUTE, 9) == []


async def test_concurrent_hand_overs_leave_one_statement(backend, values) -> None:
    (only,) = await _fill(backend, values, 1)
    statements = [values.handover(only, values.at + number * SECOND) for number in range(20)]
    ids = await asyncio.gather(*(backend.mailboxes.hand_over(only, item) for item in statements))
    assert len(set(ids)) == 1
    told = [item for item in await backend.evidence.of_message(only.message) if item.event == "ContentHandover"]
    kept = await backend.mailboxes.get(values.receiver, only.key)
    assert [item.at for item in told] == [kept.handed_over_at]


async def test_a_lease_is_renewed_and_released_by_its_name(backend, values) -> None:
    first, second = await _fill(backend, values, 2)
    now, until = values.at + MINUTE, values.at + 2 * MINUTE
    await lease(backend, values.receiver, now, until, 1, "mine")
    held = await backend.mailboxes.renew(values.receiver, "mine", now, until + MINUTE)
    assert [(item.delivery.key, item.delivery.leased_until) for item in held] == [(first.key, until + MINUTE)]
    assert [item.key for item in await lease(backend, values.receiver, until, until + MINUTE, 9)] == [second.key]
    assert await backend.mailboxes.renew(values.other, "mine", now, until + MINUTE) == []
    assert await backend.mailboxes.release(values.other, "mine") == 0
    assert await backend.mailboxes.release(values.receiver, "mine") == 1
    assert await backend.mailboxes.release(values.receiver, "mine") == 0
    assert [item.key for item in await lease(backend, values.receiver, until, until + MINUTE, 9)] == [first.key]


async def test_an_ended_lease_is_not_renewed(backend, values) -> None:
    await _fill(backend, values, 1)
    now, until = values.at + MINUTE, values.at + 2 * MINUTE
    await lease(backend, values.receiver, now, until, 1, "mine")
    assert await backend.mailboxes.renew(values.receiver, "mine", until, until + MINUTE) == []
    assert len(await lease(backend, values.receiver, until, until + MINUTE, 1, "theirs")) == 1
    assert await backend.mailboxes.renew(values.receiver, "mine", until, until + MINUTE) == []
    assert await backend.mailboxes.release(values.receiver, "mine") == 0


async def test_the_first_reading_is_recorded_and_later_ones_are_not(backend, values) -> None:
    (only,) = await _fill(backend, values, 1)
    await backend.mailboxes.fetched(only, "token 1", values.at + SECOND)
    await backend.mailboxes.fetched(only, "token 2", values.at + MINUTE)
    kept = await backend.mailboxes.get(values.receiver, only.key)
    assert (kept.fetched_by, kept.fetched_at) == ("token 1", values.at + SECOND)


async def test_counts_and_parts_of_a_mailbox(backend, values) -> None:
    first, second, third, fourth = await _fill(backend, values, 4)
    now = values.at + MINUTE
    await lease(backend, values.receiver, now, now + MINUTE, 1, "mine")
    for item in (second, third):
        await backend.mailboxes.hand_over(item, values.handover(item, now))
    await backend.mailboxes.archive(values.receiver, third.key, now)
    counts = await backend.mailboxes.count(values.receiver, now)
    assert (counts.waiting, counts.leased, counts.received, counts.archived, counts.sent) == (2, 1, 1, 1, 0)
    assert (await backend.mailboxes.count(values.sender, now)).sent == 4

    async def keys(box):
        found = await backend.mailboxes.inbox(values.receiver, Search(box=box), now)
        return [item.delivery.key for item in found]

    assert await keys(Box.WAITING) == [first.key, fourth.key]
    assert await keys(Box.LEASED) == [first.key]
    assert await keys(Box.RECEIVED) == [second.key]
    assert await keys(Box.ARCHIVED) == [third.key]
    assert await keys(Box.OPEN) == [first.key, second.key, fourth.key]
    await backend.mailboxes.archive(values.receiver, third.key, None)
    assert await keys(Box.RECEIVED) == [second.key, third.key]


SUBJECTS = ("V/v đất đai tại Thanh Hóa", "V/v 100% hoàn thuế_2026", "Báo cáo")


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({"text": "dat dai"}, [0]),
        ({"text": "THANH hoa"}, [0]),
        ({"text": "Thanh Hóa"}, [0]),
        ({"text": "Thanh Hòa"}, []),
        ({"text": "100%"}, [1]),
        ({"text": "%"}, [1]),
        ({"text": "thue_"}, [1]),
        ({"text": "_"}, [1]),
        ({"text": "V/v"}, [0, 1]),
        ({"number": "2"}, [2]),
        ({"notation": "CV"}, [0, 1, 2]),
        ({"notation": "cv"}, []),
        ({"other": "nobody"}, []),
        ({"kind": "status"}, []),
        ({"business": 0}, [0, 1, 2]),
        ({"business": 1}, []),
        ({"state": "sent"}, [0, 1, 2]),
        ({"state": "accepted"}, []),
        ({"issued_since": "2026-11-23", "issued_until": "2026-11-23"}, [0, 1, 2]),
        ({"issued_since": "2026-11-24"}, []),
        ({"issued_until": "2026-11-22"}, []),
    ],
)
async def test_a_search_finds_what_is_described(backend, values, search, expected) -> None:
    filings = [values.filing(number, at=values.at + number * SECOND) for number in range(3)]
    for filing, subject in zip(filings, SUBJECTS, strict=True):
        await backend.messages.file(replace(filing, message=replace(filing.message, subject=subject)))
    found = await backend.mailboxes.inbox(values.receiver, Search(**search), values.at)
    assert [item.message.subject for item in found] == [SUBJECTS[number] for number in expected]
    other = search.pop("other", "")
    sent = await backend.messages.sent(values.sender, Search(**search, other=other))
    assert [item.subject for item in sent] == [SUBJECTS[number] for number in reversed(expected)]


async def test_a_search_is_bounded_by_moments(backend, values) -> None:
    expected = await _fill(backend, values, 5)
    bounds = Search(since=values.at + SECOND, until=values.at + 3 * SECOND)
    found = await backend.mailboxes.inbox(values.receiver, bounds, values.at)
    assert [item.delivery.key for item in found] == [item.key for item in expected[1:3]]
