"""Nobody gets at the content without a verdict about this very signer."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from envelopes.edxml import Letter
from envelopes.opened import open_signed
from envelopes.signature.classify import SignatureClass
from trust_store.errors import Misuse, Refused
from trust_store.evidence import Evidence
from trust_store.identity import Identity
from trust_store.judge import judge
from trust_store.keys import HeldKey
from trust_store.policy import Policy
from trust_store.verdict import Outcome, Verdict, vouched

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
CODE = "2899000016"
VALID_ONLY = frozenset({SignatureClass.VALID})
QCVN = b'xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"'


@pytest.fixture
def verdict(signed: bytes, authority: HeldKey, identity: Identity) -> Verdict:
    evidence = Evidence(anchors=(authority.certificate,))
    return judge(open_signed(signed).chain, evidence, Policy(), AT, identity)


def test_a_good_letter_comes_out_as_it_went_in(signed: bytes, verdict: Verdict, letter: Letter) -> None:
    opened = open_signed(signed)
    opened.admit(VALID_ONLY)
    envelope = opened.accept(verdict)
    assert envelope.message == letter
    assert envelope.digest == hashlib.sha256(signed).hexdigest()
    assert envelope.size == len(signed)
    assert envelope.verdict.outcome is Outcome.VALID


def test_before_the_verdict_only_the_chain_shows(signed: bytes, key: HeldKey) -> None:
    opened = open_signed(signed)
    assert [item.fingerprint for item in opened.chain] == [key.certificate.fingerprint]
    assert "thử" not in repr(opened)


def test_a_bad_verdict_is_the_end(signed: bytes, authority: HeldKey, identity: Identity) -> None:
    opened = open_signed(signed)
    late = judge(
        opened.chain, Evidence(anchors=(authority.certificate,)), Policy(), AT + timedelta(days=2000), identity
    )
    with pytest.raises(Refused) as caught:
        opened.accept(late)
    assert caught.value.reason.code in {"certificate-expired", "path-untrusted"}


def test_a_verdict_about_another_certificate_is_misuse(signed: bytes, verdict: Verdict) -> None:
    with pytest.raises(Misuse):
        open_signed(signed).accept(dataclasses.replace(verdict, certificate="0" * 64))


def test_a_signed_letter_cannot_be_vouched_for(signed: bytes) -> None:
    with pytest.raises(Misuse):
        open_signed(signed).accept(vouched(frozenset({CODE}), "a token", AT))


def test_an_unsigned_letter_cannot_use_a_verdict(unsigned: bytes, verdict: Verdict) -> None:
    with pytest.raises(Misuse):
        open_signed(unsigned).accept(verdict)


def test_an_unsigned_letter_can_be_vouched_for(unsigned: bytes, letter: Letter) -> None:
    opened = open_signed(unsigned)
    assert opened.signature_class is SignatureClass.NONE
    opened.admit(frozenset({SignatureClass.NONE}))
    assert opened.accept(vouched(frozenset({CODE}), "a token", AT)).message == letter


def test_the_sender_must_be_the_signer(signed: bytes, authority: HeldKey, key: HeldKey) -> None:
    other = dataclasses.replace(
        judge([key.certificate], Evidence(anchors=(authority.certificate,)), Policy(), AT),
        codes=frozenset({"000.00.01.H56"}),
    )
    with pytest.raises(Refused) as caught:
        open_signed(signed).accept(other)
    assert caught.value.reason.code == "sender-mismatch"
    nobody = dataclasses.replace(other, codes=frozenset())
    with pytest.raises(Refused):
        open_signed(signed).accept(nobody)


@pytest.mark.parametrize(
    ("inside", "kind", "code"),
    [
        (b"", SignatureClass.NONE, "signature-missing"),
        (b"<DigitalSignature/>", SignatureClass.PLACEHOLDER, "signature-placeholder"),
        (b"<Signature/>", SignatureClass.PLACEHOLDER, "signature-placeholder"),
        (b"<Signature><SignedInfo/></Signature>", SignatureClass.WRONG_NAMESPACE, "signature-namespace"),
        (
            b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/></Signature>',
            SignatureClass.PLACEHOLDER,
            "signature-placeholder",
        ),
    ],
)
def test_classes_without_a_valid_signature(unsigned: bytes, inside: bytes, kind: SignatureClass, code: str) -> None:
    end = b"</edXML:edXMLHeader>"
    opened = open_signed(unsigned.replace(end, inside + end))
    assert opened.signature_class is kind
    assert opened.chain == ()
    with pytest.raises(Refused) as caught:
        opened.admit(VALID_ONLY)
    assert caught.value.reason.code == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("V/v thử".encode(), "V/v khác".encode(), "content-changed"),
        (b"JVBERi0x", b"JVBERi0y", "content-changed"),
        (b"000.00.00.H56", b"000.00.01.H56", "content-changed"),
        (b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA", "signature-mismatch"),
        (b"xmldsig-more#ecdsa-sha256", b"xmldsig-more#rsa-sha256", "key-kind"),
        (b"<ds:SignedInfo>", b"<ds:SignedInfo><!-- c -->", "signature-comment"),
        (b"<ds:KeyInfo>", b'<ds:KeyInfo URI="#a">', "signature-grammar"),
        (b"<ds:X509Certificate>", b'<ds:X509Certificate xmlns:x="urn:x" x:y="1">', "signature-grammar"),
        (b'<ds:Reference URI="">', b'<ds:Reference URI="#a">', "coverage-incomplete"),
    ],
)
def test_changed_letters_are_invalid(signed: bytes, old: bytes, new: bytes, code: str) -> None:
    assert old in signed
    opened = open_signed(signed.replace(old, new, 1))
    assert opened.signature_class is SignatureClass.INVALID
    assert opened.refusal is not None
    assert opened.refusal.reason.code == code


def test_a_signature_whose_own_prefix_is_undeclared_is_outside_its_namespace(signed: bytes) -> None:
    opened = open_signed(signed.replace(b' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"', b""))
    assert opened.signature_class is SignatureClass.WRONG_NAMESPACE
    assert opened.refusal is not None
    assert opened.refusal.reason.code == "signature-namespace"


def test_an_undeclared_prefix_spoils_a_signature_but_not_reading(signed: bytes) -> None:
    opened = open_signed(signed.replace(b"<AttachmentEncoded>", b'<AttachmentEncoded x:y="1">'))
    assert opened.signature_class is SignatureClass.INVALID
    assert opened.refusal is not None
    assert opened.refusal.reason.code == "signature-undeclared-prefix"


def test_a_comment_cannot_split_what_is_read(signed: bytes, verdict: Verdict) -> None:
    opened = open_signed(signed.replace("V/v thử".encode(), "V/v <!-- x -->thử".encode()))
    assert opened.signature_class is SignatureClass.VALID
    message = opened.accept(verdict).message
    assert isinstance(message, Letter)
    assert message.subject == "V/v thử"


def test_a_valid_signature_needs_no_policy(signed: bytes, unsigned: bytes) -> None:
    open_signed(signed).admit(frozenset())
    with pytest.raises(Refused):
        open_signed(unsigned).admit(frozenset())
