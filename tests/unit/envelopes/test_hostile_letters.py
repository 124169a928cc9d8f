"""A hostile letter is refused with the one reason that tells what is wrong with it, before it costs anything."""

from __future__ import annotations

import base64
import tracemalloc
from collections.abc import Callable

import pytest

from envelopes.limits import Limits
from envelopes.opened import Opened, open_signed
from envelopes.signature.classify import SignatureClass
from trust_store.errors import Refused

MARKS = 4 * Limits().elements
"""How many marks a document may have for the parser to see it at all."""
HEADER = b"</edXML:edXMLHeader>"


def refusal(data: bytes) -> Refused:
    """Tell why the hub would not take a letter: its bytes are not safe, or its signature is not valid."""
    try:
        opened: Opened = open_signed(data)
    except Refused as refused:
        return refused
    assert opened.signature_class is not SignatureClass.VALID
    with pytest.raises(Refused) as caught:
        opened.admit(frozenset())
    return caught.value


def second_signature(data: bytes) -> bytes:
    start, end = data.index(b"<ds:Signature "), data.index(HEADER)
    return data[:end] + data[start:end] + data[end:]


def wrong_digest(data: bytes) -> bytes:
    """Put another digest of the content into SignedInfo; its signature does not cover that one."""
    start = data.index(b"<ds:DigestValue>") + 16
    return data[:start] + base64.b64encode(bytes(32)) + data[data.index(b"</ds:DigestValue>") :]


LETTERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "not xml": (lambda _: b"%PDF-1.4", "xml-malformed"),
    "truncated": (lambda data: data[: len(data) // 2], "xml-malformed"),
    "doctype": (lambda data: data.replace(b"<edXML ", b"<!DOCTYPE edXML><edXML ", 1), "xml-doctype"),
    "latin-1": (lambda data: data.replace(b"UTF-8", b"ISO-8859-1", 1), "xml-encoding"),
    "nul in a name": (lambda data: data.replace(b"a.pdf", b"a\0.pdf", 1), "xml-malformed"),
    "nul by reference": (lambda data: data.replace(b"a.pdf", b"a&#0;.pdf", 1), "xml-malformed"),
    "second signature": (second_signature, "signature-several"),
    "signature elsewhere": (
        lambda data: data.replace(b"<edXML:edXMLHeader>", b"<edXML:edXMLHeader><edXML:x>").replace(
            HEADER, b"</edXML:x>" + HEADER
        ),
        "signature-misplaced",
    ),
    "changed content": (lambda data: data.replace(b"5/CV-A", b"6/CV-A"), "content-changed"),
    "digest mismatch": (wrong_digest, "signature-mismatch"),
    "weak signature": (
        lambda data: data.replace(b"2001/04/xmldsig-more#ecdsa-sha256", b"2001/04/xmldsig-more#ecdsa-sha1"),
        "signature-algorithm",
    ),
    "weak digest": (
        lambda data: data.replace(
            b"http://www.w3.org/2001/04/xmlenc#sha256", b"http://www.w3.org/2000/09/xmldsig#sha1"
        ),
        "digest-algorithm",
    ),
}


@pytest.mark.parametrize("name", LETTERS)
def test_each_has_its_own_reason(signed: bytes, name: str) -> None:
    change, code = LETTERS[name]
    changed = change(signed)
    assert changed != signed
    assert refusal(changed).reason.code == code


def test_every_beginning_of_a_letter_is_refused(signed: bytes) -> None:
    found = {refusal(signed[:size]).reason.code for size in range(0, len(signed.rstrip()), 37)}
    assert found == {"xml-malformed"}


@pytest.mark.parametrize("is_signed", [True, False])
def test_the_namespace_is_told_rather_than_a_signature_missed(signed: bytes, unsigned: bytes, is_signed: bool) -> None:
    """In another namespace there is no place for a signature: whether there is one is not the point."""
    letter = signed if is_signed else unsigned
    other = letter.replace(b"http://www.mic.gov.vn/TBT/QCVN_102_2016", b"http://example.org/other")
    assert refusal(other).reason.code == "edxml-namespace"


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(lambda: b"<a>" * 33_333_334, "bytes", id="100 MB of depth: the size"),
        pytest.param(lambda: b"<a>" * 15_000_000, "elements", id="45 MB of depth: the marks"),
        pytest.param(lambda: b"<a>" * MARKS, "depth", id="depth that the parser sees"),
        pytest.param(lambda: b"<a>" * 101 + b"</a>" * 101, "levels", id="101 levels: the count"),
        pytest.param(
            lambda: b"<a " + b" ".join(b'b%d=""' % n for n in range(1_000_000)) + b"/>",
            "attributes",
            id="a million attributes: the marks",
        ),
        pytest.param(
            lambda: b"<a " + b" ".join(b'b%d=""' % n for n in range(33)) + b"/>", "one element", id="33 on one element"
        ),
        pytest.param(lambda: b"<a>" + b"<b/>" * 30_000 + b"</a>", "elements", id="30,000 elements: the count"),
        pytest.param(lambda: b"<a>" + b"x" * 10_500_000 + b"</a>", "XML parser", id="one text of 10 MB: the parser"),
        pytest.param(lambda: b"<a>" + b"&lt;" * 13_000_000 + b"</a>", "bytes", id="52 MB of references: the size"),
    ],
)
def test_what_is_too_much_is_refused_by_the_first_limit_that_it_meets(data: Callable[[], bytes], said: str) -> None:
    made = data()
    tracemalloc.start()
    try:
        found = refusal(made)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.reason.code == "xml-limits"
    assert said in found.detail
    assert peak < 20_000_000, "nothing is copied to find that out"
