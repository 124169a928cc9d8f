"""A warm judge equals a cold one at any sequence of moments, whatever the evidence."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509 import ReasonFlags
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.authority.certificates import NOW
from tests.authority.telling import REVOKED, Named, answer, crl, names_place, point
from trust_store.evidence import Asking, Evidence, Revocation, Terms
from trust_store.identity import Identity, PartyKind
from trust_store.judge import judge
from trust_store.policy import ALGORITHMS, AlgorithmRule, Freshness, Policy, Use

INSTANT = timedelta(microseconds=1)
HOURS = (-72, -48, -24, -1, 0, 1, 24, 25, 48, 72, 96, 97, 120, 2000)
TURNS = [NOW + timedelta(hours=each) for each in HOURS]
MOMENTS = [turn + by for turn in TURNS for by in (-INSTANT, timedelta(0), INSTANT)]
RULES = tuple(AlgorithmRule(name=each.name, until=TURNS[7]) if each.name == "SHA-384" else each for each in ALGORITHMS)


@pytest.fixture(scope="module")
def pool(world):
    """Certificates, lists and answers whose turns all lie among the moments that are tried."""
    make, told = world.pki.make, (names_place(),)
    other = world.pki.authority("Other root")
    cross = world.pki.authority("Issuing", other, key=world.issuing.private_key, start=TURNS[3], end=TURNS[9])
    lister = make("Issuing", world.root, usages=("crl_sign",), start=TURNS[2], end=TURNS[10], extra=told)
    exempt = (x509.OCSPNoCheck(), False)
    responder = make("R", world.issuing, purposes=("1.3.6.1.5.5.7.3.9",), extra=(exempt,), end=TURNS[8])
    watched = make("W", world.issuing, purposes=("1.3.6.1.5.5.7.3.9",), extra=told)
    leaves = [
        make("A", world.issuing, extra=told),
        make("B", world.issuing),
        make("C", cross, extra=told, end=TURNS[9]),
    ]
    certificates = [each.certificate for each in (*leaves, world.issuing, cross, lister, watched)]
    named = st.lists(
        st.builds(
            Named,
            st.sampled_from(certificates),
            at=st.sampled_from(TURNS),
            reason=st.sampled_from([None, ReasonFlags.certificate_hold, ReasonFlags.remove_from_crl]),
        ),
        max_size=3,
        unique_by=lambda each: each.certificate,
    )
    lists = st.builds(
        crl,
        st.sampled_from([world.root, world.issuing, world.issuing, lister, other]),
        named,
        issued=st.sampled_from(TURNS[:6]),
        due=st.sampled_from(TURNS[6:]),
        number=st.sampled_from([1, 2, 3, None]),
        base=st.sampled_from([None, None, 1, 2]),
        point=st.sampled_from([None, None, point(users=True), point(authorities=True)]),
    )
    answers = st.builds(
        lambda signer, leaf, **more: answer(
            signer, leaf, world.issuing.certificate, sends=[signer.certificate], **more
        ),
        st.sampled_from([world.issuing, responder, watched]),
        st.sampled_from(certificates[:3]),
        status=st.sampled_from([REVOKED, *[x509.ocsp.OCSPCertStatus.GOOD] * 3]),
        at=st.sampled_from(TURNS),
        issued=st.sampled_from(TURNS[:6]),
        due=st.sampled_from([None, *TURNS[6:]]),
    )
    limit = st.sampled_from([None, None, *TURNS])
    terms = st.builds(
        Terms,
        kinds=st.sampled_from([frozenset(), frozenset({PartyKind.AGENCY})]),
        uses=st.sampled_from([frozenset(), frozenset({Use.DOCUMENTS})]),
        asking=st.sampled_from(Asking),
        since=limit,
        until=limit,
    )
    revoked = st.builds(
        lambda which, at: Revocation(signed_part=which.signed_part, at=at, why="lost"),
        st.sampled_from(certificates),
        st.sampled_from(TURNS),
    )
    anchors = (world.root.certificate, other.certificate)
    evidence = st.builds(
        lambda first, second, lists, answers, revoked: Evidence(
            anchors=anchors,
            intermediates=(world.issuing.certificate, cross.certificate, lister.certificate),
            terms={anchors[0].fingerprint: first, anchors[1].fingerprint: second},
            lists=tuple(lists),
            answers=tuple(answers),
            revoked=tuple(revoked),
        ),
        terms,
        terms,
        st.lists(lists, max_size=6),
        st.lists(answers, max_size=3),
        st.lists(revoked, max_size=1),
    )
    return evidence, certificates


POLICIES = [
    Policy(freshness=Freshness(grace=timedelta(hours=grace)), algorithms=rules)
    for grace in (0, 24)
    for rules in (ALGORITHMS, RULES)
]
PARTIES = [None, Identity(kind=PartyKind.AGENCY), Identity(kind=PartyKind.ENTERPRISE)]


def test_at_any_sequence_of_moments(pool):
    evidences, certificates = pool
    questions = st.tuples(
        st.sampled_from(certificates[:3]), st.sampled_from(MOMENTS), st.sampled_from(POLICIES), st.sampled_from(PARTIES)
    )
    ends: Counter[str] = Counter()

    @given(data=st.data())
    @settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
    def warm_is_cold(data):
        evidence = data.draw(evidences)
        for leaf, at, policy, party in data.draw(st.lists(questions, min_size=2, max_size=12)):
            warm = judge([leaf], evidence, policy, at, party)
            assert warm == judge([leaf], replace(evidence), policy, at, party)
            ends[warm.reason.code if warm.reason else "valid"] += 1

    warm_is_cold()
    assert ends.keys() >= {"valid", "revocation-not-known", "certificate-revoked"}, ends
