"""Every shelf of evidence keeps the first statement and the first seal."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from envelopes.receipt import Event
from exchange.core.model import EvidenceId, MessageKey

SECOND = timedelta(seconds=1)


def _rejection(values, number=1, seconds=0):
    at = values.at + seconds * SECOND
    return values.statement(Event.SUBMISSION_REJECTION, values.sender, MessageKey(f"digest-{number}"), at)


async def test_a_statement_is_kept_once(backend, values) -> None:
    first, again = _rejection(values), _rejection(values, seconds=5)
    await backend.evidence.add(first)
    await backend.evidence.add(again)
    assert await backend.evidence.get(first.id) == first
    assert await backend.evidence.of_message(first.message) == [first]


async def test_statements_are_listed_oldest_first(backend, values) -> None:
    key = MessageKey("one")
    events = (Event.CONTENT_HANDOVER, Event.CONTENT_CONSIGNMENT, Event.SUBMISSION_ACCEPTANCE)
    statements = [
        values.statement(event, values.sender, key, values.at - number * SECOND) for number, event in enumerate(events)
    ]
    for statement in statements:
        await backend.evidence.add(statement)
    assert await backend.evidence.of_message(key) == statements[::-1]


async def test_the_first_seal_stays(backend, values) -> None:
    statement = _rejection(values)
    await backend.evidence.add(statement)
    assert await backend.evidence.seal(statement.id, b"first") == b"first"
    assert await backend.evidence.seal(statement.id, b"second") == b"first"
    kept = await backend.evidence.get(statement.id)
    assert (kept.sealed, kept.text, kept.leaf) == (b"first", statement.text, statement.leaf)


async def test_concurrent_seals_all_return_the_one_that_is_kept(backend, values) -> None:
    statement = _rejection(values)
    await backend.evidence.add(statement)
    results = await asyncio.gather(*(backend.evidence.seal(statement.id, b"%d" % number) for number in range(30)))
    assert {(await backend.evidence.get(statement.id)).sealed} == set(results)


async def test_seals_in_two_processes_return_the_one_that_is_kept(opened, values) -> None:
    statement = _rejection(values)
    async with opened() as first, opened() as second:
        await first.evidence.add(statement)
        tries = [(first, b"a"), (second, b"b")] * 5
        results = await asyncio.gather(*(item.evidence.seal(statement.id, data) for item, data in tries))
        assert {(await first.evidence.get(statement.id)).sealed} == set(results)


async def test_unsealed_statements_are_listed_oldest_first(backend, values) -> None:
    statements = [_rejection(values, number, seconds=10 - number) for number in range(10)]
    for statement in statements:
        await backend.evidence.add(statement)
    await backend.evidence.seal(statements[4].id, b"sealed")
    expected = [item.id for item in reversed(statements) if item is not statements[4]]
    assert await backend.evidence.unsealed(100) == expected
    assert await backend.evidence.unsealed(3) == expected[:3]


async def test_nothing_is_found_where_nothing_is(backend) -> None:
    assert await backend.evidence.get(EvidenceId("nothing")) is None
    assert await backend.evidence.of_message(MessageKey("nothing")) == []
    assert await backend.evidence.unsealed(10) == []
