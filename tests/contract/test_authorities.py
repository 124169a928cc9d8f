"""Authorities are changed whole, with their terms, and audited; the judge sees them at its next call."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exchange.core.audit import AuditEvent, Author
from exchange.core.authorities import Authority, Change, Role
from trust_store.enrol import create_authority
from trust_store.evidence import Asking, Terms
from trust_store.identity import PartyKind
from trust_store.policy import Use

DAY = timedelta(days=1)


@pytest.fixture
def certificates(values):
    return [create_authority(f"CA {n}", serial=n, at=values.at, years=1).certificate for n in (1, 2)]


@pytest.fixture
def by(values):
    return Author(actor="operator x", at=values.at)


async def events(backend) -> list[tuple[str, str]]:
    return [(row.event, row.subject) for row in await backend.audit.page(0, 50)]


async def test_terms_are_kept_and_given_to_the_judge(backend, values, certificates, by) -> None:
    terms = Terms(
        kinds=frozenset({PartyKind.AGENCY}),
        uses=frozenset({Use.DOCUMENTS}),
        asking=Asking.REQUIRED,
        since=values.at,
        until=values.at + DAY,
    )
    anchor, below = certificates
    changes = [
        Change(certificate=anchor, role=Role.ANCHOR, terms=terms),
        Change(certificate=below, role=Role.INTERMEDIATE),
    ]
    await backend.authorities.apply(changes, by)
    assert await backend.authorities.all() == [
        Authority(certificate=anchor, role=Role.ANCHOR, terms=terms),
        Authority(certificate=below, role=Role.INTERMEDIATE),
    ]
    evidence = await backend.trust.evidence()
    assert (evidence.anchors, evidence.intermediates) == ((anchor,), (below,))
    assert evidence.terms_of(anchor) == terms
    assert await events(backend) == [
        (AuditEvent.AUTHORITY_TRUSTED, "anchor"),
        (AuditEvent.AUTHORITY_TRUSTED, "intermediate"),
    ]


async def test_the_same_again_changes_nothing(backend, certificates, by) -> None:
    change = Change(certificate=certificates[0], role=Role.ANCHOR)
    await backend.authorities.apply([change], by)
    before = await backend.trust.evidence()
    await backend.authorities.apply([change], by)
    assert await backend.trust.evidence() is before
    assert len(await events(backend)) == 1


async def test_one_can_be_forgotten_and_that_is_audited_once(backend, certificates, by) -> None:
    await backend.authorities.apply([Change(certificate=certificates[0], role=Role.ANCHOR)], by)
    for _ in range(2):
        await backend.authorities.apply([Change(certificate=certificates[0], role=None)], by)
    assert await backend.authorities.all() == []
    assert (await backend.trust.evidence()).anchors == ()
    assert await events(backend) == [(AuditEvent.AUTHORITY_TRUSTED, "anchor"), (AuditEvent.AUTHORITY_REMOVED, "anchor")]


async def test_registered_certificates_are_listed_with_their_parties(backend, values, certificates) -> None:
    party = values.party(values.receiver)
    await backend.directory.put(party)
    await backend.directory.add_certificate(party.id, certificates[0], values.at)
    assert await backend.authorities.registered() == [(party.id, certificates[0])]
