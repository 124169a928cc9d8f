"""OCSP answers: what they say of a certificate, whose word it is, and which of them are not believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ReasonFlags, ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from tests.authority.certificates import Pki, shared_key
from tests.authority.telling import DAY, REVOKED, UNKNOWN, Named, answer, answer_der, crl, names_place
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.revocation.answers import MAX_SIZE, load_answer, request
from trust_store.verdict import Verdict

OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
NO_CHECK = (x509.OCSPNoCheck(), False)
HERE = x509.AuthorityInformationAccess(
    [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://o.example/"))]
)


def code(verdict: Verdict) -> str:
    return verdict.reason.code if verdict.reason else "valid"


@pytest.fixture
def leaf(world):
    return world.leaf(extra=((HERE, False),))


@pytest.fixture
def ask(world, leaf, now):
    def asked(*answers, at=now, lists=()):
        evidence = replace(world.evidence, answers=answers, lists=lists)
        return judge([leaf], evidence, Policy(), at)

    return asked


@pytest.fixture
def own(world, leaf):
    """Answer as the issuer itself."""

    def answered(**more):
        return answer(world.issuing, leaf, world.issuing.certificate, **more)

    return answered


def test_good_revoked_and_unknown(ask, own):
    assert code(ask()) == "revocation-not-known"
    assert code(ask(own())) == "valid"
    found = ask(own(status=REVOKED, reason=ReasonFlags.key_compromise))
    assert code(found) == "certificate-revoked"
    assert "(keyCompromise), says the OCSP answer of" in found.text
    assert code(ask(own(status=UNKNOWN))) == "revocation-not-known"


def test_a_certificate_without_an_address_is_asked_about_all_the_same(world, now):
    """Security, finding 6: libraries ignore an answer that is handed in when the certificate names no responder."""
    leaf = world.leaf()
    for status, expected in ((ocsp.OCSPCertStatus.GOOD, "valid"), (REVOKED, "certificate-revoked")):
        said = answer(world.issuing, leaf, world.issuing.certificate, status=status)
        assert code(judge([leaf], replace(world.evidence, answers=(said,)), Policy(), now)) == expected


def test_a_good_answer_hides_no_list_that_revokes_and_the_other_way_round(world, leaf, ask, own):
    revoking, silent = crl(world.issuing, [leaf]), crl(world.issuing)
    assert code(ask(own(), lists=(revoking,))) == "certificate-revoked"
    assert code(ask(own(status=REVOKED), lists=(silent,))) == "certificate-revoked"
    assert code(ask(own(), lists=(silent,))) == "valid"


@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_the_issuer_may_be_named_by_any_of_these_digests(ask, own, digest):
    assert code(ask(own(digest=digest))) == "valid"
    assert code(ask(own(digest=digest, status=REVOKED))) == "certificate-revoked"


def test_a_digest_that_is_not_used_here_is_refused_and_never_breaks_the_judge(world, leaf):
    der = answer_der(world.issuing, leaf, world.issuing.certificate)
    sha1 = bytes.fromhex("06052b0e03021a")
    assert der.count(sha1) == 1
    for other in ("06052b0e030207", "06052b0e030201"):
        with pytest.raises(Refused, match="ocsp-answer-malformed"):
            load_answer(der.replace(sha1, bytes.fromhex(other)))


def test_a_signature_algorithm_that_nobody_knows_is_no_signature(world, leaf, ask):
    der = answer_der(world.issuing, leaf, world.issuing.certificate)
    ecdsa_sha256 = bytes.fromhex("06082a8648ce3d040302")
    assert der.count(ecdsa_sha256) == 1
    strange = load_answer(der.replace(ecdsa_sha256, bytes.fromhex("06082a8648ce3d04037f")))
    found = ask(strange)
    assert code(found) == "revocation-not-known"
    assert "signed with unknown, which is not accepted" in found.text


def test_another_serial_number_or_another_issuer(world, leaf, ask):
    other = world.leaf("Another")
    assert code(ask(answer(world.issuing, other, world.issuing.certificate))) == "revocation-not-known"
    twin = world.pki.authority("Issuing", world.root)
    assert code(ask(answer(world.issuing, leaf, twin.certificate))) == "revocation-not-known"
    assert code(ask(answer(world.issuing, leaf, world.root.certificate))) == "revocation-not-known"


def test_somebody_elses_signature(world, leaf, ask):
    forger = world.pki.authority("Issuing")
    said = answer(forger, leaf, world.issuing.certificate, sends=[forger.certificate])
    found = ask(said)
    assert code(found) == "revocation-not-known"
    assert "neither the issuer nor a responder that it certified signed it" in found.text
    assert code(ask(answer(world.root, leaf, world.issuing.certificate))) == "revocation-not-known"


def test_of_several_the_newest_and_of_one_moment_the_worse(ask, own, now):
    old_good, new_revoked = own(issued=now - 2 * DAY), own(status=REVOKED)
    for some in ((old_good, new_revoked), (new_revoked, old_good)):
        assert code(ask(*some)) == "certificate-revoked"
    replayed = own(status=REVOKED, issued=now - 2 * DAY)
    assert {code(ask(replayed, own())), code(ask(own(), replayed))} == {"valid"}
    assert {code(ask(own(), own(status=REVOKED))), code(ask(own(status=REVOKED), own()))} == {"certificate-revoked"}


def test_an_answer_is_fresh_until_its_next_update_then_in_grace_then_nothing(ask, own, now):
    instant, grace = timedelta(microseconds=1), timedelta(hours=72)
    for due, end in ((now, now), (None, now)):
        said = own(due=due, issued=now - DAY)
        for at, expected, words in (
            (end, "valid", "fresh until"),
            (end + instant, "valid", "grace period lasts"),
            (end + grace, "valid", "grace period lasts"),
            (end + grace + instant, "revocation-stale", "is over"),
        ):
            found = ask(said, at=at)
            assert code(found) == expected
            assert words in found.checks[-1].checks[1].text
    said = own(status=REVOKED, due=now)
    assert code(ask(said, at=now + 99 * DAY)) == "certificate-revoked"


def test_revoked_from_its_moment_on(ask, own, now):
    said = own(status=REVOKED, at=now - DAY)
    assert code(ask(said, at=now - DAY - timedelta(microseconds=1))) == "valid"
    assert code(ask(said, at=now - DAY)) == "certificate-revoked"


class TestResponder:
    @pytest.fixture
    def by(self, world, leaf):
        """Answer by a responder with some things different from what is right."""

        def answered(issuer=None, *, sent=True, said=(), **more):
            wanted = {"usages": ("digital_signature",), "purposes": (OCSP_SIGNING,), "extra": (NO_CHECK,), **more}
            responder = world.pki.make("Responder", issuer or world.issuing, **wanted)
            sends = [responder.certificate] if sent else []
            return responder, answer(responder, leaf, world.issuing.certificate, sends=sends, **dict(said))

        return answered

    def test_one_that_the_issuer_certified(self, ask, by):
        assert code(ask(by()[1])) == "valid"
        assert code(ask(by(said={"status": REVOKED})[1])) == "certificate-revoked"
        assert code(ask(by(sent=False)[1])) == "revocation-not-known"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"purposes": ()},
            {"purposes": ("1.3.6.1.5.5.7.3.1",)},
            {"purposes": ("2.5.29.37.0",)},
            {"usages": ("key_encipherment",)},
            {"extra": (NO_CHECK, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True))},
            {"extra": ()},
        ],
        ids=["no-purpose", "other-purpose", "any-purpose", "no-signing", "unknown-critical", "not-exempt-no-list"],
    )
    def test_not_one_of_these(self, ask, by, wrong):
        assert code(ask(by(**wrong)[1])) == "revocation-not-known"

    def test_not_one_that_was_expired_or_weak_when_it_answered(self, ask, by, now):
        expired = {"end": now - 2 * DAY, "said": {"issued": now - DAY}}
        assert code(ask(by(**expired)[1])) == "revocation-not-known"
        assert code(ask(by(key=shared_key("1024/65537"))[1])) == "revocation-not-known"

    def test_one_that_expired_after_it_answered_is_good(self, ask, by):
        """What was produced then stays said."""
        end = datetime(2035, 1, 1, tzinfo=UTC)
        _, said = by(end=end, said={"issued": end - DAY, "due": end + 9 * DAY})
        assert code(ask(said, at=end + DAY)) == "valid"

    def test_not_one_of_another_authority(self, world, ask, by):
        twin = world.pki.authority("Issuing")
        for issuer in (world.root, twin, world.pki.authority("Somebody", world.root)):
            assert code(ask(by(issuer)[1])) == "revocation-not-known"

    def test_one_that_is_not_exempt_is_looked_up_in_the_lists(self, world, ask, by):
        responder, said = by(extra=())
        assert code(ask(said, lists=(crl(world.issuing),))) == "valid"
        revoked = crl(world.issuing, [Named(responder.certificate)])
        only_others = ask(said, lists=(revoked,))
        texts = [each.text for each in only_others.checks[-1].checks[1].checks]
        assert any("is not used" in each and "revoked" in each for each in texts)


def test_the_nonce_is_that_of_the_request(world, leaf, own):
    nonce = bytes(range(16))
    sent = ocsp.load_der_ocsp_request(request(leaf, world.issuing.certificate, nonce))
    assert sent.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    assert own(nonce=nonce).nonce == nonce
    assert own().nonce is None
    assert not list(ocsp.load_der_ocsp_request(request(leaf, world.issuing.certificate)).extensions)


def test_answers_about_several_certificates_errors_and_junk_are_refused(world, leaf):
    error = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    from cryptography.hazmat.primitives.serialization import Encoding

    with pytest.raises(Refused, match="The responder answers try_later"):
        load_answer(error.public_bytes(Encoding.DER))
    for junk in (b"", b"<html>", bytes(MAX_SIZE + 1)):
        with pytest.raises(Refused, match="ocsp-answer-malformed"):
            load_answer(junk)


def test_a_huge_serial_number(world, now):
    pki = Pki(serials=iter([2**159 - 1]))
    leaf = pki.make("Numbered", world.issuing, extra=(names_place(),)).certificate
    said = answer(world.issuing, leaf, world.issuing.certificate)
    evidence = Evidence(anchors=world.evidence.anchors, intermediates=world.evidence.intermediates, answers=(said,))
    assert code(judge([leaf], evidence, Policy(), now)) == "valid"
