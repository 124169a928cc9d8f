"""Every store of systems keeps them with their secrets, and gives each what waits for its parties and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exchange.core.audit import Author
from exchange.core.model import Kind, PartyId, Transport
from exchange.core.systems import Collect, Link, SystemId, SystemStatus, describe_system
from trust_store.errors import Refused

SECOND = timedelta(seconds=1)
FIRST, SECRET = "the-first-secret", "the-second-secret"


def _by(values, after=timedelta()) -> Author:
    return Author(actor="operator", at=values.at + after)


def _system(*parties: str, name: str = "s", only: bool = True, unsigned: bool = False):
    return describe_system(
        name, "Hệ thống", [Link(party=PartyId(code), only=only) for code in parties], unsigned=unsigned
    )


@pytest.fixture
async def known(backend, values):
    """Register the receivers, and connect a system that speaks for both."""
    for code in (values.receiver, values.other):
        await backend.directory.put(values.party(code))
    system = _system(values.receiver, values.other, unsigned=True)
    await backend.systems.connect(system, FIRST, _by(values))
    return system


async def read(backend, name: str = "s"):
    return (await backend.directory.snapshot()).systems.get(SystemId(name))


async def collected(backend, wanted: Collect, name: str = "s"):
    return [item.delivery.key for item in await backend.systems.collect(SystemId(name), wanted)]


async def test_a_system_is_kept_whole_and_the_directory_knows_it(backend, values, known) -> None:
    assert await read(backend) == known
    snapshot = await backend.directory.snapshot()
    assert set(snapshot.bound) == {values.receiver, values.other} == snapshot.served
    await backend.systems.put(replace(known, links=(replace(known.links[0], only=False),)), _by(values))
    snapshot = await backend.directory.snapshot()
    assert (snapshot.bound, snapshot.served) == ({}, {known.links[0].party})
    assert [item.event for item in await backend.audit.page(0, 10)] == ["system-connected", "system-changed"]


async def test_another_process_sees_the_change(backend, values, known, opened) -> None:
    async with opened() as other:
        assert await read(other) == known
        await backend.systems.put(replace(known, status=SystemStatus.SUSPENDED), _by(values))
        assert (await read(other)).status is SystemStatus.SUSPENDED
        assert await other.systems.secrets(known.id, values.at) == [FIRST.encode()]


async def test_suspending_and_resuming_is_audited_as_such(backend, values, known) -> None:
    for status in (SystemStatus.SUSPENDED, SystemStatus.ACTIVE):
        await backend.systems.put(replace(known, status=status), _by(values))
    events = [item.event for item in await backend.audit.page(0, 10)]
    assert events == ["system-connected", "system-suspended", "system-resumed"]


async def test_a_system_is_connected_once_and_speaks_for_parties_that_there_are(backend, values, known) -> None:
    for asked, code in (
        (backend.systems.connect(known, SECRET, _by(values)), "system-exists"),
        (backend.systems.connect(_system("nobody", name="t"), SECRET, _by(values)), "not-found"),
        (backend.systems.put(_system(name="t"), _by(values)), "not-found"),
        (backend.systems.put(_system("nobody"), _by(values)), "not-found"),
        (backend.systems.rotate(SystemId("t"), SECRET, values.at, _by(values)), "not-found"),
    ):
        with pytest.raises(Refused) as refusal:
            await asked
        assert refusal.value.reason.code == code
    assert await read(backend) == known
    assert await read(backend, "t") is None
    assert await backend.systems.secrets(SystemId("t"), values.at) == []
    assert await backend.systems.secrets(known.id, values.at) == [FIRST.encode()]


async def test_two_secrets_hold_until_the_overlap_ends(backend, values, known) -> None:
    until = values.at + 10 * SECOND
    await backend.systems.rotate(known.id, SECRET, until, _by(values, SECOND))
    assert await backend.systems.secrets(known.id, until - SECOND) == [SECRET.encode(), FIRST.encode()]
    assert await backend.systems.secrets(known.id, until) == [SECRET.encode()]
    assert [item.ends_at for item in await backend.systems.states(known.id)] == [None, until]
    await backend.systems.rotate(known.id, "the-third-secret", until + SECOND, _by(values, 2 * SECOND))
    held = await backend.systems.secrets(known.id, until)
    assert held == [b"the-third-secret", SECRET.encode()], "an overlap that was given is never lengthened"
    await backend.systems.rotate(known.id, "the-fourth-secret", until, _by(values, 60 * SECOND))
    assert len(await backend.systems.states(known.id)) == 2, "what has ended is forgotten"


async def test_no_secret_is_in_the_trail(backend, values, known) -> None:
    await backend.systems.rotate(known.id, SECRET, values.at, _by(values))
    text = repr(await backend.audit.page(0, 10))
    assert FIRST not in text
    assert SECRET not in text


async def test_a_system_collects_what_waits_for_its_parties_oldest_first_and_failed_last(
    backend, values, known
) -> None:
    filings = [
        values.filing(
            number, at=values.at + number * SECOND, receivers=(values.receiver if number % 2 else values.other,)
        )
        for number in range(6)
    ]
    strange = values.filing(9, receivers=(PartyId("somebody-else"),))
    for filing in (*filings, strange):
        await backend.messages.file(filing)
    deliveries = [filing.deliveries[0] for filing in filings]
    keys = [item.key for item in deliveries]
    wanted = Collect(kind=Kind.LETTER)
    assert await collected(backend, wanted) == keys
    assert await collected(backend, replace(wanted, offset=2, limit=3)) == keys[2:5]
    assert await collected(backend, replace(wanted, kind=Kind.STATUS)) == []
    await backend.mailboxes.report(deliveries[0], Transport.FAIL, "đầy", values.at)
    await backend.mailboxes.hand_over(deliveries[1], values.handover(deliveries[1], values.at))
    assert await collected(backend, wanted) == [*keys[2:], keys[0]]
    assert await backend.systems.waiting(known.id, Kind.LETTER) == 5
    assert await backend.systems.waiting(known.id, Kind.STATUS) == 0
    span = replace(wanted, since=values.at + SECOND, until=values.at + 4 * SECOND)
    assert await collected(backend, span) == keys[1:4]
    found = await backend.systems.find(known.id, keys[0])
    assert (found.transport, found.transport_text, found.transport_at) == (Transport.FAIL, "đầy", values.at)
    assert await backend.systems.find(known.id, strange.deliveries[0].key) is None
    assert await backend.systems.find(SystemId("t"), keys[0]) is None


async def test_what_is_done_stays_done(backend, values, known) -> None:
    filing = values.filing(1)
    await backend.messages.file(filing)
    delivery = filing.deliveries[0]
    for status in (Transport.PROCESSING, Transport.DONE, Transport.FAIL):
        await backend.mailboxes.report(delivery, status, status.value, values.at)
    found = await backend.mailboxes.get(delivery.receiver, delivery.key)
    assert (found.transport, found.transport_text) == (Transport.DONE, "done")


async def test_a_system_follows_what_its_parties_sent(backend, values, known) -> None:
    mine = values.filing(1, sender=values.receiver, receivers=(values.other, values.sender))
    later = values.filing(2, sender=values.other, at=values.at + SECOND)
    strange = values.filing(3)
    for filing in (mine, later, strange):
        await backend.messages.file(filing)
    wanted = Collect(kind=Kind.LETTER)
    every = await backend.systems.sent(known.id, wanted, None)
    assert [item.message.key for item in every] == [later.message.key, mine.message.key, mine.message.key]
    of_one = await backend.systems.sent(known.id, wanted, mine.message.key)
    assert {item.delivery.receiver for item in of_one} == {values.other, values.sender}
    assert await backend.systems.sent(known.id, wanted, strange.message.key) == []
