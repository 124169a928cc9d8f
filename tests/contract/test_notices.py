"""Every store of notices tells once, whatever restarts, several processes or missed days, and hands mail to one courier."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from exchange.core.audit import Author
from exchange.core.forecast import Role, Term
from exchange.core.notices import Notice, NoticeKind, Wording, notice_id
from exchange.core.particulars import Contact
from exchange.core.warnings import Warden

DAY = timedelta(days=1)


def notice(values, number: int = 1, *, party=None, at=None) -> Notice:
    party = party or values.receiver
    return Notice(
        party=party,
        id=notice_id(NoticeKind.MESSAGE_RELEASED, f"m{number}", "", party),
        kind=NoticeKind.MESSAGE_RELEASED,
        subject=f"m{number}",
        at=at or values.at + number * timedelta(seconds=1),
        title=Wording(vi=f"Báo {number}", en=f"News {number}"),
        text=Wording(vi="Nội dung", en="Text"),
    )


def term(values, until: timedelta, name: str = "a") -> Term:
    return Term(
        owner=values.receiver,
        role=Role.PARTY,
        fingerprint=name * 64,
        signed_part=name * 64,
        subject="CN=A",
        not_before=values.at - 300 * DAY,
        not_after=values.at + until,
    )


class Terms:
    """Give the same certificates whenever asked."""

    def __init__(self, *terms: Term) -> None:
        self._terms = terms

    async def own(self):
        return []

    async def ending(self, before):
        return self._terms

    async def of_party(self, party):
        return self._terms


def warden(backend, *terms: Term) -> Warden:
    return Warden(terms=Terms(*terms), notices=backend.notices, hub=backend.hub)


async def told(backend, party) -> list[int]:
    return [item.stage for item in reversed(await backend.notices.page(party, unread=False, after=None, limit=100))]


async def test_a_notice_is_kept_once(backend, values) -> None:
    assert await backend.notices.add([notice(values)]) == 1
    assert await backend.notices.add([notice(values), notice(values, 2)]) == 1
    assert len(await backend.notices.page(values.receiver, unread=False, after=None, limit=10)) == 2


async def test_pages_go_back_in_time_without_gaps(backend, values) -> None:
    await backend.notices.add([notice(values, number, at=values.at + number // 3 * DAY) for number in range(20)])
    seen, after = [], None
    while page := await backend.notices.page(values.receiver, unread=False, after=after, limit=7):
        seen += page
        after = page[-1].id
    assert len({item.id for item in seen}) == 20
    assert [item.at for item in seen] == sorted((item.at for item in seen), reverse=True)


async def test_reading_is_marked_once_and_only_by_the_one_who_was_told(backend, values) -> None:
    await backend.notices.add([notice(values), notice(values, 2)])
    key = notice(values).id
    first = await backend.notices.read(values.receiver, key, Author(actor="one", at=values.at + DAY))
    again = await backend.notices.read(values.receiver, key, Author(actor="two", at=values.at + 2 * DAY))
    assert first == again
    assert (first.read_by, first.read_at) == ("one", values.at + DAY)
    assert await backend.notices.read(values.other, key, Author(actor="x", at=values.at)) is None
    unread = await backend.notices.page(values.receiver, unread=True, after=None, limit=10)
    assert [item.id for item in unread] == [notice(values, 2).id]


async def test_each_warning_comes_once_to_party_and_administrator(backend, values) -> None:
    looking = warden(backend, term(values, 61 * DAY))
    for hours in range(0, 24 * 64, 6):
        await looking.look_over(values.at + timedelta(hours=hours))
    assert await told(backend, values.receiver) == [60, 30, 14, 3, 1, 0]
    assert await told(backend, backend.hub) == [60, 30, 14, 3, 1, 0]


async def test_after_days_off_the_one_that_counts_now_comes_and_no_other(backend, values) -> None:
    looking = warden(backend, term(values, 31 * DAY))
    for days in (0, 9, 30.5, 32):
        await looking.look_over(values.at + days * DAY)
    assert await told(backend, values.receiver) == [60, 30, 1, 0]


async def test_a_clock_that_was_set_back_brings_no_earlier_warning(backend, values) -> None:
    looking = warden(backend, term(values, 14 * DAY))
    assert await looking.look_over(values.at) == 2
    assert await looking.look_over(values.at - 10 * DAY) == 0


async def test_two_processes_that_look_over_at_once_tell_once(opened, values) -> None:
    async with opened() as one, opened() as two:
        looking = [warden(each, term(values, 10 * DAY)) for each in (one, two) * 5]
        added = await asyncio.gather(*(each.look_over(values.at) for each in looking))
        assert sum(added) == 2
        assert await told(one, values.receiver) == [14]
    async with opened() as later:
        assert await warden(later, term(values, 10 * DAY)).look_over(values.at + timedelta(hours=1)) == 0


async def test_a_successor_stops_the_warnings(backend, values) -> None:
    await warden(backend, term(values, 31 * DAY)).look_over(values.at)
    covered = warden(backend, term(values, 31 * DAY), term(values, 400 * DAY, "b"))
    for days in range(40):
        assert await covered.look_over(values.at + days * DAY) == 0


@pytest.fixture
async def addressed(backend, values):
    """Know two addresses of a party."""
    contacts = tuple(Contact(name=each, email=f"{each}@so.example") for each in ("van-thu", "quan-tri"))
    await backend.directory.put(
        replace(values.party(values.receiver), contacts=(*contacts, Contact(name="bàn"), contacts[0]))
    )
    return backend


async def test_mail_goes_to_each_contact_of_the_party_and_to_the_administrators(addressed, values) -> None:
    await addressed.notices.add([notice(values), notice(values, 2), notice(values, party=addressed.hub)])
    due = await addressed.notices.claim(values.at + DAY, values.at + 2 * DAY, 10)
    assert {mail.address: len(mail.notices) for mail in due} == {
        "van-thu@so.example": 2,
        "quan-tri@so.example": 2,
        "admin@hub.example": 1,
    }


async def test_claimed_mail_is_nobody_elses_until_the_claim_ends(addressed, values) -> None:
    await addressed.notices.add([notice(values)])
    now, until = values.at + DAY, values.at + DAY + timedelta(minutes=5)
    claims = await asyncio.gather(*(addressed.notices.claim(now, until, 10) for _ in range(5)))
    assert sorted(len(each) for each in claims) == [0, 0, 0, 0, 2]
    assert len(await addressed.notices.claim(until, until + DAY, 10)) == 2


async def test_what_was_sent_or_given_up_is_over_and_what_failed_comes_again(addressed, values) -> None:
    await addressed.notices.add([notice(values)])
    now = values.at + DAY
    one, two = await addressed.notices.claim(now, now + DAY, 10)
    await addressed.notices.settle(one, "", None)
    await addressed.notices.settle(two, "450 later", now + timedelta(minutes=1))
    assert await addressed.notices.claim(now, now + DAY, 10) == []
    (again,) = await addressed.notices.claim(now + timedelta(minutes=1), now + DAY, 10)
    assert (again.address, again.tries, again.notices) == (two.address, 1, two.notices)
    await addressed.notices.settle(again, "550 never", None)
    assert await addressed.notices.claim(now + 9 * DAY, now + 10 * DAY, 10) == []
