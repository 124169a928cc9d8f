"""A signature is raised without touching a byte of it, reaches the level that its time-stamps prove, and never more."""

from __future__ import annotations

import importlib.util
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from envelopes import xml
from envelopes.receipt import Actor, Event, Receipt, seal, state
from envelopes.signature import raising
from envelopes.signature.claims import Claims, SignaturePolicy
from envelopes.signature.lasting import ClaimRule, Lasting, Level, assess, judge_claim
from envelopes.signature.sign import sign
from envelopes.signature.unsigned import MAX_STAMPS, StampKind
from envelopes.signature.verify import Signed, place_of, verify
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.policy import Policy

_SPEC = importlib.util.spec_from_file_location("stamping", Path(__file__).parents[2] / "stamping.py")
assert _SPEC is not None
assert _SPEC.loader is not None
stamping = sys.modules.setdefault("stamping", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(stamping)

THEN = datetime(2026, 11, 25, 8, tzinfo=UTC)
LATER = THEN + timedelta(days=400)
CLAIMS = Claims(
    id="sig-1",
    at=THEN - timedelta(minutes=1),
    role="Chánh văn phòng <ký thay>",
    policy=SignaturePolicy(oid="1.3.6.1.4.1.99999.7", digest=bytes(range(32))),
)
SIGNER_ENDS = THEN + timedelta(days=30)


class Scene:
    """An authority with a signer whose certificate ends soon, and one over time-stamps; both say who is not revoked."""

    def __init__(self) -> None:
        self.authority = stamping.make_certificate("Documents CA")
        purposes = (ExtendedKeyUsageOID.EMAIL_PROTECTION,)
        self.signer = stamping.make_certificate("Signer", self.authority, purposes=purposes, end=SIGNER_ENDS)
        self.at = THEN
        self.time_authority, self.stamper = stamping.make_stamper(now=lambda: self.at, end=THEN + timedelta(days=500))
        self.evidence = Evidence(anchors=(self.authority.certificate, self.time_authority.certificate))

    @property
    def lists(self) -> list[bytes]:
        made = self.at + timedelta(minutes=1)
        return [stamping.make_list(each, made) for each in (self.authority, self.time_authority)]

    def stamp(self, data: bytes) -> bytes:
        token = self.stamper.stamp_octets(raising.signature_octets(data))
        return raising.add(data, raising.write_stamp(StampKind.SIGNATURE, token))

    def complete(self, data: bytes) -> bytes:
        certificates = [each.certificate.der for each in (self.authority, self.stamper.key, self.time_authority)]
        return raising.add(data, raising.write_values(certificates, self.lists, []))

    def archive(self, data: bytes) -> bytes:
        token = self.stamper.stamp_octets(*raising.archive_octets(data))
        return raising.add(data, raising.write_stamp(StampKind.ARCHIVE, token))

    def assess(self, data: bytes, now: datetime = THEN) -> Lasting:
        return assess(opened(data), self.evidence, Policy(), now)


def opened(data: bytes) -> Signed:
    tree = xml.parse(data)
    return verify(tree, place_of(tree.getroot()))


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture(params=["plain", "xades", "utf-16", "receipt", "crlf"])
def document(request, scene: Scene, unsigned: bytes) -> bytes:
    match request.param:
        case "plain":
            return sign(unsigned, scene.signer)
        case "xades":
            return sign(unsigned, scene.signer, claims=CLAIMS)
        case "utf-16":
            text = "<a><!-- </ds:Signature> --><b x='>'>đ\U0001f600<![CDATA[</ds:Signature>]]></b></a>"
            signed = sign(text.encode(), scene.signer, claims=CLAIMS).decode().replace('"UTF-8"', '"UTF-16"')
            return signed.encode("utf-16")
        case "receipt":
            return seal(statement(), scene.signer)
    return b"\xef\xbb\xbf" + sign(b"<r>\r\n<Signature/>\xc4\x91</r>", scene.signer)


def statement() -> bytes:
    actor = Actor(code="000.00.99.H56")
    made = Receipt(
        id="ABC234",
        event=Event.CONTENT_HANDOVER,
        at=THEN,
        issuer=actor,
        sender=actor,
        receivers=(),
        message_id="1",
        digest="ab" * 32,
        size=1,
        submitted_at=THEN,
    )
    return state(made)


def is_kept(original: bytes, raised: bytes) -> bool:
    """Tell whether every byte of the original is in the raised form, in order: what is left over is what was put in."""
    rest = iter(raised)
    return all(byte in rest for byte in original)


def test_every_level_is_reached_and_no_byte_is_touched(scene: Scene, document: bytes) -> None:
    before = opened(document)
    stamped = scene.stamp(document)
    complete = scene.complete(stamped)
    archived = scene.archive(complete)
    levels = [scene.assess(each).level for each in (document, stamped, complete, archived)]
    assert levels == [Level.B, Level.T, Level.LT, Level.LTA]
    for raised in (stamped, complete, archived):
        assert is_kept(document, raised)
        assert opened(raised).claimed == before.claimed
        assert scene.assess(raised).proven == THEN


def test_taking_out_what_was_put_in_gives_the_original_bytes(scene: Scene, unsigned: bytes) -> None:
    plain, xades = sign(unsigned, scene.signer), sign(unsigned, scene.signer, claims=CLAIMS)
    added = re.compile(rb' Id="congvan-signature"|<ds:Object xmlns:ds=.*?</ds:Object>', re.S)
    assert added.sub(b"", scene.archive(scene.complete(scene.stamp(plain)))) == plain
    inside = re.compile(rb"<xades:UnsignedProperties .*?</xades:UnsignedProperties>", re.S)
    assert inside.sub(b"", scene.archive(scene.complete(scene.stamp(xades)))) == xades


def test_what_is_claimed_is_read_and_the_level_is_named_honestly(scene: Scene, unsigned: bytes) -> None:
    xades, plain = sign(unsigned, scene.signer, claims=CLAIMS), sign(unsigned, scene.signer)
    claimed = opened(xades).claimed
    assert claimed is not None
    assert (claimed.time, claimed.roles, claimed.policy) == (CLAIMS.at, (CLAIMS.role,), "urn:oid:1.3.6.1.4.1.99999.7")
    assert scene.assess(xades).name == "XAdES B-B"
    assert scene.assess(scene.stamp(xades)).name == "XAdES B-T"
    assert scene.assess(scene.stamp(plain)).name == "XML signature with the time-stamps of level T"


def test_a_receipt_is_baseline_and_sealed_alike_by_everyone(scene: Scene) -> None:
    one, other = seal(statement(), scene.signer), seal(statement(), scene.signer)
    assert one == other
    assert scene.assess(one).is_baseline


def test_a_second_archive_time_stamp_protects_the_first_when_its_authority_has_ended(
    scene: Scene, document: bytes
) -> None:
    archived = scene.archive(scene.complete(scene.stamp(document)))
    ends = scene.stamper.key.certificate.not_after
    assert scene.assess(archived).renew_by == ends
    late = ends + timedelta(days=1)
    assert scene.assess(archived, late).level is Level.B
    scene.at = ends - timedelta(days=10)
    old = scene.stamper
    fresh = stamping.make_certificate("Time 2", scene.time_authority, purposes=stamping.STAMPING)
    scene.stamper = stamping.again(old, key=fresh)
    renewed = scene.archive(archived)
    assert is_kept(archived, renewed)
    found = scene.assess(renewed, late)
    assert (found.level, found.proven) == (Level.LTA, THEN)
    assert found.renew_by == fresh.certificate.not_after


def test_the_signer_is_believed_as_of_the_proven_time(scene: Scene, unsigned: bytes) -> None:
    """The certificate has ended since; the time-stamp proves that the signature was there before."""
    raised = scene.complete(scene.stamp(sign(unsigned, scene.signer)))
    found = scene.assess(raised, LATER)
    assert (found.level, found.proven) == (Level.LT, THEN)


SPOILT = {
    "garbage": lambda data: data.replace(b"<xades:EncapsulatedTimeStamp", b"<xades:EncapsulatedTimeStamp Encoding='x'"),
    "no base64": lambda data: re.sub(rb"(EncapsulatedTimeStamp[^>]*>)", rb"\1*", data, count=1),
    "no token": lambda data: re.sub(rb"(<xades:EncapsulatedTimeStamp[^>]*>)[^<]+", rb"\1AAAA", data),
    "include": lambda data: re.sub(rb"(<xades:SignatureTimeStamp[^>]*>)", rb'\1<xades:Include URI="#x"/>', data),
    "other target": lambda data: data.replace(b'Target="#congvan-signature"', b'Target="#other"'),
}


@pytest.mark.parametrize("how", list(SPOILT))
def test_a_time_stamp_that_is_wrong_neither_raises_nor_breaks(how: str, scene: Scene, unsigned: bytes) -> None:
    plain = sign(unsigned, scene.signer)
    spoilt = SPOILT[how](scene.stamp(plain))
    assert opened(spoilt).chain == opened(plain).chain
    found = scene.assess(spoilt)
    assert (found.level, found.proven) == (Level.B, None)
    assert any(each.reason is not None for each in found.checks)


def test_a_time_stamp_of_another_signature_proves_nothing(scene: Scene, unsigned: bytes) -> None:
    other = sign(unsigned.replace(b">5<", b">6<"), scene.signer)
    token = scene.stamper.stamp_octets(raising.signature_octets(other))
    copied = raising.add(sign(unsigned, scene.signer), raising.write_stamp(StampKind.SIGNATURE, token))
    found = scene.assess(copied)
    assert found.level is Level.B
    assert found.checks[0].reason is not None
    assert found.checks[0].reason.code == "timestamp-other-data"


def test_a_value_that_is_changed_lowers_an_archived_signature(scene: Scene, unsigned: bytes) -> None:
    archived = scene.archive(scene.complete(scene.stamp(sign(unsigned, scene.signer))))
    assert scene.assess(re.sub(rb"<xades:OCSPValues>.*|(<xades:CRLValues>)", rb"\1 ", archived)).level is Level.LT


def test_values_after_the_archive_time_stamp_are_not_protected_by_it(scene: Scene, unsigned: bytes) -> None:
    archived = scene.complete(scene.archive(scene.stamp(sign(unsigned, scene.signer))))
    assert scene.assess(archived).level is Level.LT


def test_a_revocation_list_that_names_the_signer_is_no_proof_for_it(scene: Scene, unsigned: bytes) -> None:
    stamped = scene.stamp(sign(unsigned, scene.signer))
    revoked = stamping.make_list(scene.authority, THEN - timedelta(hours=1), scene.signer.certificate)
    certificates = [scene.stamper.key.certificate.der]
    raised = raising.add(stamped, raising.write_values(certificates, [revoked, scene.lists[1]], []))
    found = scene.assess(raised)
    assert found.level is Level.T
    assert "revoked" in found.checks[-1].text


def test_lists_that_were_over_before_the_proven_time_are_not_enough(scene: Scene, unsigned: bytes) -> None:
    stamped = scene.stamp(sign(unsigned, scene.signer))
    old = [
        stamping.make_list(each, THEN - timedelta(days=60), until=THEN - timedelta(days=30))
        for each in (scene.authority, scene.time_authority)
    ]
    found = scene.assess(raising.add(stamped, raising.write_values([], old, [])))
    assert found.level is Level.T
    assert found.checks[-1].reason is not None
    assert found.checks[-1].reason.code == "level-not-complete"


def test_more_time_stamps_than_anyone_needs_are_left_out_and_told(scene: Scene, unsigned: bytes) -> None:
    signed = sign(unsigned, scene.signer)
    token = scene.stamper.stamp_octets(raising.signature_octets(signed))
    many = raising.add(signed, raising.write_stamp(StampKind.SIGNATURE, token) * (MAX_STAMPS + 1))
    found = opened(many).unsigned
    assert len(found.stamps) == MAX_STAMPS
    assert found.remarks


def test_a_letter_with_files_beside_it_can_be_stamped_but_not_archived(scene: Scene) -> None:
    unsigned = (
        b'<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"><edXMLEnvelope><edXMLHeader/></edXMLEnvelope></edXML>'
    )
    signed = sign(unsigned, scene.signer, {"file": "ab" * 32})
    stamped = scene.stamp(signed)
    assert scene.assess(stamped).level is Level.T
    with pytest.raises(Refused) as caught:
        scene.archive(stamped)
    assert caught.value.reason.code == "signature-not-raisable"


def test_what_is_not_signed_or_changed_is_not_raised(scene: Scene, unsigned: bytes) -> None:
    for wrong in (unsigned, sign(unsigned, scene.signer).replace(b">5<", b">6<")):
        with pytest.raises(Refused):
            raising.add(wrong, "<a/>")


@pytest.mark.parametrize(
    ("off", "fine"), [(timedelta(minutes=4), True), (timedelta(minutes=6), False), (-timedelta(days=900), True)]
)
def test_a_claim_from_the_future_is_told_beyond_the_tolerance(off: timedelta, fine: bool) -> None:
    check = judge_claim(THEN + off, THEN)
    assert (check.reason is None) is fine
    assert ClaimRule().check(THEN + off, THEN).outcome == ("valid" if fine else "unknown")
    if fine:
        assert ClaimRule(is_strict=True).check(THEN + off, THEN) == check
    else:
        with pytest.raises(Refused, match="claimed-time-future"):
            ClaimRule(is_strict=True).check(THEN + off, THEN)
