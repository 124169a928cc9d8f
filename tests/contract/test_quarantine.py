"""Every store of what is held back decides whole or not at all, and nothing slips past a declaration."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from envelopes.receipt import Event
from exchange.core.audit import AuditEvent, Author
from exchange.core.finding import Box, Search
from exchange.core.holding import Held
from exchange.core.notices import NoticeKind
from exchange.core.quarantine import Declaration
from trust_store.errors import Refused

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ONE, SAME, OTHER = "a" * 64, "a" * 63 + "b", "c" * 64
"""Two ways to write one certificate (the part that its issuer signed is the same), and another one."""


def by(values, after: timedelta = DAY) -> Author:
    return Author(actor="administrator", at=values.at + after)


def declaration(values, after: timedelta = timedelta(), **more) -> Declaration:
    return Declaration(certificate=ONE, since=values.at + after, why="mất USB", **more)


async def states(backend, *filings) -> list[Held]:
    found = [item for filing in filings for item in await backend.mailboxes.of_message(filing.message.key)]
    return [item.held for item in found]


async def told(backend, party) -> list[str]:
    found = await backend.notices.page(party, unread=False, after=None, limit=100)
    return [item.kind for item in found if item.kind is not NoticeKind.CERTIFICATE_ENDING]


async def events(backend) -> list[str]:
    return [item.event for item in await backend.audit.page(0, 1000)]


@pytest.fixture
async def filed(backend, values):
    """File five letters: two before the moment, three of the lost key since, in both its forms, the last one to two."""
    filings = [
        values.filing(1, at=values.at - HOUR, signer=ONE),
        values.filing(2, at=values.at + HOUR, signer=OTHER),
        values.filing(3, at=values.at + HOUR, signer=ONE),
        values.filing(4, at=values.at + 2 * HOUR, signer=SAME),
        values.filing(5, at=values.at + 3 * HOUR, signer=ONE, receivers=(values.receiver, values.other)),
    ]
    for filing in filings:
        await backend.messages.file(filing)
    handed = filings[4].deliveries[1]
    await backend.mailboxes.hand_over(handed, values.handover(handed, values.at + 4 * HOUR))
    return filings


async def test_a_preview_tells_all_and_changes_nothing(backend, values, filed) -> None:
    before = await events(backend)
    found = await backend.quarantine.preview(declaration(values))
    assert [(item.message, item.receiver) for item in found.held] == [
        (filed[2].message.key, values.receiver),
        (filed[4].message.key, values.receiver),
        (filed[3].message.key, values.receiver),
    ]
    assert [(item.message, item.receiver) for item in found.handed] == [(filed[4].message.key, values.other)]
    assert found.parties == (values.sender,)
    assert found.is_news
    assert await states(backend, *filed) == [Held.NONE] * 6
    assert await events(backend) == before
    assert (await backend.trust.evidence()).revoked == ()
    assert await told(backend, values.sender) == []


async def test_a_declaration_revokes_holds_back_marks_and_tells(backend, values, filed) -> None:
    found = await backend.quarantine.declare(declaration(values), by(values))
    expected = await backend.quarantine.preview(declaration(values))
    assert (len(found.held), len(found.handed)) == (3, 1)
    assert not expected.is_news
    assert await states(backend, *filed[:2]) == [Held.NONE, Held.NONE]
    assert await states(backend, *filed[2:]) == [Held.QUARANTINED, Held.QUARANTINED, Held.QUARANTINED, Held.SUSPECT]
    (revoked,) = (await backend.trust.evidence()).revoked
    assert (revoked.signed_part, revoked.at, revoked.why) == ("a" * 64, values.at, "mất USB")
    for party in (values.sender, values.receiver, values.other, backend.hub):
        assert await told(backend, party) == [NoticeKind.KEY_COMPROMISED]
    assert (await events(backend)).count(AuditEvent.KEY_COMPROMISED) == 1
    for filing in filed[2:]:
        (remark,) = await backend.messages.remarks(filing.message.key)
        assert remark.what == "message-quarantined"
        assert "mất USB" in remark.text
    assert await backend.messages.remarks(filed[0].message.key) == []


async def test_a_receiver_is_told_of_its_own_documents_alone(backend, values, filed) -> None:
    await backend.quarantine.declare(declaration(values), by(values))
    (told_other,) = await backend.notices.page(values.other, unread=False, after=None, limit=5)
    assert "chưa giao: 0" in told_other.text.vi
    assert "nơi gửi: 1" in told_other.text.vi
    assert "5/CV" in told_other.text.en
    assert "3/CV" not in told_other.text.en


async def test_the_same_again_changes_nothing_and_an_earlier_moment_holds_more_back(backend, values, filed) -> None:
    await backend.quarantine.declare(declaration(values), by(values))
    again = await backend.quarantine.declare(declaration(values, HOUR), by(values, 2 * DAY))
    assert (again.is_news, again.held, again.handed) == (False, (), ())
    assert (await events(backend)).count(AuditEvent.KEY_COMPROMISED) == 1
    assert await told(backend, values.receiver) == [NoticeKind.KEY_COMPROMISED]
    more = await backend.quarantine.declare(declaration(values, -DAY), by(values, 3 * DAY))
    assert [item.message for item in more.held] == [filed[0].message.key]
    assert (await backend.trust.evidence()).revoked[0].at == values.at - DAY


async def test_what_was_revoked_earlier_stays_revoked_from_then(backend, values, filed) -> None:
    from trust_store.evidence import Revocation

    await backend.trust.revoke(Revocation(signed_part="a" * 64, at=values.at - 9 * DAY, why="đổi người"))
    found = await backend.quarantine.declare(declaration(values), by(values))
    assert found.revoked_at == values.at - 9 * DAY
    (revoked,) = (await backend.trust.evidence()).revoked
    assert (revoked.at, revoked.why) == (values.at - 9 * DAY, "đổi người")
    assert len(found.held) == 3


async def test_a_party_declares_its_own_and_nobody_elses(backend, values, filed) -> None:
    for certificate, party in ((ONE, values.receiver), ("f" * 64, None)):
        wanted = Declaration(certificate=certificate, since=values.at, why="x", party=party)
        for act in (backend.quarantine.preview(wanted), backend.quarantine.declare(wanted, by(values))):
            with pytest.raises(Refused) as refusal:
                await act
            assert refusal.value.reason.code == "not-found"
    own = await backend.quarantine.declare(declaration(values, party=values.sender), by(values))
    assert len(own.held) == 3


async def test_what_is_held_back_is_not_handed_out(backend, values, filed) -> None:
    now, until = values.at + DAY, values.at + 2 * DAY
    before = [item.delivery.key for item in await backend.mailboxes.lease(values.receiver, "old", now, until, 10)]
    assert len(before) == 5
    await backend.quarantine.declare(declaration(values), by(values))
    held = [filing.deliveries[0] for filing in filed[2:]]
    assert len(await backend.mailboxes.renew(values.receiver, "old", now, until)) == 2
    assert await backend.mailboxes.release(values.receiver, "old") == 2
    assert len(await backend.mailboxes.lease(values.receiver, "new", now, until, 10)) == 2
    for delivery in held:
        for act in (
            backend.mailboxes.hand_over(delivery, values.handover(delivery, now)),
            backend.mailboxes.fetched(delivery, "token", now),
        ):
            with pytest.raises(Refused) as refusal:
                await act
            assert refusal.value.reason.code == "message-quarantined"
        assert (await backend.mailboxes.get(values.receiver, delivery.key)).fetched_at is None
    boxes = {box: len(await backend.mailboxes.inbox(values.receiver, Search(box=box), now)) for box in Box}
    assert (boxes[Box.WAITING], boxes[Box.HELD], boxes[Box.ALL]) == (2, 3, 5)
    counts = await backend.mailboxes.count(values.receiver, now)
    assert (counts.waiting, counts.leased, counts.held) == (2, 2, 3)


async def test_what_was_handed_over_before_is_still_acknowledged_the_same(backend, values, filed) -> None:
    handed = filed[4].deliveries[1]
    await backend.quarantine.declare(declaration(values), by(values))
    again = await backend.mailboxes.hand_over(handed, values.handover(handed, values.at + DAY))
    assert again == values.handover(handed, values.at).id


async def test_a_released_message_goes_on_and_is_not_held_back_again(backend, values, filed) -> None:
    await backend.quarantine.declare(declaration(values), by(values))
    key = filed[4].message.key
    found = await backend.quarantine.release(key, "bên gửi xác nhận", by(values, 2 * DAY))
    assert {item.receiver for item in found} == {values.receiver, values.other}
    assert await states(backend, filed[4]) == [Held.NONE, Held.NONE]
    assert [item.what for item in await backend.messages.remarks(key)] == ["message-quarantined", "message-released"]
    for party in (values.sender, values.receiver, values.other, backend.hub):
        assert NoticeKind.MESSAGE_RELEASED in await told(backend, party)
    assert AuditEvent.MESSAGE_RELEASED in await events(backend)
    more = await backend.quarantine.declare(declaration(values, -DAY), by(values, 3 * DAY))
    assert key not in {item.message for item in more.held}
    with pytest.raises(Refused):
        await backend.quarantine.release(key, "again", by(values))
    with pytest.raises(Refused):
        await backend.quarantine.withdraw(key, "again", by(values), {})


async def test_a_withdrawn_message_is_over_with_evidence_for_each_receiver_who_does_not_have_it(
    backend, values, filed
) -> None:
    await backend.quarantine.declare(declaration(values), by(values))
    key, receivers = filed[4].message.key, (values.receiver, values.other)
    statements = {
        each: values.statement(Event.CONTENT_HANDOVER_FAILURE, values.sender, key, values.at, each)
        for each in receivers
    }
    found = await backend.quarantine.withdraw(key, "giả mạo", by(values, 2 * DAY), statements)
    assert [item.receiver for item in found] == [values.receiver]
    failures = [item for item in await backend.evidence.of_message(key) if item.event is Event.CONTENT_HANDOVER_FAILURE]
    assert [item.receiver for item in failures] == [values.receiver]
    assert sorted(await states(backend, filed[4])) == [Held.SUSPECT, Held.WITHDRAWN]
    for party in (values.sender, *receivers, backend.hub):
        assert NoticeKind.MESSAGE_WITHDRAWN in await told(backend, party)
    delivery = filed[4].deliveries[0]
    with pytest.raises(Refused) as refusal:
        await backend.mailboxes.hand_over(delivery, values.handover(delivery, values.at))
    assert refusal.value.reason.code == "message-withdrawn"


async def test_the_list_of_what_is_held_back_has_whole_messages_on_each_page(backend, values, filed) -> None:
    await backend.quarantine.declare(declaration(values), by(values))
    seen, after = [], None
    while page := await backend.quarantine.page(after, 2):
        seen += [item.message for item in page]
        after = page[-1].message
    assert sorted(seen) == sorted(filing.message.key for filing in filed[2:])


async def test_no_message_of_a_key_is_taken_on_after_its_declaration(backend, values, filed) -> None:
    """A submission was judged before and commits after: the transaction asks again."""
    await backend.quarantine.declare(declaration(values), by(values))
    for signer in (ONE, SAME, "a" * 62 + "zz"):
        late = values.filing(9, at=values.at + DAY, signer=signer, message_id=signer)
        with pytest.raises(Refused) as refusal:
            await backend.messages.file(late)
        assert refusal.value.reason.code == "certificate-revoked"
        assert await backend.messages.get(late.message.key) is None
    await backend.messages.file(values.filing(10, at=values.at + DAY, signer=OTHER))


async def test_submissions_leases_and_acknowledgements_race_with_a_declaration_and_none_slips_by(
    opened, values
) -> None:
    """Two processes; whatever order the transactions took, nothing since the moment is free, and nothing held was given."""
    async with opened() as one, opened() as two:
        await one.messages.file(values.filing(0, at=values.at, signer=ONE))
        now, until = values.at + DAY, values.at + 2 * DAY

        async def submit(number: int) -> None:
            backend = (one, two)[number % 2]
            try:
                await backend.messages.file(
                    values.filing(number, at=values.at + number * timedelta(seconds=1), signer=ONE)
                )
            except Refused as refusal:
                assert refusal.reason.code == "certificate-revoked"

        async def read(number: int) -> None:
            backend = (two, one)[number % 2]
            for item in await backend.mailboxes.lease(values.receiver, f"r{number}", now, until, 3):
                try:
                    await backend.mailboxes.hand_over(item.delivery, values.handover(item.delivery, now))
                except Refused as refusal:
                    assert refusal.reason.code == "message-quarantined"

        async def declare() -> None:
            await asyncio.sleep(0.005)
            await two.quarantine.declare(declaration(values), by(values))

        await asyncio.gather(*(submit(n) for n in range(1, 61)), *(read(n) for n in range(30)), declare())
        seen = 0
        for item in await one.mailboxes.inbox(values.receiver, Search(limit=100), now):
            expected = Held.SUSPECT if item.delivery.handed_over_at else Held.QUARANTINED
            assert item.delivery.held is expected
            seen += 1
        assert seen >= 1
        assert await one.mailboxes.lease(values.receiver, "last", until, until + DAY, 100) == []


async def test_a_failure_in_the_middle_leaves_nothing(backend, values, filed, monkeypatch) -> None:
    from exchange.storage import quarantine

    def fail(*_arguments: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(quarantine, "insert_notices", fail)
    before = await events(backend)
    with pytest.raises(OSError, match="power cut"):
        await backend.quarantine.declare(declaration(values), by(values))
    assert await states(backend, *filed) == [Held.NONE] * 6
    assert (await backend.trust.evidence()).revoked == ()
    assert await events(backend) == before
    assert await backend.messages.remarks(filed[2].message.key) == []
