"""Signatures in XML documents of others: what they cover, and that the profile for them takes nothing that it must not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from envelopes.inside.facts import Cover
from envelopes.inside.xml_file import read_xml
from envelopes.signature import grammar
from envelopes.signature.sign import sign
from envelopes.signature.verify import place_of, verify
from envelopes.xml import parse
from exchange.inside import judge_inside
from exchange.verification import examine
from trust_store.certificate import load
from trust_store.errors import Refused
from trust_store.evidence import Evidence, Revocation
from trust_store.policy import Policy

VECTORS = Path(__file__).parents[3] / "vectors"
INVOICE = (VECTORS / "einvoice" / "tdiep_202_ts24_public_test.xml").read_bytes()
"""A message of the tax authority's test environment: a seller's and its own signature, as they were published."""
THEN = datetime(2021, 11, 6, tzinfo=UTC)
SELLER = "DLHDon (TS24_2111051448445960106322455)"


def test_both_signatures_of_an_invoice_are_verified_over_their_own_bytes() -> None:
    facts = read_xml(INVOICE)
    seller, tax = facts.marks
    assert (seller.fault, tax.fault) == (None, None)
    assert (seller.name, seller.parts, seller.cover) == ("NBan", (SELLER,), Cover.PART)
    assert tax.parts == (SELLER, "MCCQT (Id-3fca5333d7894598844aae52ece50271)")
    assert seller.claimed_time == datetime(2021, 11, 5, 7, 48, 47, tzinfo=UTC)
    assert facts.bare == ("TTChung",)


def test_their_signers_are_judged_by_the_same_judge() -> None:
    facts = read_xml(INVOICE)
    anchors = tuple(load(mark.chain[0]) for mark in facts.marks)
    found = judge_inside(facts, Evidence(anchors=anchors[:1]), Policy(), THEN, THEN)
    assert found.verdict == "invalid"
    assert [each.organisation for each in found.signatures] == ["MÃ SỐ THUẾ TEST 109", ""]
    assert "UID=MST:0106324653" in found.signatures[0].signer


def test_the_invoice_alone_is_covered_whole_by_the_two() -> None:
    alone = INVOICE[INVOICE.index(b"<HDon") : INVOICE.index(b"</HDon>") + 7]
    facts = read_xml(alone)
    assert [mark.fault for mark in facts.marks] == [None, None]
    assert facts.bare == ()


@pytest.mark.parametrize(
    ("old", "new", "spoiled"),
    [
        (b"<TgTTTBSo>1284000", b"<TgTTTBSo>9284000", [0, 1]),
        (b">00474597512BE94B", b">00474597512BE94C", [1]),
        (b"2021-11-05T14:48:47", b"2020-11-05T14:48:47", [0]),
        (b"<TDiep>", b'<TDiep xmlns="urn:other">', [0, 1]),
        (b"<SLuong>1</SLuong></TTChung>", b"<SLuong>2</SLuong></TTChung>", []),
    ],
)
def test_what_is_covered_cannot_be_changed(old, new, spoiled) -> None:
    assert old in INVOICE
    faults = [mark.fault for mark in read_xml(INVOICE.replace(old, new)).marks]
    assert [place for place, fault in enumerate(faults) if fault] == spoiled
    assert {fault.code for fault in faults if fault} <= {"content-changed"}


@pytest.fixture(scope="module")
def made(office) -> bytes:
    return sign(b"<HDon><DLHDon Id='a'><Tien>1</Tien></DLHDon></HDon>", office.signer)


def test_a_document_that_is_signed_whole_says_so(office, made) -> None:
    found = judge_inside(read_xml(made), Evidence(anchors=(office.root.certificate,)), Policy(), office.now, office.now)
    assert (found.verdict, found.bare) == ("invalid", ())
    known = Evidence(anchors=(office.root.certificate,), intermediates=(office.issuing.certificate,))
    found = judge_inside(read_xml(made), known, Policy(), office.now, office.now)
    assert found.verdict == "valid"
    assert "Covers the whole document" in found.signatures[0].text


def test_a_part_that_nobody_signed_is_named(office) -> None:
    """Wrapping: the signed part stays whole and another is put beside it."""
    wrapped = INVOICE.replace(b"<DLieu><HDon", b"<DLieu><HDon><DLHDon><TgTTTBSo>9</TgTTTBSo></DLHDon></HDon><HDon")
    facts = read_xml(wrapped)
    assert [mark.fault for mark in facts.marks] == [None, None]
    assert facts.bare == ("TTChung", "HDon")


def test_an_id_that_occurs_twice_is_no_reference() -> None:
    twin = INVOICE.replace(b"<TTChung>", b'<TTChung ID="TS24_2111051448445960106322455">', 1)
    assert [mark.fault.code for mark in read_xml(twin).marks] == ["id-duplicate"] * 2


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<a/>", "file-unsigned"),
        (b"<a>", "xml-malformed"),
        (b"<!DOCTYPE a><a/>", "xml-doctype"),
        (b"<a>" * 300 + b"</a>" * 300, "xml-limits"),
    ],
)
def test_what_says_nothing_has_a_fault(data, code) -> None:
    facts = read_xml(data)
    assert facts.fault is not None
    assert (facts.fault.code, facts.marks) == (code, ())


def test_more_signatures_than_are_looked_at_are_told(made) -> None:
    signature = made[made.index(b"<ds:Signature") : made.index(b"</ds:Signature>") + 15]
    facts = read_xml(b"<a>" + signature * 17 + b"</a>")
    assert facts.fault is not None
    assert (facts.fault.code, len(facts.marks)) == ("file-signatures-many", 16)


def test_the_hubs_own_profile_is_what_it_was(made) -> None:
    """What the profile of others lets pass is still refused for the hub's own documents."""
    bare = made.replace(b"<ds:X509Data>", b"<ds:KeyValue/><ds:X509Data>")
    (signature,) = etree.fromstring(bare).iter(grammar.SIGNATURE)
    assert grammar.read(signature, grammar.FOREIGN).certificates
    assert [mark.fault for mark in read_xml(bare).marks] == [None]
    with pytest.raises(Refused) as refusal:
        grammar.read(signature)
    assert refusal.value.reason.code == "key-info-not-allowed"
    tree = parse(INVOICE)
    with pytest.raises(Refused) as refusal:
        verify(tree, place_of(tree.getroot()))
    assert refusal.value.reason.code == "signature-several"


