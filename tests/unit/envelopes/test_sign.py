"""What is signed here stands at its place, covers everything, and stays as document systems write it."""

from __future__ import annotations

import pytest
from lxml import etree

from envelopes.signature.grammar import SIGNATURE
from envelopes.signature.sign import sign
from envelopes.signature.verify import place_of, verify
from envelopes.xml import parse
from trust_store.errors import Refused
from trust_store.keys import HeldKey


def test_the_signature_is_last_in_the_header(signed: bytes) -> None:
    header = next(parse(signed).getroot().iter("{*}edXMLHeader"))
    assert header[-1].tag == SIGNATURE
    assert header[-1].prefix == "ds"


def test_line_ends_stay_those_of_document_systems(signed: bytes) -> None:
    assert signed.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\r\n<edXML ')
    assert signed.count(b"\n") == signed.count(b"\r\n")


def test_only_the_leaf_certificate_is_inside(signed: bytes, key: HeldKey) -> None:
    tree = parse(signed)
    assert [item.fingerprint for item in verify(tree, place_of(tree.getroot())).chain] == [key.certificate.fingerprint]


def test_after_verification_the_tree_holds_no_signature(signed: bytes, unsigned: bytes) -> None:
    tree = parse(signed)
    element = verify(tree, place_of(tree.getroot())).element
    original = parse(unsigned).getroot()
    assert etree.tostring(element, method="c14n") == etree.tostring(original, method="c14n")


def test_a_document_is_signed_once(signed: bytes, key: HeldKey) -> None:
    with pytest.raises(Refused) as caught:
        sign(signed, key)
    assert caught.value.reason.code == "signature-present"


def test_a_placeholder_is_replaced(unsigned: bytes, key: HeldKey) -> None:
    end = b"</edXML:edXMLHeader>"
    data = sign(unsigned.replace(end, b"<Signature><SignedInfo/></Signature><DigitalSignature/>" + end), key)
    root = parse(data).getroot()
    assert len(list(root.iter("{*}Signature"))) == 1
    assert not list(root.iter("{*}DigitalSignature"))


def test_other_documents_carry_it_under_the_root(key: HeldKey) -> None:
    tree = parse(sign(b"<a><b>1</b></a>", key))
    assert verify(tree, place_of(tree.getroot())).element[0].text == "1"


def test_edxml_without_a_header_cannot_be_signed(key: HeldKey) -> None:
    with pytest.raises(Refused) as caught:
        sign(b'<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"/>', key)
    assert caught.value.reason.code == "signature-misplaced"


def test_unsafe_xml_is_not_signed(key: HeldKey) -> None:
    with pytest.raises(Refused):
        sign(b"<!DOCTYPE a><a/>", key)
