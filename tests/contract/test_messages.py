"""Every store of messages commits a filing whole or not at all, once, and finds it again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from envelopes.edxml import StatusCode
from exchange.core.finding import Search
from exchange.core.lifecycle import Asked, State
from exchange.core.model import Effect, Kind, PartyId, Relation, RelationKind, Remark
from trust_store.errors import Refused

SECOND = timedelta(seconds=1)


async def _whole(backend, key):
    deliveries = await backend.mailboxes.of_message(key)
    return await backend.messages.get(key), deliveries, await backend.evidence.of_message(key)


async def test_what_is_filed_is_there_whole(backend, values) -> None:
    filing = values.filing(receivers=(values.receiver, values.other))
    assert await backend.messages.file(filing) == filing.message
    filed, deliveries, statements = await _whole(backend, filing.message.key)
    assert filed == filing.message
    assert set(deliveries) == set(filing.deliveries)
    assert {item.id: item for item in statements} == {item.id: item for item in filing.statements}


async def test_what_is_filed_is_there_after_a_restart(opened, values) -> None:
    filing = values.filing()
    async with opened() as first:
        await first.messages.file(filing)
    async with opened() as second:
        assert (await _whole(second, filing.message.key))[0] == filing.message


async def test_the_same_again_returns_the_first_and_changes_nothing(backend, values) -> None:
    filing = values.filing()
    await backend.messages.file(filing)
    before = await _whole(backend, filing.message.key)
    later = values.filing(at=values.at + SECOND)
    assert await backend.messages.file(later) == filing.message
    assert await _whole(backend, filing.message.key) == before


async def test_the_same_id_with_other_bytes_is_a_conflict_and_changes_nothing(backend, values) -> None:
    filing = values.filing()
    await backend.messages.file(filing)
    before = await _whole(backend, filing.message.key)
    with pytest.raises(Refused) as refusal:
        await backend.messages.file(values.filing(digest="0" * 64, receivers=(values.other,)))
    assert refusal.value.reason.code == "message-id-conflict"
    assert await _whole(backend, filing.message.key) == before
    assert not await backend.messages.has_blob("0" * 64)


async def test_ids_belong_to_their_sender(backend, values) -> None:
    mine = values.filing(message_id="1")
    theirs = values.filing(message_id="1", sender=values.other, digest="0" * 64)
    await backend.messages.file(mine)
    assert await backend.messages.file(theirs) == theirs.message
    assert await backend.messages.get(mine.message.key) == mine.message


async def test_of_a_failing_filing_nothing_stays(backend, values) -> None:
    filing = values.filing(receivers=(values.receiver, values.other))
    naive = replace(filing.deliveries[1], consigned_at=values.at.replace(tzinfo=None))
    with pytest.raises(TypeError):
        await backend.messages.file(replace(filing, deliveries=(filing.deliveries[0], naive)))
    assert await _whole(backend, filing.message.key) == (None, [], [])
    assert not await backend.messages.has_blob(filing.message.digest)
    assert await backend.mailboxes.inbox(values.receiver, Search(), values.at) == []
    assert await backend.messages.file(filing) == filing.message


async def test_concurrent_filings_of_the_same_message_are_one(backend, values) -> None:
    filings = [values.filing(at=values.at + number * SECOND) for number in range(20)]
    results = await asyncio.gather(*(backend.messages.file(filing) for filing in filings))
    assert len({item.submitted_at for item in results}) == 1
    _, deliveries, statements = await _whole(backend, filings[0].message.key)
    assert (len(deliveries), len(statements)) == (1, 2)


async def test_of_concurrent_filings_with_one_id_and_other_bytes_one_wins(backend, values) -> None:
    filings = [values.filing(digest=f"{number:064x}") for number in range(20)]
    results = await asyncio.gather(*(backend.messages.file(item) for item in filings), return_exceptions=True)
    (winner,) = [item for item in results if not isinstance(item, BaseException)]
    refused = [item for item in results if isinstance(item, Refused)]
    assert {item.reason.code for item in refused} == {"message-id-conflict"}
    assert len(refused) == 19
    assert await backend.messages.get(winner.key) == winner


async def test_bytes_are_recognised_for_their_sender_only(backend, values) -> None:
    filing = values.filing()
    await backend.messages.file(filing)
    assert await backend.messages.recognise(values.sender, filing.message.digest) == filing.message
    assert await backend.messages.recognise(values.other, filing.message.digest) is None
    assert await backend.messages.recognise(values.sender, "0" * 64) is None


async def test_a_message_is_found_by_its_id_at_its_sender(backend, values) -> None:
    letter = values.filing(message_id="a")
    await backend.messages.file(letter)
    assert await backend.messages.find(values.sender, "a") == letter.message
    assert await backend.messages.find(values.other, "a") is None
    assert await backend.messages.find(values.sender, "A") is None
    assert await backend.messages.find(values.sender, "") is None


async def test_letters_are_found_by_code_and_date(backend, values) -> None:
    dates = ("2026-11-22", "2026-11-23", "2026-11-23", "")
    letters = []
    for number, promulgated in enumerate(dates):
        filing = values.filing(number, message_id=f"id-{number}", code=("12", "CV-LS"))
        message = replace(filing.message, promulgated=promulgated)
        await backend.messages.file(replace(filing, message=message))
        letters.append(message)
    await backend.messages.file(values.filing(9, sender=values.other, code=("12", "CV-LS")))
    coded = backend.messages.coded
    assert await coded(values.sender, "12/CV-LS", "2026-11-22") == letters[:1]
    assert sorted(item.message_id for item in await coded(values.sender, "12/CV-LS", "2026-11-23")) == ["id-1", "id-2"]
    assert len(await coded(values.sender, "12/CV-LS", "")) == 2
    assert await coded(values.sender, "12/CV-LS", "2026-11-24") == []
    assert await coded(values.sender, "13/CV-LS", "") == []
    assert [item.sender for item in await coded(values.other, "12/CV-LS", "")] == [values.other]


@pytest.mark.parametrize("code", [("", ""), ("", "CV"), ("12", "")])
async def test_half_a_code_finds_nothing(backend, values, code) -> None:
    await backend.messages.file(values.filing(message_id="a", code=code))
    assert await backend.messages.coded(values.sender, "/".join(code), "") == []


async def test_a_notice_is_not_found_by_a_code(backend, values) -> None:
    await backend.messages.file(values.filing(message_id="status:1", kind=Kind.STATUS, code=("12", "CV")))
    assert await backend.messages.coded(values.sender, "12/CV", "") == []


async def test_pages_of_sent_letters_are_complete_and_newest_first(backend, values) -> None:
    letters = [values.filing(number, at=values.at + number * SECOND) for number in range(25)]
    notice = values.filing(message_id="status:1", kind=Kind.STATUS, at=values.at + 7 * SECOND)
    foreign = values.filing(99, sender=values.other, at=values.at + 8 * SECOND)
    for filing in (*letters, notice, foreign):
        await backend.messages.file(filing)
    seen, after = [], ""
    while page := await backend.messages.sent(values.sender, Search(kind="letter", after=after, limit=10)):
        seen += page
        after = page[-1].key
    assert seen == [item.message for item in reversed(letters)]


async def test_statuses_are_listed_oldest_first_and_set_on_the_delivery(backend, values) -> None:
    letter = values.filing(receivers=(values.receiver, values.other))
    await backend.messages.file(letter)
    changes = []
    for number, (code, irregular) in enumerate((("01", False), ("06", True), ("04", True)), start=1):
        notice = values.filing(
            message_id=f"status:{code}",
            sender=values.receiver,
            receivers=(values.sender,),
            kind=Kind.STATUS,
            at=values.at + number * SECOND,
        )
        change = values.status(letter.message, values.receiver, code, notice.message, irregular=irregular)
        await backend.messages.file(replace(notice, change=change))
        changes.append(change)
    assert await backend.messages.statuses(letter.message.key) == changes
    deliveries = {item.receiver: item.status for item in await backend.mailboxes.of_message(letter.message.key)}
    assert deliveries == {values.receiver: "04", values.other: ""}
    states = {item.receiver: item.state for item in await backend.mailboxes.of_message(letter.message.key)}
    assert states == {values.receiver: "assigned", values.other: "sent"}


def _asking(values, letter, asked, *, at):
    """A message that asks something of the first receiver of a letter."""
    filing = values.filing(2, message_id=f"{asked}-{at}", at=values.at + at * SECOND)
    effect = Effect(
        original=letter.message.key,
        sender=values.sender,
        receiver=values.receiver,
        message=filing.message.key,
        asked=asked,
        at=filing.message.submitted_at,
    )
    delivery = replace(filing.deliveries[0], state=State.ASKING)
    return replace(filing, effects=(effect,), deliveries=(delivery,))


@pytest.mark.parametrize("named", ["original", "asking"])
@pytest.mark.parametrize(("code", "state", "own"), [("15", "recalled", "agreed"), ("16", "kept", "declined")])
async def test_what_is_asked_tells_how_far_the_receiver_was_and_is_answered_once(
    backend, values, named, code, state, own
) -> None:
    letter = values.filing(receivers=(values.receiver, values.other))
    await backend.messages.file(letter)
    await backend.mailboxes.fetched(letter.deliveries[0], "token 1", values.at + SECOND)
    asking = _asking(values, letter, Asked.REVOKE, at=2)
    await backend.messages.file(asking)
    mine = {item.receiver: item for item in await backend.mailboxes.of_message(letter.message.key)}
    assert [mine[who].state for who in (values.receiver, values.other)] == ["revoke-asked", "sent"]
    (effect,) = await backend.effects.about(letter.message.key)
    assert (effect.fetched_by, effect.fetched_at) == ("token 1", values.at + SECOND)
    assert (effect.handed_over_at, effect.answer) == (None, "")
    notice = values.filing(
        message_id="status:answer",
        sender=values.receiver,
        receivers=(values.sender,),
        kind=Kind.STATUS,
        at=values.at + 3 * SECOND,
    )
    about = letter.message if named == "original" else asking.message
    change = values.status(about, values.receiver, StatusCode(code), notice.message)
    await backend.messages.file(replace(notice, change=change))
    (effect,) = await backend.effects.about(asking.message.key)
    assert (effect.answer, effect.answered_at) == (code, notice.message.submitted_at)
    mine = {item.receiver: item.state for item in await backend.mailboxes.of_message(letter.message.key)}
    assert mine == {values.receiver: state, values.other: "sent"}
    (delivery,) = await backend.mailboxes.of_message(asking.message.key)
    assert delivery.state == own
    assert [item.irregular for item in await backend.messages.statuses(about.key)] == [False]


async def test_a_remark_is_kept_once(backend, values) -> None:
    letter = values.filing()
    await backend.messages.file(letter)
    remark = Remark(
        sender=values.sender,
        message=letter.message.key,
        id="a" * 64,
        at=values.at,
        what="message-id-conflict",
        text="x",
    )
    assert await backend.messages.remark(remark)
    assert not await backend.messages.remark(replace(remark, text="y"))
    assert await backend.messages.remarks(letter.message.key) == [remark]


async def test_relations_are_found_from_both_ends(backend, values) -> None:
    first, second = values.filing(1), values.filing(2)
    link = Relation(
        sender=values.sender,
        message=second.message.key,
        kind=RelationKind.REPLY,
        target=first.message.key,
        organ="",
        document_id=first.message.message_id,
        code="",
    )
    await backend.messages.file(first)
    await backend.messages.file(replace(second, relations=(link,)))
    assert await backend.messages.related(first.message.key) == [link]
    assert await backend.messages.related(second.message.key) == [link]


async def test_a_blob_is_referred_to_while_any_message_has_it(backend, values) -> None:
    await backend.messages.file(values.filing(digest="a" * 64))
    assert await backend.messages.has_blob("a" * 64)
    assert not await backend.messages.has_blob("b" * 64)


async def test_nothing_is_found_where_nothing_is(backend) -> None:
    assert await backend.messages.get("nothing") is None
    assert await backend.messages.statuses("nothing") == []
    assert await backend.messages.sent(PartyId("nobody"), Search()) == []
