"""The beginning of a document costs no more than its length, and hides nothing."""

from __future__ import annotations

import pytest

from envelopes.limits import Limits
from envelopes.xml import parse
from trust_store.errors import MAX_DETAIL, Refused


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [b"<!---->", b"<?a?>", b"<!-- a --><?b c?>\n", b"<!--<!DOCTYPE a>-->"])
def test_many_comments_and_instructions_before_the_root(piece: bytes) -> None:
    data = b"<?xml version='1.0'?>" + piece * 9_000 + b"<a/>"
    assert parse(data).getroot().tag == "a"
    with pytest.raises(Refused) as caught:
        parse(data.removesuffix(b"<a/>") + b"<!DOCTYPE a><a/>")
    assert caught.value.reason.code == "xml-doctype"


@pytest.mark.parametrize(
    ("declaration", "code"),
    [
        (b"<?xml" + b" " * 5000 + b"version='1.1'?>", "xml-encoding"),
        (b"<?xml version='1.0'" + b" " * 5000 + b"encoding='UTF-7'?>", "xml-encoding"),
        (b"<?xml version='1.1' encoding='UTF-8'?>", "xml-version"),
        (b"<?xml version = '1.0' encoding = 'utf-7' standalone='yes'?>", "xml-encoding"),
        (b"<?xml version='1.0'\n\tencoding='EBCDIC-CP-US'?>", "xml-encoding"),
    ],
)
def test_white_space_hides_no_declaration(declaration: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(declaration + b"<a/>")
    assert caught.value.reason.code == code


@pytest.mark.parametrize("piece", [b"<b/>", b"<!---->", b"<?b?>", b"<b c='1' d=\"2\"/>"])
def test_too_much_is_refused_before_it_is_parsed(piece: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse(b"<a>" + piece * (Limits().elements * 4 + 1) + b"</a>")
    assert caught.value.reason.code == "xml-limits"


def test_an_unfinished_prolog_is_malformed() -> None:
    for data in (b"<!--", b"<?xml", b"<?a", b"   ", b"<?xml version='1.0'?>"):
        with pytest.raises(Refused):
            parse(data)


def test_what_somebody_wrote_does_not_make_an_error_large() -> None:
    with pytest.raises(Refused) as caught:
        parse(b"<" + b"a" * 40_000 + b"></b>")
    assert len(caught.value.detail) <= MAX_DETAIL


@pytest.mark.parametrize("declaration", ["xmlns:p='urn:{long}'", "xmlns='urn:{long}'", "xmlns:p{long}='urn:p'"])
def test_a_long_namespace_is_not_multiplied_by_canonicalisation(declaration: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(f"<a {declaration.format(long='x' * 300)}><b/></a>".encode())
    assert caught.value.reason.code == "xml-limits"
