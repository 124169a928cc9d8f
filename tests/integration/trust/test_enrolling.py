"""A certificate of a public authority is registered and rehearsed with what that authority says, asked on the spot."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exchange.core.applications import ApplicationState
from exchange.core.enrolling import Applicant
from exchange.core.proving import Shown
from exchange.core.switching import rehearse
from tests.servers import web
from trust_store.enrol_proof import holding_statement, prove
from trust_store.errors import Refused

DAY = timedelta(days=1)


async def register(world, key):
    """Hand a certificate in with proof that its key is here."""
    enrolment, party = world.hub.enrolment, await world.party()
    challenge, _ = await enrolment.challenge(party.id)
    statement = holding_statement(enrolment.code, party.id, key.certificate.fingerprint, challenge)
    shown = Shown(challenge=challenge, signature=prove(key, statement))
    return await enrolment.register(Applicant(party=party, actor="test"), key.certificate.pem, shown)


async def rehearsed(world, new, after=timedelta()):
    party, judging, workers = await world.party(), world.hub.enrolment.judging, world.hub.workers
    return await rehearse(party, new, world.clock.now() + after, judging, workers)


async def test_the_authority_is_asked_when_a_certificate_is_handed_in(world) -> None:
    await world.publish()
    key = world.key()
    asked = await register(world, key)
    assert [each.path for each in world.lists.heard] == ["/a.crl"]
    assert "revocation" in {each.name for each in asked.checks}
    done = await world.hub.enrolment.approve(asked.id, "p", world.exchange.author())
    assert (done.state, done.certificate) == (ApplicationState.COMPLETED, key.certificate.fingerprint)


async def test_while_the_authority_is_silent_nothing_is_registered_and_later_it_is(world) -> None:
    key = world.key()
    world.lists.manner = web.silent
    with pytest.raises(Refused) as refusal:
        await register(world, key)
    assert refusal.value.reason.code == "revocation-not-known"
    await world.settle()
    await world.publish()
    world.clock.at += timedelta(minutes=5)
    await world.refresh()
    assert (await register(world, key)).state is ApplicationState.PENDING


async def test_a_rehearsal_takes_it_that_the_authority_goes_on_saying_what_it_says(world) -> None:
    await world.publish()
    key = world.key()
    for new in (key.certificate,), world.letter(key):
        for after in (timedelta(), 30 * DAY):
            found = await rehearsed(world, new, after)
            assert found.verdict.reason is None, found.verdict.text
    late = await rehearsed(world, (key.certificate,), 365 * 5000 * DAY)
    assert late.verdict.reason is not None
    assert late.verdict.reason.code == "certificate-expired"


async def test_a_rehearsal_says_that_a_certificate_is_revoked(world) -> None:
    key = world.key()
    await world.publish(revoked={key.certificate: world.clock.now() - DAY})
    found = await rehearsed(world, (key.certificate,))
    assert found.verdict.reason is not None
    assert found.verdict.reason.code == "certificate-revoked"
    with pytest.raises(Refused) as refusal:
        await register(world, key)
    assert refusal.value.reason.code == "certificate-revoked"
