"""Every shelf of stamps finds what waits, keeps a batch whole, and remembers what was put beside a message."""

from __future__ import annotations

from datetime import timedelta

import pytest

from envelopes.receipt import Event
from envelopes.signature.lasting import Level
from exchange.core.audit import AuditEntry, AuditEvent
from exchange.core.model import MessageKey
from exchange.core.ports.stamping import Batch, Raised

SECOND = timedelta(seconds=1)


@pytest.fixture
async def receipts(backend, values):
    """Three statements, a second apart; the last one is not sealed."""
    found = []
    for number in range(3):
        at, key = values.at + number * SECOND, MessageKey(f"digest-{number}")
        statement = values.statement(Event.SUBMISSION_REJECTION, values.sender, key, at)
        await backend.evidence.add(statement)
        if number < 2:
            await backend.evidence.seal(statement.id, b"sealed %d" % number)
        found.append(statement)
    return found


def _batch(values, name, *members, seconds=1):
    return Batch(
        id=name,
        at=values.at + 60 * SECOND,
        until=values.at + seconds * SECOND,
        members=tuple((each.id, b"leaf of " + each.id.encode()) for each in members),
        token=b"token",
    )


async def test_what_waits_is_sealed_old_enough_and_in_no_batch(backend, values, receipts) -> None:
    found = await backend.stamps.unstamped(values.at + 60 * SECOND, 10)
    assert found == [(receipts[n].id, receipts[n].at, b"sealed %d" % n) for n in (0, 1)]
    assert await backend.stamps.unstamped(values.at, 10) == found[:1]
    assert await backend.stamps.unstamped(values.at + 60 * SECOND, 1) == found[:1]
    assert await backend.stamps.waiting_since() == values.at


async def test_a_batch_is_found_by_each_of_its_receipts(backend, values, receipts) -> None:
    batch = _batch(values, "one", *receipts[:2])
    await backend.stamps.add(batch)
    assert await backend.stamps.batch_of(receipts[1].id) == (1, batch)
    assert await backend.stamps.batch_of(receipts[2].id) is None
    assert await backend.stamps.unstamped(values.at + 60 * SECOND, 10) == []
    assert await backend.stamps.waiting_since() is None


async def test_one_that_is_sealed_late_is_found_all_the_same(backend, values, receipts) -> None:
    await backend.stamps.add(_batch(values, "one", *receipts[:2], seconds=200))
    await backend.evidence.seal(receipts[2].id, b"late")
    found = await backend.stamps.unstamped(values.at + 60 * SECOND, 10)
    assert [key for key, _, _ in found] == [receipts[2].id]


async def test_a_receipt_stays_in_its_first_batch_and_the_second_keeps_its_leaves(backend, values, receipts) -> None:
    first, second = _batch(values, "one", receipts[0]), _batch(values, "two", *receipts[:2])
    await backend.stamps.add(first)
    await backend.stamps.add(second)
    assert await backend.stamps.batch_of(receipts[0].id) == (0, first)
    place, batch = await backend.stamps.batch_of(receipts[1].id)
    assert (place, [leaf for _, leaf in batch.members]) == (1, [leaf for _, leaf in second.members])


async def test_what_was_put_beside_a_message_is_replaced_by_more(backend, values) -> None:
    key = MessageKey("one")
    assert await backend.stamps.raised(key) is None
    for level in (Level.T, Level.LTA):
        raised = Raised(
            message=key, level=level, properties=f"<{level}/>đ", at=values.at, renew_by=values.at + 9 * SECOND
        )
        await backend.stamps.keep(raised)
        assert await backend.stamps.raised(key) == raised


async def test_silence_is_audited(backend, values) -> None:
    entry = AuditEntry(event=AuditEvent.TIME_AUTHORITIES_SILENT, actor="hub", subject="time-stamps", detail="said")
    await backend.stamps.note(entry, values.at)
    rows = await backend.audit.page(0, 10)
    assert [(row.event, row.actor, row.detail) for row in rows] == [(entry.event, entry.actor, entry.detail)]
