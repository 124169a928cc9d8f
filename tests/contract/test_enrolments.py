"""Every store of applications keeps one decision as one transaction, whoever else decides, withdraws or applies meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import replace
from datetime import timedelta

import pytest

from exchange.core.applications import (
    MAX_CHALLENGES,
    MAX_OPEN,
    Application,
    ApplicationState,
    Decision,
    EnrolmentCode,
    Form,
    Issue,
    application_id,
    decide,
    withdraw,
)
from exchange.core.audit import Author
from exchange.core.model import PartyId
from exchange.errors import NOT_FOUND
from trust_store.enrol import Holder, create_authority, enrol
from trust_store.enrol_request import key_print
from trust_store.errors import Refused
from trust_store.identity import PartyKind
from trust_store.verdict import passed

HOUR, INSTANT = timedelta(hours=1), timedelta(microseconds=1)


def _by(values, later=timedelta()) -> Author:
    return Author(actor="test", at=values.at + later)


def _application(values, number=1, party="000.00.12.H56", **changed) -> Application:
    digest = hashlib.sha256(f"request {number}".encode()).hexdigest()
    application = Application(
        id=application_id(PartyId(party), digest),
        party=PartyId(party),
        form=Form.ISSUE,
        digest=digest,
        content=f"request {number}".encode(),
        subject="CN=Sở",
        key="EC P-256 256",
        key_print=hashlib.sha256(f"key {number}".encode()).hexdigest(),
        asked_by="test",
        asked_at=values.at + number * INSTANT,
        needed=1,
        checks=(passed("strength", "đủ mạnh"),),
    )
    return replace(application, **changed)


def _issue(values) -> Issue:
    return Issue(serial=2**151 + 1, begins=values.at, days=3, name="Sở")


def _approving(values, person="a"):
    decision = Decision(person=person, by=f"token {person}", at=values.at, approves=True)
    return lambda application, party: decide(application, decision, 1, party, _issue(values))


def _certificate(values, code="000.00.12.H56", serial=7):
    authority = create_authority("CA", serial=1, at=values.at, years=1)
    holder = Holder(kind=PartyKind.AGENCY, common_name="Sở", organisation="Sở", code=code)
    return enrol(authority, holder, serial=serial, at=values.at, days=3).certificate


async def refused(work) -> str:
    with pytest.raises(Refused) as refusal:
        await work
    return refusal.value.reason.code


@pytest.fixture
async def party(backend, values):
    found = values.party("000.00.12.H56")
    await backend.directory.put(found)
    return found


async def test_an_application_comes_back_as_it_went_in(backend, values, party) -> None:
    application = _application(values)
    assert await backend.enrolments.apply(application, _by(values)) == application
    assert await backend.enrolments.get(application.id) == application
    assert await backend.enrolments.of_party(party.id) == [application]
    assert await backend.enrolments.get(application_id(party.id, "other")) is None
    assert [row.event for row in await backend.audit.page(0, 9)] == ["application-made"]


async def test_the_same_again_changes_nothing(backend, values, party) -> None:
    application = _application(values)
    await backend.enrolments.apply(application, _by(values))
    approved = await backend.enrolments.change(application.id, _approving(values), _by(values))
    assert (approved.state, approved.issue) == (ApplicationState.APPROVED, _issue(values))
    assert await backend.enrolments.apply(application, _by(values)) == approved
    assert await backend.enrolments.get(application.id) == approved


async def test_a_key_is_asked_for_once(backend, values, party) -> None:
    await backend.enrolments.apply(_application(values), _by(values))
    other = _application(values, 2, key_print=_application(values).key_print)
    assert await refused(backend.enrolments.apply(other, _by(values))) == "application-key"


async def test_a_certified_key_stays_known_when_its_certificate_goes(backend, values, party) -> None:
    certificate = _certificate(values)
    await backend.directory.add_certificate(party.id, certificate, values.at, _by(values))
    await backend.directory.remove_certificate(party.id, certificate.fingerprint, _by(values))
    asked = _application(values, key_print=key_print(certificate.public_key))
    assert await refused(backend.enrolments.apply(asked, _by(values))) == "application-key"
    elsewhere = replace(asked, form=Form.REGISTER)
    assert await refused(backend.enrolments.apply(elsewhere, _by(values))) == "proof-challenge"
    foreign = replace(elsewhere, party=PartyId("2899000016"))
    assert await refused(backend.enrolments.apply(foreign, _by(values))) == "application-key"


async def test_open_applications_are_bounded_and_closed_ones_make_room(backend, values, party) -> None:
    made = [_application(values, number) for number in range(MAX_OPEN + 1)]
    for each in made[:-1]:
        await backend.enrolments.apply(each, _by(values))
    assert await refused(backend.enrolments.apply(made[-1], _by(values))) == "applications-too-many"
    await backend.enrolments.change(made[0].id, lambda item, _party: withdraw(item), _by(values))
    await backend.enrolments.apply(made[-1], _by(values))


async def test_a_page_goes_on_behind_an_application(backend, values, party) -> None:
    made = [_application(values, number) for number in range(4)]
    for each in made:
        await backend.enrolments.apply(each, _by(values))
    pending = ApplicationState.PENDING
    assert await backend.enrolments.page(pending, "", 2) == made[:2]
    assert await backend.enrolments.page(pending, made[1].id, 9) == made[2:]
    assert await backend.enrolments.page(ApplicationState.REFUSED, "", 9) == []
    assert await backend.enrolments.of_party(party.id) == made[::-1]


async def test_decisions_that_race_are_all_kept_and_one_approves(opened, values) -> None:
    async with opened() as here, opened() as there:
        await here.directory.put(values.party("000.00.12.H56"))
        application = _application(values, needed=3)
        await here.enrolments.apply(application, _by(values))
        stores = [here.enrolments, there.enrolments] * 3
        work = (
            store.change(application.id, _approving(values, str(n % 3)), _by(values)) for n, store in enumerate(stores)
        )
        seen = await asyncio.gather(*work)
        known = await here.enrolments.get(application.id)
        assert (known.approvals, known.state) == (3, ApplicationState.APPROVED)
        assert len(known.decisions) == 3
        assert {each.state for each in seen} >= {ApplicationState.APPROVED}


async def test_a_change_that_is_refused_leaves_nothing(backend, values, party) -> None:
    application = _application(values)
    await backend.enrolments.apply(application, _by(values))

    def change(_application, _party):
        raise Refused(NOT_FOUND)

    assert await refused(backend.enrolments.change(application.id, change, _by(values))) == "not-found"
    assert await backend.enrolments.get(application.id) == application
    assert await refused(backend.enrolments.change(application_id(party.id, "x"), change, _by(values))) == "not-found"


async def test_a_completed_application_has_its_certificate_in_the_directory_at_once(opened, values) -> None:
    async with opened() as here, opened() as there:
        await here.directory.put(values.party("000.00.12.H56"))
        application, certificate = _application(values), _certificate(values)
        await here.enrolments.apply(application, _by(values))
        pending = await here.enrolments.complete(application.id, certificate, _by(values))
        assert pending.state is ApplicationState.PENDING
        assert await there.directory.certificate_holder(certificate.fingerprint) is None
        await here.enrolments.change(application.id, _approving(values), _by(values))
        done = await here.enrolments.complete(application.id, certificate, _by(values))
        assert (done.state, done.certificate) == (ApplicationState.COMPLETED, certificate.fingerprint)
        holder = await there.directory.certificate_holder(certificate.fingerprint)
        assert holder is not None
        assert holder.id == "000.00.12.H56"
        other = _certificate(values, serial=8)
        assert await there.enrolments.complete(application.id, other, _by(values)) == done
        assert await here.directory.certificates(PartyId("000.00.12.H56")) == [certificate]
        found = [row.event for row in await here.audit.page(0, 9)]
        assert found[-3:] == ["application-approved", "certificate-issued", "certificate-registered"]


async def test_a_code_holds_until_it_ends_and_is_bound_to_its_first_application(backend, values, party) -> None:
    code = EnrolmentCode(id="a1", party=party.id, given_by="admin", expires_at=values.at + HOUR)
    digest = hashlib.sha256(b"code").digest()
    await backend.enrolments.give_code(code, digest, _by(values))
    assert await backend.enrolments.holder(digest, values.at + HOUR - INSTANT) == (code, party)
    assert await backend.enrolments.holder(digest, values.at + HOUR) is None
    assert await backend.enrolments.holder(hashlib.sha256(b"other").digest(), values.at) is None
    first, second = (_application(values, number, code="a1") for number in (1, 2))
    await backend.enrolments.apply(first, _by(values))
    await backend.enrolments.apply(first, _by(values))
    assert await refused(backend.enrolments.apply(second, _by(values))) == "unauthenticated"
    found = await backend.enrolments.holder(digest, values.at)
    assert found is not None
    assert found[0].application == first.id
    assert await refused(backend.enrolments.apply(first, _by(values, HOUR))) == "unauthenticated"


async def test_a_code_that_failed_is_not_used_up(backend, values, party) -> None:
    code = EnrolmentCode(id="a1", party=party.id, given_by="admin", expires_at=values.at + HOUR)
    await backend.enrolments.give_code(code, hashlib.sha256(b"code").digest(), _by(values))
    await backend.enrolments.apply(_application(values), _by(values))
    taken = _application(values, 2, key_print=_application(values).key_print, code="a1")
    assert await refused(backend.enrolments.apply(taken, _by(values))) == "application-key"
    await backend.enrolments.apply(_application(values, 3, code="a1"), _by(values))


async def test_a_revoked_code_opens_nothing_in_any_process(opened, values) -> None:
    async with opened() as here, opened() as there:
        party = values.party("000.00.12.H56")
        await here.directory.put(party)
        code = EnrolmentCode(id="a1", party=party.id, given_by="admin", expires_at=values.at + HOUR)
        digest = hashlib.sha256(b"code").digest()
        await here.enrolments.give_code(code, digest, _by(values))
        for _ in range(2):
            assert (await there.enrolments.revoke_code(party.id, "a1", _by(values))).expires_at == values.at
        assert await here.enrolments.holder(digest, values.at) is None
        assert await refused(here.enrolments.revoke_code(PartyId("other"), "a1", _by(values))) == "not-found"
        found = [row.event for row in await here.audit.page(0, 9)]
        assert found == ["enrolment-code-given", "enrolment-code-revoked"]


async def test_a_challenge_serves_once_its_own_party_for_a_while(backend, values, party) -> None:
    digests = [os.urandom(32) for _ in range(4)]
    for digest in digests:
        await backend.enrolments.challenge(party.id, digest, values.at + HOUR, values.at)

    def asked(number, **changed):
        return _application(values, number, form=Form.REGISTER, **changed)

    store = backend.enrolments
    await store.apply(asked(1), _by(values), digests[0])
    assert await refused(store.apply(asked(2), _by(values), digests[0])) == "proof-challenge"
    assert await refused(store.apply(asked(2), _by(values, HOUR), digests[1])) == "proof-challenge"
    assert await refused(store.apply(asked(2), _by(values), os.urandom(32))) == "proof-challenge"
    foreign = asked(2, party=PartyId("2899000016"))
    assert await refused(store.apply(foreign, _by(values), digests[1])) == "proof-challenge"
    await store.apply(asked(2), _by(values), digests[1])


async def test_the_oldest_challenges_of_a_party_give_way(backend, values, party) -> None:
    digests = [os.urandom(32) for _ in range(MAX_CHALLENGES + 1)]
    for number, digest in enumerate(digests):
        await backend.enrolments.challenge(party.id, digest, values.at + HOUR + number * INSTANT, values.at)
    first = _application(values, form=Form.REGISTER)
    assert await refused(backend.enrolments.apply(first, _by(values), digests[0])) == "proof-challenge"
    await backend.enrolments.apply(first, _by(values), digests[1])


async def test_a_certificate_that_is_let_go_is_revoked_and_gone_in_one_step(opened, values) -> None:
    async with opened() as here, opened() as there:
        party = values.party("000.00.12.H56")
        await here.directory.put(party)
        old, new = _certificate(values), _certificate(values, serial=8)
        await here.directory.add_certificate(party.id, old, values.at, _by(values))
        assert await refused(here.enrolments.let_go(party.id, old.fingerprint, _by(values))) == "certificate-last"
        await here.directory.add_certificate(party.id, new, values.at, _by(values))
        assert await refused(here.enrolments.let_go(party.id, "0" * 64, _by(values))) == "not-found"
        assert await here.enrolments.let_go(party.id, old.fingerprint, _by(values)) == old
        assert await there.directory.certificates(party.id) == [new]
        evidence = await there.trust.evidence()
        assert evidence.revocation(old, values.at) is not None
        assert evidence.revocation(old, values.at - INSTANT) is None
        assert await refused(there.enrolments.let_go(party.id, new.fingerprint, _by(values))) == "certificate-last"
