"""Whatever certificates are sent: a verdict, never an exception, and never belief in what was changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trust_store.certificate import Certificate, load
from trust_store.errors import Refused
from trust_store.evidence import Evidence, Revocation
from trust_store.identity import Identity, PartyKind
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.verdict import Outcome

RELAXED = settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.fixture(scope="module")
def pool(world, key_of):
    make, authority = world.pki.make, world.pki.authority
    clone = authority("Issuing", authority("Root", identifiers=False), identifiers=False)
    held = [
        *(world.root, world.issuing, world.signer, clone, make("Signer"), make("Signer", clone)),
        *(make("Under signer", world.signer), authority("Root", world.issuing), authority("Issuing", world.issuing)),
        *(make("RSA", world.issuing, key=key_of("2048/65537")), make("Ed", world.issuing, key=key_of("ed25519"))),
        make("Weak", world.issuing, key=key_of("1024/65537")),
    ]
    return [each.certificate for each in held]


@given(data=st.data())
@RELAXED
def test_any_certificates_in_any_order(pool, now, data):
    some = st.lists(st.sampled_from(pool), max_size=6)
    revoked = tuple(Revocation(signed_part=each.signed_part, at=now, why="test") for each in data.draw(some))
    evidence = Evidence(anchors=tuple(data.draw(some)), intermediates=tuple(data.draw(some)), revoked=revoked)
    party = Identity(kind=data.draw(st.sampled_from(PartyKind)), fingerprints=frozenset({pool[2].fingerprint}))
    at = data.draw(MOMENTS)
    verdict = judge(data.draw(some), evidence, Policy(), at, data.draw(st.sampled_from([None, party])))
    assert (verdict.outcome is Outcome.VALID) == (verdict.reason is None)
    again = judge([], evidence, Policy(), at)
    assert again.outcome is Outcome.INVALID


@given(data=st.data())
@RELAXED
def test_changed_bytes(world, pool, now, data):
    original = data.draw(st.sampled_from(pool))
    changed = bytearray(original.der)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(changed) - 1))
        match data.draw(st.sampled_from(["set", "set", "set", "cut", "double"])):
            case "set":
                changed[place] = data.draw(st.integers(0, 255))
            case "cut":
                del changed[place : place + data.draw(st.integers(1, 4))]
            case "double":
                changed[place:place] = changed[place : place + 4]
    try:
        certificate = load(bytes(changed))
    except Refused:
        return
    for chain in ([certificate, world.issuing.certificate], [world.signer.certificate, certificate]):
        judge(chain, Evidence(anchors=(world.root.certificate,)), Policy(), now)
    trusted = judge([certificate], world.evidence, Policy(), now)
    assert trusted.outcome is not Outcome.VALID or certificate in pool
    judge([world.signer.certificate], Evidence(anchors=(certificate,)), Policy(), now)


def test_many_authorities_of_one_name_end_soon(world, now):
    """Each could have issued every other, so the number of paths to try grows with the factorial of their number."""
    key = world.issuing.private_key
    clones = [world.pki.authority("Loop", None, identifiers=False, key=key).certificate for _ in range(3)]
    leaf = world.pki.make("Lost", world.pki.authority("Loop", identifiers=False), identifiers=False).certificate
    started = datetime.now(UTC)
    verdict = judge([leaf, *clones], world.evidence, Policy(), now)
    assert verdict.outcome is Outcome.INVALID
    assert datetime.now(UTC) - started < timedelta(seconds=1)


def test_a_search_that_breaks_the_reader_is_a_refusal(world, now):
    """The reader of the search is laxer here and stricter there than the one that loads: what it cannot read fails."""
    from cryptography import x509

    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.9"), b"\x30\x03\x02\x01")
    leaf: Certificate = world.leaf(extra=((broken, False),))
    verdict = judge([leaf], world.evidence, Policy(), now)
    assert verdict.reason is not None
    assert verdict.reason.code == "certificate-malformed"
