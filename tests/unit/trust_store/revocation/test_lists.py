"""Revocation lists: what they say of a certificate, and which of them are not believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags

from tests.authority.certificates import Pki, shared_key
from tests.authority.telling import DAY, Named, crl, list_der, names_place, point
from trust_store.certificate import Certificate
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.revocation.lists import MAX_SIZE, RevocationList, load_list
from trust_store.verdict import Verdict

HOLD, LIFTED, LOST = ReasonFlags.certificate_hold, ReasonFlags.remove_from_crl, ReasonFlags.key_compromise
STRANGE = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


@pytest.fixture
def leaf(world) -> Certificate:
    return world.leaf(extra=(names_place(),))


@pytest.fixture
def ask(world, leaf, now):
    """Judge the leaf by some lists of its issuer."""

    def asked(*lists: RevocationList, at=now, certificate=leaf, known=(), helpers=()) -> Verdict:
        evidence = replace(world.evidence, lists=lists, intermediates=(*world.evidence.intermediates, *known))
        return judge([certificate, *helpers], evidence, Policy(), at)

    return asked


def code(verdict: Verdict) -> str:
    return verdict.reason.code if verdict.reason else "valid"


def test_a_list_names_a_certificate_or_does_not(world, leaf, ask):
    assert code(ask()) == "revocation-not-known"
    assert code(ask(crl(world.issuing))) == "valid"
    found = ask(crl(world.issuing, [leaf]))
    assert code(found) == "certificate-revoked"
    assert (
        "revoked since 2026-11-22 00:00 UTC (unspecified), says the revocation list number 1 of CN=Issuing"
        in found.text
    )


def test_the_verdict_names_the_list_that_decided(world, ask):
    listed = crl(world.issuing)
    check = ask(listed).checks[-1]
    assert (check.name, check.evidence) == ("revocation", f"sha256:{listed.digest}")


def test_a_list_says_from_when_on_and_the_loss_of_the_key_counts(world, leaf, ask, now):
    lost = (x509.InvalidityDate((now - 9 * DAY).replace(tzinfo=None)), False)
    listed = crl(world.issuing, [Named(leaf, at=now, reason=LOST)], issued=now, due=now + DAY)
    assert code(ask(listed, at=now - timedelta(microseconds=1))) == "valid"
    assert code(ask(listed, at=now)) == "certificate-revoked"
    earlier = crl(world.issuing, [Named(leaf, at=now, reason=LOST, extra=(lost,))])
    assert code(ask(earlier, at=now - 9 * DAY)) == "certificate-revoked"
    assert code(ask(earlier, at=now - 9 * DAY - timedelta(microseconds=1))) == "valid"


@pytest.mark.parametrize("number", [1, 2, None])
def test_of_an_older_and_a_newer_list_the_newer_decides_whatever_its_place(world, leaf, ask, now, number):
    old = crl(world.issuing, issued=now - 2 * DAY, number=number)
    new = crl(world.issuing, [leaf], issued=now - DAY, number=number)
    assert {code(ask(old, new)), code(ask(new, old))} == {"certificate-revoked"}
    held = crl(world.issuing, [Named(leaf, reason=HOLD, at=now - 3 * DAY)], issued=now - 2 * DAY, number=number)
    later = crl(world.issuing, issued=now - DAY, number=number)
    assert {code(ask(held, later)), code(ask(later, held))} == {"valid"}


def test_an_old_list_alone_is_stale_after_the_grace_period_and_says_revoked_for_ever(world, leaf, ask, now):
    instant, grace = timedelta(microseconds=1), timedelta(hours=72)
    listed = crl(world.issuing, due=now)
    for at, expected in (
        *((now, "valid"), (now + instant, "valid"), (now + grace, "valid")),
        (now + grace + instant, "revocation-stale"),
    ):
        assert code(ask(listed, at=at)) == expected
    assert "fresh until" in ask(listed, at=now).checks[-1].checks[1].text
    assert "grace period lasts 3 days" in ask(listed, at=now + instant).checks[-1].checks[1].text
    assert code(ask(crl(world.issuing, [leaf], due=now), at=now + 99 * DAY)) == "certificate-revoked"


def test_a_list_that_names_no_next_update_is_fresh_for_a_day(world, ask, now):
    from asn1crypto import crl as asn1

    parsed = asn1.CertificateList.load(list_der(world.issuing, issued=now))
    del parsed["tbs_cert_list"]["next_update"]
    listed = load_list(signed_again(world, parsed))
    assert listed.next_update is None
    found = ask(listed, at=now + DAY)
    assert (code(found), "fresh until" in found.checks[-1].checks[1].text) == ("valid", True)
    assert "grace period" in ask(listed, at=now + DAY + timedelta(microseconds=1)).checks[-1].checks[1].text
    assert code(ask(listed, at=now + 4 * DAY + timedelta(microseconds=1))) == "revocation-stale"


def test_a_list_of_the_first_version_is_read(world, leaf, ask):
    from asn1crypto import crl as asn1

    parsed = asn1.CertificateList.load(list_der(world.issuing, [leaf], number=None))
    del parsed["tbs_cert_list"]["version"]
    assert code(ask(load_list(signed_again(world, parsed)))) == "certificate-revoked"


def signed_again(world, parsed) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec

    signature = world.issuing.private_key.sign(parsed["tbs_cert_list"].dump(force=True), ec.ECDSA(hashes.SHA256()))
    parsed["signature"] = signature
    return parsed.dump(force=True)


class TestDelta:
    def test_adds_what_was_revoked_since(self, world, leaf, ask):
        complete, delta = crl(world.issuing, number=3), crl(world.issuing, [leaf], number=5, base=3)
        found = ask(complete, delta)
        assert code(found) == "certificate-revoked"
        assert "says the revocation delta list number 5" in found.text
        assert found.checks[-1].evidence == f"sha256:{delta.digest}"
        silent = crl(world.issuing, number=5, base=3)
        assert ask(complete, silent).checks[-1].evidence == f"sha256:{complete.digest}+{silent.digest}"

    def test_takes_back_a_hold_and_nothing_else(self, world, leaf, ask):
        delta = crl(world.issuing, [Named(leaf, reason=LIFTED)], number=5, base=3)
        assert code(ask(crl(world.issuing, [Named(leaf, reason=HOLD)], number=3), delta)) == "valid"
        assert code(ask(crl(world.issuing, [Named(leaf, reason=LOST)], number=3), delta)) == "certificate-revoked"

    def test_of_several_the_newest(self, world, leaf, ask):
        complete = crl(world.issuing, number=3)
        held = crl(world.issuing, [Named(leaf, reason=HOLD)], number=4, base=3)
        free = crl(world.issuing, [Named(leaf, reason=LIFTED)], number=5, base=3)
        assert {code(ask(complete, held, free)), code(ask(complete, free, held))} == {"valid"}

    def test_does_not_go_with_a_list_that_is_too_old_but_what_it_revokes_is_revoked(self, world, leaf, ask):
        complete = crl(world.issuing, [Named(leaf, reason=HOLD)], number=3)
        assert code(ask(complete, crl(world.issuing, [Named(leaf, reason=LIFTED)], number=6, base=4))) == (
            "certificate-revoked"
        )
        assert code(ask(crl(world.issuing, number=3), crl(world.issuing, [leaf], number=6, base=4))) == (
            "certificate-revoked"
        )
        assert code(ask(crl(world.issuing, [leaf], number=6, base=4))) == "certificate-revoked"

    def test_says_nothing_alone(self, world, ask):
        assert code(ask(crl(world.issuing, number=5, base=3))) == "revocation-not-known"

    def test_is_surpassed_by_a_newer_complete_list(self, world, leaf, ask, now):
        delta = crl(world.issuing, [Named(leaf, reason=HOLD)], number=4, base=3, issued=now - 2 * DAY)
        assert code(ask(crl(world.issuing, number=5), delta)) == "valid"

    def test_of_another_signer_or_scope_or_with_a_weak_digest_changes_nothing(self, world, now, ask):
        key = shared_key("2048/65537")
        issuing = world.pki.authority("Delta issuer", world.root, key=key)
        leaf = world.pki.make("Held", issuing, extra=(names_place(),)).certificate
        complete = crl(issuing, [Named(leaf, reason=HOLD)], number=3)
        free = [Named(leaf, reason=LIFTED)]
        forger = world.pki.authority("Delta issuer")
        for delta in (
            crl(forger, free, number=5, base=3),
            crl(issuing, free, number=5, base=3, point=point(users=True)),
            crl(issuing, free, number=5, base=3, digest=hashes.SHA224()),
            crl(issuing, free, number=5, base=3, extra=[(STRANGE, True)]),
        ):
            found = ask(complete, delta, certificate=leaf, known=[issuing.certificate])
            assert code(found) == "certificate-revoked"
        plain = ask(complete, crl(issuing, free, number=5, base=3), certificate=leaf, known=[issuing.certificate])
        assert code(plain) == "valid"


class TestNotBelieved:
    @pytest.mark.parametrize("critical", [True, False])
    def test_extensions_that_are_not_understood(self, world, leaf, ask, critical):
        of_list = crl(world.issuing, extra=[(STRANGE, critical)])
        of_entry = crl(world.issuing, [Named(world.signer.certificate, extra=((STRANGE, critical),))])
        for listed in (of_list, of_entry):
            found = ask(listed)
            assert code(found) == ("revocation-not-known" if critical else "valid")
            assert not critical or "critical extension 1.2.3.4.5, which is not understood" in found.text

    def test_an_indirect_list_is_refused_with_the_reason(self, world, ask):
        found = ask(crl(world.issuing, point=point(indirect=True)))
        assert code(found) == "revocation-not-known"
        assert "it is an indirect list, which speaks for other authorities" in found.text

    @pytest.mark.parametrize("as_helper", [True, False])
    def test_another_key_of_the_same_name(self, world, ask, as_helper):
        """Also when the certificate over it comes with the message."""
        forger = world.pki.authority("Issuing", world.pki.authority("Root"))
        found = ask(crl(forger), helpers=[forger.certificate] if as_helper else [])
        assert code(found) == "revocation-not-known"
        assert "no authority that leads to the same anchor signed it" in found.text

    def test_a_helper_with_the_issuers_key_cannot_give_it_the_right_to_sign_lists(self, world, ask):
        mute = world.pki.authority("Mute", world.root, usages=("key_cert_sign",))
        leaf = world.pki.make("Below mute", mute, extra=(names_place(),)).certificate
        assert code(ask(crl(mute), certificate=leaf, known=[mute.certificate])) == "revocation-not-known"
        claimed = world.pki.authority("Mute", key=mute.private_key).certificate
        found = ask(crl(mute), certificate=leaf, known=[mute.certificate], helpers=[claimed])
        assert code(found) == "revocation-not-known"

    def test_an_authority_of_another_anchor(self, world, leaf, now):
        other = world.pki.authority("Other root")
        twin = world.pki.authority("Issuing", other)
        evidence = Evidence(
            anchors=(world.root.certificate, other.certificate),
            intermediates=(world.issuing.certificate, twin.certificate),
            lists=(crl(twin),),
        )
        assert code(judge([leaf], evidence, Policy(), now)) == "revocation-not-known"

    def test_a_signer_of_lists_that_is_revoked_expired_or_weak(self, world, ask, now):
        good = world.pki.make("Issuing", world.root, usages=("crl_sign",))
        assert code(ask(crl(good), known=[good.certificate])) == "valid"
        assert code(ask(crl(good), crl(world.root, [good.certificate]), known=[good.certificate])) == (
            "revocation-not-known"
        )
        for wrong in ({"end": now - DAY}, {"key": shared_key("1024/65537")}, {"usages": ("digital_signature",)}):
            bad = world.pki.make("Issuing", world.root, **{"usages": ("crl_sign",), **wrong})
            assert code(ask(crl(bad), known=[bad.certificate])) == "revocation-not-known"

    def test_an_old_key_of_the_authority_still_says_who_was_revoked(self, world, leaf, ask, now):
        """Two keys of one name: the newer list of the one does not hide what that of the other names."""
        twin = world.pki.authority("Issuing", world.root)
        old, new = crl(world.issuing, [leaf], issued=now - 2 * DAY, number=1), crl(twin, number=2)
        assert code(ask(old, new, known=[twin.certificate])) == "certificate-revoked"

    def test_a_weak_digest(self, world, ask, now):
        issuing = world.pki.authority("RSA issuer", world.root, key=shared_key("2048/65537"))
        leaf = world.pki.make("RSA signer", issuing, extra=(names_place(),)).certificate
        for digest, expected in ((hashes.SHA224(), "revocation-not-known"), (hashes.SHA512(), "valid")):
            found = ask(crl(issuing, digest=digest), certificate=leaf, known=[issuing.certificate])
            assert code(found) == expected

    def test_what_is_signed_with_pss_and_with_edwards_keys(self, world, ask):
        for key, pss in ((shared_key("2048/65537"), True), (shared_key("ed25519"), False)):
            issuing = world.pki.authority("Other key", world.root, key=key)
            leaf = world.pki.make("Its signer", issuing, extra=(names_place(),)).certificate
            for named, expected in (([], "valid"), ([leaf], "certificate-revoked")):
                found = ask(crl(issuing, named, pss=pss), certificate=leaf, known=[issuing.certificate])
                assert code(found) == expected


def test_a_list_made_after_the_certificate_expired_need_not_name_it_but_may(world, ask, now):
    short = world.leaf(end=now, extra=(names_place(),))
    late = {"issued": now + DAY, "due": now + 9 * DAY}
    assert code(ask(crl(world.issuing, **late), certificate=short)) == "revocation-not-known"
    assert code(ask(crl(world.issuing, [short], **late), certificate=short)) == "certificate-revoked"
    before = crl(world.issuing, issued=now - DAY)
    assert code(ask(crl(world.issuing, number=2, **late), before, certificate=short)) == "valid"


@pytest.mark.parametrize("junk", [b"", b"<html>", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"])
def test_what_is_no_list_is_refused(junk):
    with pytest.raises(Refused, match="revocation-list-malformed"):
        load_list(junk)


def test_a_list_that_is_too_large_is_refused_before_it_is_read():
    with pytest.raises(Refused, match="allowed"):
        load_list(bytes(MAX_SIZE + 1))


def test_pem_is_the_same_list(world):
    der = list_der(world.issuing)
    pem = x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
    assert load_list(pem) == load_list(der)
    assert load_list(pem).der == der


def test_what_is_signed_is_checked_as_it_came(world):
    """The reader of the signed part and the reader of the list see the same bytes."""
    from asn1crypto import crl as asn1

    for der in (list_der(world.issuing, [world.signer.certificate]), list_der(world.root, number=None)):
        part = asn1.CertificateList.load(der)["tbs_cert_list"].dump()
        assert part == x509.load_der_x509_crl(der).tbs_certlist_bytes
        assert part in der


@pytest.mark.parametrize("serial", [1, 127, 128, 255, 256, 2**64, 2**159 - 1])
def test_every_serial_number_is_found(world, ask, serial):
    pki = Pki(serials=iter([serial]))
    leaf = pki.make("Numbered", world.issuing, extra=(names_place(),)).certificate
    assert code(ask(crl(world.issuing, [world.signer.certificate, leaf]), certificate=leaf)) == "certificate-revoked"
    assert code(ask(crl(world.issuing, [world.signer.certificate]), certificate=leaf)) == "valid"
