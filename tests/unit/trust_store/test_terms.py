"""On which terms anchors are trusted: for whom, for what, from when to when; and what other paths can make good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.authority.telling import crl, names_place
from trust_store.evidence import Asking, Evidence, Revocation, Terms
from trust_store.identity import Identity, PartyKind
from trust_store.judge import judge
from trust_store.policy import Policy, Use
from trust_store.verdict import Verdict

INSTANT = timedelta(microseconds=1)
AGENCY, ENTERPRISE = PartyKind.AGENCY, PartyKind.ENTERPRISE


def code(verdict: Verdict) -> str:
    return verdict.reason.code if verdict.reason else "valid"


@pytest.fixture
def ask(world, now):
    leaf = world.signer.certificate

    def asked(terms, *, at=now, kind=None, use=Use.DOCUMENTS):
        evidence = replace(world.evidence, terms={world.root.certificate.fingerprint: terms})
        party = None if kind is None else Identity(kind=kind, fingerprints=frozenset({leaf.fingerprint}))
        return judge([leaf], evidence, Policy(use=use), at, party)

    return asked


def test_the_time_of_an_anchor_has_its_beginning_and_not_its_end(ask, now):
    assert code(ask(Terms(since=now))) == "valid"
    assert code(ask(Terms(since=now), at=now - INSTANT)) == "anchor-not-in-force"
    assert code(ask(Terms(until=now), at=now - INSTANT)) == "valid"
    found = ask(Terms(until=now))
    assert code(found) == "anchor-not-in-force"
    assert found.text == ("CN=Root is trusted until 2026-11-23 00:00 UTC, and it was asked for 2026-11-23 00:00 UTC")


def test_an_anchor_speaks_for_the_kinds_and_uses_that_it_is_trusted_for(ask):
    for kinds, kind, expected in (
        ({AGENCY}, AGENCY, "valid"),
        ({AGENCY}, ENTERPRISE, "anchor-not-for-this"),
        ({AGENCY, ENTERPRISE}, ENTERPRISE, "valid"),
        (set(), ENTERPRISE, "valid"),
        ({AGENCY}, None, "valid"),
    ):
        assert code(ask(Terms(kinds=frozenset(kinds)), kind=kind)) == expected
    stamps = Terms(uses=frozenset({Use.TIMESTAMPS}))
    assert code(ask(stamps)) == "anchor-not-for-this"
    assert code(ask(stamps, use=Use.TIMESTAMPS)) == "valid"


@pytest.fixture
def crossed(world):
    """One issuing key under two anchors, and a signer below it."""
    key = ec.generate_private_key(ec.SECP256R1())
    other = world.pki.authority("Other root")
    first, second = (world.pki.authority("Crossed", root, key=key) for root in (world.root, other))
    signer = world.pki.make("Signer", first, extra=(names_place(),))
    return other, first, second, signer


def test_an_anchor_that_is_not_for_this_leaves_the_way_to_another(world, crossed, now):
    other, first, second, signer = crossed
    evidence = Evidence(
        anchors=(world.root.certificate, other.certificate),
        intermediates=(first.certificate, second.certificate),
        terms={world.root.certificate.fingerprint: Terms(kinds=frozenset({AGENCY}))},
        lists=(crl(first),),
    )
    party = Identity(kind=ENTERPRISE, fingerprints=frozenset({signer.certificate.fingerprint}), tax_code=None)
    found = judge([signer.certificate], evidence, Policy(), now, party)
    assert found.path[-1] == "CN=Other root"


def test_what_cannot_be_decided_on_the_terms_of_one_anchor_may_be_on_those_of_another(world, crossed, now):
    """A revocation that is told is told on every path; and each order of the anchors gives the same."""
    other, first, second, signer = crossed
    terms = {
        world.root.certificate.fingerprint: Terms(asking=Asking.REQUIRED),
        other.certificate.fingerprint: Terms(asking=Asking.LOCAL),
    }
    for anchors in ((world.root, other), (other, world.root)):
        evidence = Evidence(
            anchors=tuple(each.certificate for each in anchors),
            intermediates=(first.certificate, second.certificate),
            terms=terms,
        )
        assert code(judge([signer.certificate], evidence, Policy(), now)) == "valid"
    evidence = Evidence(
        anchors=(world.root.certificate, other.certificate),
        intermediates=evidence.intermediates,
        terms=terms,
        lists=(crl(first, [signer.certificate]), crl(world.root)),
    )
    assert code(judge([signer.certificate], evidence, Policy(), now)) == "certificate-revoked"


@pytest.mark.parametrize("by_list", [True, False])
def test_an_authority_or_anchor_that_is_revoked_leaves_the_way_over_another(world, crossed, now, by_list):
    other, first, second, signer = crossed
    evidence = Evidence(
        anchors=(world.root.certificate, other.certificate),
        intermediates=(first.certificate, second.certificate),
        lists=(crl(first), crl(other), crl(world.root, [first.certificate] if by_list else [])),
        revoked=() if by_list else (_revoked(first, now),),
    )
    assert judge([signer.certificate], evidence, Policy(), now).path[-1] == "CN=Other root"
    anchor_lost = replace(evidence, revoked=(_revoked(world.root, now),), lists=evidence.lists[:2])
    assert code(judge([signer.certificate], anchor_lost, Policy(), now)) == "valid"
    both = replace(evidence, revoked=(_revoked(first, now), _revoked(second, now)))
    assert code(judge([signer.certificate], both, Policy(), now)) == "certificate-revoked"


def _revoked(held, at) -> Revocation:
    return Revocation(signed_part=held.certificate.signed_part, at=at, why="lost")
