"""The whole catalogue of attacks on XML signatures, made on edXML itself and answered on the hub's own path.

Each is signed with keys of a genuine authority or of an attacker who clones its names, opened, judged and accepted as
`exchange.core.hub` does, and refused for the reason that it deserves; what is no attack is taken and read as it was signed.
"""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest
from lxml import etree

from envelopes import xml
from envelopes.signature.algorithms import EXCLUSIVE, SIGNATURES
from envelopes.signature.c14n import canonicalize_element
from envelopes.signature.verify import Place, verify
from tests.conformance.catalogue import case, parsing, references, structure, transforms, trust, wrapping
from tests.conformance.catalogue.case import Case
from tests.forging.keys import signer
from tests.forging.letters import accept, letter
from tests.forging.signing import method_of
from trust_store.errors import CATALOGUE, Refused

SECTIONS = {
    "A": wrapping.CASES,
    "B": structure.STRUCTURE,
    "C": structure.COVERAGE,
    "D": transforms.CASES,
    "E": references.E_CASES,
    "F": trust.CASES,
    "G": parsing.CASES,
    "H": references.H_CASES,
}
CASES = {name: found for cases in SECTIONS.values() for name, found in cases.items()}
TAKEN = {
    "ecdsa-malleable-high-s": "a good signature; a letter is known by its id, and other bytes under it are a conflict",
    "comment-splits-amount": "the whole text is read",
    "comment-splits-address": "the whole text is read",
    "qname-prefix-rebind": "no name in a text or an attribute is ever resolved",
    "encoding-mismatch-bom-utf16-decl-utf8": "the mark counts, and the same letter is read",
    "xml-stylesheet-pi": "stands outside what is signed, and nothing acts upon it",
    "bidi-override": "the text is what was signed; how it is shown is for the page",
    "xades-bes-valid": "the control",
    "xades-signingtime-future": "recorded as claimed; judged at the hub's own moment",
    "xades-garbage-timestamp": "unsigned properties neither raise nor break anything",
}
"""What is taken, and why that is right."""
NOT_ON_EDXML: dict[str, str] = {}
"""Ids of the catalogue that no edXML letter can express, with the reason: there is none."""
SECONDS = 0.5
VECTORS = Path(__file__).parents[1] / "vectors" / "signatures" / "manifest.json"


def test_the_catalogue_has_its_size_and_every_section() -> None:
    assert {name: len(cases) for name, cases in SECTIONS.items()} == {
        "A": 19, "B": 25, "C": 5, "D": 33, "E": 13, "F": 38, "G": 41, "H": 10,
    }  # fmt: skip
    assert len(CASES) == sum(len(cases) for cases in SECTIONS.values())
    assert {name for name, found in CASES.items() if not found.code} == TAKEN.keys()


def test_every_hostile_vector_is_a_case_here() -> None:
    vectors = json.loads(VECTORS.read_text())["cases"]
    hostile = {
        each["id"].removeprefix("hostile/"): each["expect"] for each in vectors if each["id"].startswith("hostile/")
    }
    assert len(hostile) == 75
    assert hostile.keys() <= CASES.keys() | NOT_ON_EDXML.keys()
    assert {name for name, expect in hostile.items() if expect == "valid"} <= TAKEN.keys()
    assert {name for name, expect in hostile.items() if expect == "invalid"}.isdisjoint(TAKEN)


def test_the_letters_that_the_attacks_start_from_are_taken() -> None:
    for make in (case.signed, case.by_id):
        assert accept(make()).message == letter()


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    found = CASES[name]
    data = found.make()
    assert data not in {case.signed(), case.by_id()}
    begun = time.process_time()
    try:
        answer = _answer(found, data)
    finally:
        assert time.process_time() - begun < SECONDS
    assert answer == found.code


def _answer(found: Case, data: bytes) -> str:
    try:
        envelope = accept(data)
    except Refused as refusal:
        assert CATALOGUE[refusal.reason.code] is refusal.reason
        return refusal.reason.code
    assert found.reads(envelope), "the letter is read as it was not signed"
    return ""


@pytest.mark.parametrize("name", [name for name, found in CASES.items() if found.core])
def test_the_verifier_says_what_is_wrong_with_a_signature_without_a_certificate(name: str) -> None:
    with pytest.raises(Refused) as caught:
        verify(xml.parse(CASES[name].make()), Place.EDXML_HEADER)
    assert caught.value.reason.code == CASES[name].core


def test_a_malleable_signature_is_another_file_with_the_same_message() -> None:
    one, other = accept(case.signed()), accept(CASES["ecdsa-malleable-high-s"].make())
    assert one.digest != other.digest
    assert one.message == other.message


@pytest.mark.parametrize(
    "name",
    ["zero-references", "foreign-ns-reference", "enveloped-twice", "unknown-transform-ignored", "xpath-selects-nothing",
     "unsigned-body", "manifest-with-wrong-digest", "uri-xpointer-root", "reference-external-file", "digest-sha1", "xsw2", "xsw8"],
)  # fmt: skip
def test_the_signature_of_these_is_good_so_that_nothing_but_the_rule_refuses_them(name: str) -> None:
    root = etree.fromstring(CASES[name].make())
    octets = canonicalize_element(case.find(root, "SignedInfo"), EXCLUSIVE)
    value = base64.b64decode(case.find(root, "SignatureValue").text or "")
    SIGNATURES[method_of(signer())](signer().certificate.public_key, value, octets)
