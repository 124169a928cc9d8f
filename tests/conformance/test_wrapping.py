"""Signature wrapping, generated: every combination of what is signed, who stands outside, where the other one is hidden, in
what, with whose Id, and who keeps the signature. Each is refused, or gives exactly what was signed.

The normal run takes every so-many-th of the combinations, `make fuzz` all of them.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import pytest
from lxml import etree

from envelopes.signature.algorithms import SIGNATURES
from tests.conformance.catalogue.case import by, spoil
from tests.forging.keys import signer
from tests.forging.letters import DS, HEADER, Q, accept, bury, header, unsigned, write
from tests.forging.signing import XADES, Plan, detach, forge, method_of
from trust_store.errors import Refused

Node = etree._Element
X = f"{{{XADES}}}"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
STEP = 1 if int(os.environ.get("FUZZ_EXAMPLES", "0")) else 11

SIGNED = {
    "whole": ("edXML", ""),
    "root": ("edXML", "#s"),
    "envelope": ("edXMLEnvelope", "#s"),
    "header": ("edXMLHeader", "#s"),
}
"""What the genuine signature covers: the element that carries the Id, and the Reference."""
OUTSIDE = ("evil", "genuine")
HIDDEN = ("edXML", "edXMLEnvelope")
IDS = {"same": "Id", "none": "", "other": "", "ID": "ID", "id": "id", "xml:id": XML_ID}
KEEPERS = ("outside", "hidden", "both")


def _into(path: str, at: int) -> Callable[[Node, Node], None]:
    def put(root: Node, node: Node) -> None:
        parent = root.find(path)
        assert parent is not None
        parent.insert(len(parent) if at < 0 else at, node)

    return put


PLACES: dict[str, Callable[[Node, Node], None]] = {
    "first in the root": _into(".", 0),
    "last in the root": _into(".", -1),
    "in the attachments": _into(f"{Q}AttachmentEncoded", -1),
    "in the envelope": _into(f"{Q}edXMLEnvelope", 0),
    "first in the header": _into(HEADER, 0),
    "last in the header": _into(HEADER, -1),
    "first in the signature": _into(f"{HEADER}/{DS}Signature", 0),
    "last in the signature": _into(f"{HEADER}/{DS}Signature", -1),
    "in KeyInfo": _into(f"{HEADER}/{DS}Signature/{DS}KeyInfo", -1),
    "in SignedInfo": _into(f"{HEADER}/{DS}Signature/{DS}SignedInfo", -1),
}
WRAPPERS: dict[str, tuple[str, ...]] = {
    "bare": (),
    "in an Object": (DS + "Object",),
    "in two Objects": (DS + "Object", DS + "Object"),
    "in extensions": (Q + "Extensions",),
    "in unsigned properties": (DS + "Object", X + "QualifyingProperties", X + "UnsignedProperties"),
    "in a Manifest": (DS + "Object", DS + "Manifest"),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """Name one combination."""

    signed: str
    outside: str
    hidden: str
    place: str
    wrapper: str
    ids: str
    keeper: str


def variants() -> Iterator[Variant]:
    for parts in itertools.product(SIGNED, OUTSIDE, HIDDEN, PLACES, WRAPPERS, IDS, KEEPERS):
        yield Variant(*parts)


@cache
def genuine(signed: str) -> bytes:
    """Sign a letter, its envelope or its header, with the Id `s`."""
    name, uri = SIGNED[signed]
    root = etree.fromstring(unsigned())
    if uri:
        next(root.iter(Q + name)).set("Id", "s")
    return forge(write(root), Plan(references=(by(uri),)))


def make(variant: Variant) -> bytes:
    """Stand one letter outside and hide the other, or its envelope, in it."""
    root = etree.fromstring(genuine(variant.signed))
    other = deepcopy(root)
    evil = root if variant.outside == "evil" else other
    _rename(spoil(evil), SIGNED[variant.signed][0], variant.ids)
    hidden = other if variant.hidden == "edXML" else other.find(Q + "edXMLEnvelope")
    assert hidden is not None
    if variant.keeper == "outside":
        detach(next(hidden.iter(DS + "Signature")))
    hidden = bury(hidden)
    for name in reversed(WRAPPERS[variant.wrapper]):
        wrapper = etree.Element(name)
        wrapper.append(hidden)
        hidden = wrapper
    PLACES[variant.place](root, hidden)
    if variant.keeper == "hidden":
        _take_signature_from_outside(root)
    return write(root)


def _rename(evil: Node, name: str, ids: str) -> None:
    for element in evil.iter(Q + name):
        element.attrib.pop("Id", None)
        if IDS[ids]:
            element.set(IDS[ids], "s")
        elif ids == "other":
            element.set("Id", "evil")
        return


def _take_signature_from_outside(root: Node) -> None:
    """Leave only the hidden signature; what was hidden in the one outside moves beside it."""
    outside = header(root).find(DS + "Signature")
    assert outside is not None
    for inside in list(outside.iter("buried")):
        header(root).append(inside)
    detach(outside)


def naive(data: bytes, *, last: bool) -> bool:
    """Verify as careless software does: any signature, any element of that Id, and no rule besides."""
    root = etree.fromstring(data)
    value, reference = next(root.iter(DS + "SignatureValue")), next(root.iter(DS + "Reference"))
    info = next(root.iter(DS + "SignedInfo"))
    octets = bytes(etree.tostring(info, method="c14n", exclusive=True))
    try:
        SIGNATURES[method_of(signer())](signer().certificate.public_key, base64.b64decode(value.text or ""), octets)
    except Refused:
        return False
    names = ("Id", "ID", "id", XML_ID)
    named = [node for node in root.iter("*") if "s" in [node.get(name) for name in names]]
    target = root if not reference.get("URI") else (named or [root])[-1 if last else 0]
    digest = next(reference.iter(DS + "DigestValue")).text
    return digest == base64.b64encode(hashlib.sha256(_without_signatures(target)).digest()).decode()


def _without_signatures(target: Node) -> bytes:
    copy = deepcopy(target)
    for signature in list(copy.iter(DS + "Signature")):
        if signature.getparent() is not None:
            detach(signature)
    copy.tail = None
    return bytes(etree.tostring(copy, method="c14n", exclusive=True))


def test_the_genuine_letters_are_taken_where_the_whole_is_signed() -> None:
    for signed in ("whole", "root"):
        assert accept(genuine(signed)).message == accept(genuine("whole")).message
    for signed in ("envelope", "header"):
        assert naive(genuine(signed), last=False)
        with pytest.raises(Refused, match="coverage-incomplete"):
            accept(genuine(signed))


def test_every_variant_is_refused_or_gives_exactly_what_was_signed() -> None:
    said = accept(genuine("whole")).message
    answers: Counter[str] = Counter()
    fooled = 0
    for variant in itertools.islice(variants(), 0, None, STEP):
        data = make(variant)
        fooled += naive(data, last=False) or naive(data, last=True)
        try:
            found = accept(data).message
        except Refused as refusal:
            answers[refusal.reason.code] += 1
            continue
        assert found == said, variant
        assert variant.outside == "genuine", variant
        answers["accepted"] += 1
    assert answers.total() >= 17_280 // STEP
    assert fooled >= 40, "the variants are attacks: careless software believes them"
    assert answers.keys() >= {
        "accepted", "coverage-incomplete", "id-duplicate", "signature-grammar", "signature-several", "signature-misplaced",
        "key-info-not-allowed", "content-changed",
    }  # fmt: skip
