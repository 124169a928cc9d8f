"""What authorities say of revocations is kept, the newer in place of the older and never the other way, and every process sees it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exchange.core.audit import Author
from exchange.core.hearing import of_answer, of_list
from exchange.core.revoking import FORGOTTEN, Source, Standing, State
from tests.servers.authority import Authority
from trust_store.errors import Refused
from trust_store.revocation.answers import load_answer
from trust_store.revocation.lists import load_list

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PLACE = Source(place="http://crl.example.vn/a.crl", authority="CN=CA")


@pytest.fixture
def authority(values):
    return Authority("CA", values.at)


def listed(authority, at, **fields):
    return of_list(load_list(authority.list(at, **fields)))


async def test_nothing_is_known_at_first(backend, values) -> None:
    assert await backend.revocation.current() == []
    assert await backend.revocation.get("0" * 64) is None
    assert await backend.sources.due(values.at, 10) == []


async def test_a_list_is_kept_with_where_it_came_from(backend, values, authority) -> None:
    datum = listed(authority, values.at)
    assert await backend.revocation.keep(datum, PLACE.place, values.at)
    assert not await backend.revocation.keep(datum, PLACE.place, values.at + HOUR)
    kept = await backend.revocation.get(datum.digest)
    assert kept is not None
    assert (kept.datum, kept.source, kept.fetched_at) == (datum, PLACE.place, values.at)
    (current,) = await backend.revocation.current()
    assert (current.datum.digest, current.datum.der, current.superseded_at) == (datum.digest, b"", None)


async def test_a_newer_list_replaces_an_older_which_stays_as_proof(backend, values, authority) -> None:
    old, new = listed(authority, values.at), listed(authority, values.at + HOUR)
    for datum in (old, new):
        assert await backend.revocation.keep(datum, PLACE.place, values.at + HOUR)
    assert [each.datum.digest for each in await backend.revocation.current()] == [new.digest]
    kept = await backend.revocation.get(old.digest)
    assert kept is not None
    assert (kept.superseded_by, kept.superseded_at, kept.datum.der) == (new.digest, values.at + HOUR, old.der)


@pytest.mark.parametrize(
    ("number", "hours"),
    [(5, 0), (5, -1), (4, 0), (4, 1), (6, -1)],
    ids=["same", "earlier", "lower", "lower later", "higher earlier"],
)
async def test_a_list_that_is_older_in_any_respect_replaces_nothing(backend, values, authority, number, hours) -> None:
    known = listed(authority, values.at, number=5)
    await backend.revocation.keep(known, PLACE.place, values.at)
    other = listed(authority, values.at + hours * HOUR, number=number, days=3)
    with pytest.raises(Refused, match="revocation-older"):
        await backend.revocation.keep(other, PLACE.place, values.at)
    assert [each.datum.digest for each in await backend.revocation.current()] == [known.digest]
    assert await backend.revocation.get(other.digest) is None


async def test_lists_of_other_scope_kind_or_authority_stand_beside_each_other(backend, values, authority) -> None:
    other = Authority("CA", values.at)
    data = [
        listed(authority, values.at, number=5),
        listed(authority, values.at, number=6, base=5),
        listed(authority, values.at, number=5, points=["http://crl.example.vn/1.crl"]),
        listed(authority, values.at, number=5, points=["http://crl.example.vn/2.crl"]),
        listed(other, values.at, number=5),
    ]
    for datum in data:
        await backend.revocation.keep(datum, PLACE.place, values.at)
    assert {each.datum.digest for each in await backend.revocation.current()} == {each.digest for each in data}


async def test_answers_replace_each_other_by_certificate(backend, values, authority) -> None:
    one, two = (authority.person(name).certificate for name in ("Một", "Hai"))
    first, second, late, other = (
        of_answer(load_answer(authority.answer(whom, values.at + hours * HOUR)), whom)
        for whom, hours in ((one, 0), (one, 1), (one, -1), (two, 0))
    )
    for datum in (first, second, other):
        await backend.revocation.keep(datum, PLACE.place, values.at)
    with pytest.raises(Refused, match="revocation-older"):
        await backend.revocation.keep(late, PLACE.place, values.at)
    assert {each.datum.digest for each in await backend.revocation.current()} == {second.digest, other.digest}


async def test_the_judge_of_every_process_sees_it_at_once(opened, values, authority) -> None:
    person = authority.person("Một").certificate
    async with opened() as hub, opened() as other:
        before = await hub.trust.evidence()
        assert (before.lists, before.answers) == ((), ())
        datum, answer = (
            listed(authority, values.at),
            of_answer(load_answer(authority.answer(person, values.at)), person),
        )
        await other.revocation.keep(datum, PLACE.place, values.at)
        await other.revocation.keep(answer, PLACE.place, values.at)
        evidence = await hub.trust.evidence()
        assert [each.digest for each in evidence.lists] == [datum.digest]
        assert [each.digest for each in evidence.answers] == [answer.digest]
        assert evidence.paths is before.paths
        assert evidence.standings is not before.standings
        newer = listed(authority, values.at + HOUR)
        await other.revocation.keep(newer, PLACE.place, values.at)
        again = await hub.trust.evidence()
        assert [each.digest for each in again.lists] == [newer.digest]
        assert again.answers[0] is evidence.answers[0]
        assert await hub.trust.evidence() is again


async def test_what_is_imported_is_audited(backend, values, authority) -> None:
    datum = listed(authority, values.at)
    await backend.revocation.keep(datum, "import", values.at, Author(actor="operator", at=values.at))
    (row,) = await backend.audit.page(0, 10)
    assert (row.event, row.actor, row.subject) == ("revocation-imported", "operator", "CN=CA")
    assert datum.digest in row.detail


async def test_a_source_is_due_until_it_is_claimed_and_asked_again_when_told(backend, values) -> None:
    sources, at = backend.sources, values.at
    await sources.want([PLACE], at)
    assert await sources.due(at, 10) == [PLACE]
    assert await sources.claim(PLACE, at, at + HOUR) == 0
    assert await sources.claim(PLACE, at, at + HOUR) is None
    assert await sources.due(at, 10) == []
    await sources.fail(PLACE, ("fetch-too-slow", "nothing came"), at, at + 2 * HOUR)
    assert await sources.due(at + HOUR, 10) == []
    assert await sources.claim(PLACE, at + HOUR, at + 3 * HOUR) is None
    assert await sources.claim(PLACE, at + 2 * HOUR, at + 3 * HOUR) == 1
    (watched,) = await sources.watched(at)
    assert (watched.failures, watched.reason, watched.detail) == (1, "fetch-too-slow", "nothing came")


async def test_a_claim_ends_with_its_time(backend, values) -> None:
    await backend.sources.want([PLACE], values.at)
    assert await backend.sources.claim(PLACE, values.at, values.at + HOUR) == 0
    assert await backend.sources.claim(PLACE, values.at + HOUR, values.at + 2 * HOUR) == 0


async def test_success_forgets_failures(backend, values, authority) -> None:
    datum, at = listed(authority, values.at), values.at
    await backend.sources.want([PLACE], at)
    await backend.sources.fail(PLACE, ("fetch-answer", "404"), at, at)
    await backend.sources.succeed(PLACE, datum, at, at + DAY)
    (watched,) = await backend.sources.watched(at)
    assert (watched.failures, watched.reason, watched.slot, watched.fetched_at) == (0, "", datum.slot, at)
    assert await backend.sources.due(at + HOUR, 10) == []


async def test_a_source_that_nothing_names_any_more_is_left_alone(backend, values) -> None:
    await backend.sources.want([PLACE], values.at)
    later = values.at + FORGOTTEN + HOUR
    assert (await backend.sources.due(later, 10), await backend.sources.watched(later)) == ([], [])
    await backend.sources.want([PLACE], later)
    assert await backend.sources.due(later, 10) == [PLACE]


async def test_certificates_that_were_met_are_known_again(backend, values, authority) -> None:
    person = authority.person("Một").certificate
    for _ in range(2):
        await backend.sources.meet([person, authority.certificate], values.at)
    assert await backend.sources.authorities() == [authority.certificate]
    assert await backend.sources.certificate(person.fingerprint) == person
    assert await backend.sources.certificate("0" * 64) is None


async def test_certificates_of_parties_come_page_by_page(backend, values, authority) -> None:
    await backend.directory.put(values.party(values.sender))
    certificates = {authority.person(str(number)).certificate for number in range(5)}
    for each in certificates:
        await backend.directory.add_certificate(values.sender, each, values.at)
    found, behind = [], ("", "")
    while page := await backend.sources.registered(behind, 2, values.at):
        found += [each for _, _, each in page]
        behind = page[-1][:2]
    assert (len(found), set(found)) == (5, certificates)
    assert await backend.sources.registered(("", ""), 10, values.at + HOUR) == []
    assert await backend.sources.certificate(found[0].fingerprint) == found[0]


async def test_grace_periods_are_audited_when_they_begin_and_end(backend, values) -> None:
    def standing(state):
        return Standing(
            authority="CN=CA",
            state=state,
            issued_at=values.at,
            fresh_until=values.at + DAY,
            stale_at=values.at + 4 * DAY,
        )

    for state in (
        State.FRESH,
        State.GRACE,
        State.GRACE,
        State.FRESH,
        State.GRACE,
        State.STALE,
        State.STALE,
        State.FRESH,
    ):
        await backend.revocation.note_standings([standing(state)], values.at)
    began, ended = "revocation-grace-began", "revocation-grace-ended"
    assert [each.event for each in await backend.audit.page(0, 10)] == [began, ended, began, ended, ended]


async def test_only_what_stood_for_nothing_is_forgotten(backend, values, authority) -> None:
    keep, at = backend.revocation.keep, values.at
    lists = [listed(authority, at + hours * HOUR) for hours in range(3)]
    await keep(lists[0], PLACE.place, at)
    await keep(lists[1], PLACE.place, at + HOUR)
    await backend.directory.put(values.party(values.sender))
    await backend.messages.file(values.filing(at=at + 2 * HOUR))
    await keep(lists[2], PLACE.place, at + 3 * HOUR)
    assert await backend.revocation.forget(at + HOUR, at + DAY) == 0
    assert await backend.revocation.forget(at + 2 * DAY, at + DAY) == 1
    assert [await backend.revocation.get(each.digest) is not None for each in lists] == [False, True, True]


async def test_an_answer_that_nobody_asked_for_again_is_current_no_more_but_kept(backend, values, authority) -> None:
    person = authority.person("Một").certificate
    answer = of_answer(load_answer(authority.answer(person, values.at)), person)
    await backend.revocation.keep(answer, PLACE.place, values.at)
    await backend.revocation.forget(values.at, values.at)
    assert len(await backend.revocation.current()) == 1
    await backend.revocation.forget(values.at + 2 * DAY, values.at + 2 * DAY)
    assert await backend.revocation.current() == []
    assert (await backend.trust.evidence()).answers == ()
    assert await backend.revocation.get(answer.digest) is not None