CASES = json.loads((VECTORS / "signatures" / "manifest.json").read_text())["cases"]
OTHERWISE = {
    "valid/enveloping-base64-transform": ("invalid", "no document of others that is met here is built so"),
    "valid/signxml-xades-exc": ("invalid", "its writer digests one form and states another"),
    "hostile/signature-moved": ("valid", "where a signature stands is not ruled here; what it covers is told"),
}
"""Where the profile of others differs on purpose from the verdict that the hub's own profile has to give."""
BY_PLACE = {"coverage-incomplete", "signature-several", "reference-not-allowed"}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_every_vector_is_judged_alike_but_for_places(case) -> None:
    pki, at = VECTORS / "signatures" / "pki", datetime(2026, 11, 23, tzinfo=UTC)
    root, issuing, revoked = (load((pki / f"{name}.pem").read_bytes()) for name in ("root", "issuing", "revoked"))
    listed = (Revocation(signed_part=revoked.signed_part, at=revoked.not_before, why="test"),)
    evidence = Evidence(anchors=(root,), intermediates=(issuing,), revoked=listed)
    data = (VECTORS / "signatures" / case["file"]).read_bytes()
    found = judge_inside(read_xml(data), evidence, Policy(), at, at)
    strict = examine(data, evidence, Policy(), at)
    if case["id"] in OTHERWISE:
        assert found.verdict == OTHERWISE[case["id"]][0]
    elif strict.reason in BY_PLACE and case["id"].startswith("valid/"):
        assert [each.reason for each in found.signatures] in ([""], ["", ""])
    elif strict.reason in BY_PLACE:
        assert found.verdict != "valid"
    else:
        assert (found.verdict == "valid") == (strict.verdict == "valid"), found.text
