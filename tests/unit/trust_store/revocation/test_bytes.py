"""Whatever bytes come for a list or an answer: it is read or refused, and the judge never fails over it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.authority.certificates import NOW, shared_key
from tests.authority.telling import DAY, REVOKED, Named, answer_der, list_der, names_place, point
from trust_store.errors import Refused
from trust_store.judge import judge
from trust_store.policy import Freshness, Policy
from trust_store.revocation.answers import load_answer
from trust_store.revocation.lists import load_list
from trust_store.verdict import Outcome

RELAXED = settings(
    deadline=None,
    max_examples=500,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
POLICY = Policy(freshness=Freshness(indirect=True))


@pytest.fixture(scope="module")
def leaf(world):
    return world.leaf(extra=(names_place(),))


@pytest.fixture(scope="module")
def lists(world, leaf):
    lost = (x509.InvalidityDate((NOW - DAY).replace(tzinfo=None)), False)
    named = [Named(leaf, reason=x509.ReasonFlags.key_compromise, extra=(lost,))]
    issuer = (x509.CertificateIssuer([x509.DirectoryName(world.issuing.certificate.x509.subject)]), True)
    aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(world.issuing.private_key.public_key())
    rsa = world.pki.authority("Issuing", world.root, key=shared_key("2048/65537"))
    return [
        list_der(world.issuing, named),
        list_der(world.issuing, named, number=2, base=1, extra=[(aki, False)]),
        list_der(world.issuing, named, point=point(name="http://a/", reasons={x509.ReasonFlags.superseded})),
        list_der(world.issuing, [Named(leaf, extra=(issuer,))], point=point(indirect=True)),
        list_der(rsa, named, pss=True),
    ]


@pytest.fixture(scope="module")
def answers(world, leaf):
    responder = world.pki.make(
        "R", world.issuing, purposes=("1.3.6.1.5.5.7.3.9",), extra=((x509.OCSPNoCheck(), False),)
    )
    issuer = world.issuing.certificate
    return [
        answer_der(world.issuing, leaf, issuer, status=REVOKED, reason=x509.ReasonFlags.key_compromise),
        answer_der(responder, leaf, issuer, status=REVOKED, sends=[responder.certificate], nonce=b"n" * 16),
        answer_der(world.issuing, leaf, issuer, status=REVOKED, digest=hashes.SHA256()),
    ]


def mutated(data, originals) -> bytes:
    changed = bytearray(data.draw(st.sampled_from(originals)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed) - 1))
        match data.draw(st.sampled_from(["set", "set", "flip", "flip", "cut", "double"])):
            case "set":
                changed[place] = data.draw(st.integers(0, 255))
            case "flip":
                changed[place] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del changed[place : place + data.draw(st.integers(1, 4))]
            case "double":
                changed[place:place] = changed[place : place + 4]
    return bytes(changed)


@pytest.mark.filterwarnings("ignore:Parsed a")
@given(data=st.data())
@RELAXED
def test_lists(world, leaf, lists, data):
    try:
        listed = load_list(mutated(data, lists))
    except Refused as refused:
        assert refused.reason.code == "revocation-list-malformed"
        return
    evidence = replace(world.evidence, lists=(load_list(lists[0]), listed))
    assert judge([leaf], evidence, POLICY, NOW).outcome is Outcome.INVALID  # nothing hides the good list
    judge([leaf], replace(world.evidence, lists=(listed,)), POLICY, NOW)


@pytest.mark.filterwarnings("ignore:Parsed a")
@given(data=st.data())
@RELAXED
def test_answers(world, leaf, answers, data):
    try:
        answer = load_answer(mutated(data, answers))
    except Refused as refused:
        assert refused.reason.code == "ocsp-answer-malformed"
        return
    evidence = replace(world.evidence, answers=(load_answer(answers[0]), answer))
    assert judge([leaf], evidence, POLICY, NOW).outcome is Outcome.INVALID
    alone = judge([leaf], replace(world.evidence, answers=(answer,)), POLICY, NOW)
    assert alone.outcome is not Outcome.VALID  # every original says revoked


@given(junk=st.binary(max_size=200))
@settings(deadline=None, max_examples=300)
def test_junk(junk):
    for read in (load_list, load_answer):
        with pytest.raises(Refused):
            read(junk)
