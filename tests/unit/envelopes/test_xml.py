"""The parser refuses what is unsafe, names the place, and bounds what a document may cost."""

from __future__ import annotations

import pytest

from envelopes.xml import Limits, parse, parse_tolerant
from trust_store.errors import Refused

SMALL = Limits(size=10_000, elements=20, attributes=12, attributes_of_one=5, declarations=8, depth=6)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "xml-malformed"),
        (b"plain", "xml-malformed"),
        (b"<a><b></a>", "xml-malformed"),
        (b"<a/><b/>", "xml-malformed"),
        (b"<a>text\x00</a>", "xml-malformed"),
        (b"<a>&nbsp;</a>", "xml-malformed"),
        (b"<a b='1' b='2'/>", "xml-malformed"),
        (b"<x:a/>", "xml-malformed"),
        (b" <?xml version='1.0'?><a/>", "xml-malformed"),
        (b"1212<?xml version='1.0'?><a/>", "xml-malformed"),
        (b"<!DOCTYPE a><a/>", "xml-doctype"),
        (b"<?xml version='1.0'?><!-- c --><?p i?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "xml-doctype"),
        (b"\xef\xbb\xbf<!DOCTYPE a><a/>", "xml-doctype"),
        ("<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE a><a/>".encode("utf-16"), "xml-doctype"),
        (b"<!--" + b"x" * 9000 + b"--><!DOCTYPE a><a/>", "xml-doctype"),
        (b"<?xml version='1.0' encoding='UTF-7'?><a/>", "xml-encoding"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "xml-encoding"),
        (b"<?xml version='1.0' encoding='windows-1258'?><a/>", "xml-encoding"),
        ("<a/>".encode("utf-32"), "xml-encoding"),
        ("<a/>".encode("utf-16-le"), "xml-encoding"),
        (b"<?xml version='1.1'?><a/>", "xml-version"),
        (b"<a>" + b"x" * 10_000 + b"</a>", "xml-limits"),
        (b"<a>" + b"<b/>" * 20 + b"</a>", "xml-limits"),
        (b"<a b='1' c='1' d='1' e='1' f='1' g='1'/>", "xml-limits"),
        (b"<a>" + b"<b c='1' d='1' e='1'/>" * 5 + b"</a>", "xml-limits"),
        (b"<a>" * 7 + b"</a>" * 7, "xml-limits"),
        (b"<a>" + b"".join(b"<b xmlns:c%d='urn:d'/>" % i for i in range(9)) + b"</a>", "xml-limits"),
    ],
)
def test_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(data, SMALL if len(data) < 9000 or code == "xml-limits" else Limits())
    assert caught.value.reason.code == code


@pytest.mark.parametrize("depth", [300, 100_000])
def test_depth_is_refused_by_the_parser_itself(depth: int) -> None:
    with pytest.raises(Refused) as caught:
        parse(b"<a>" * depth)
    assert caught.value.reason.code == "xml-limits"


def test_a_text_of_more_than_ten_million_bytes_is_over_the_limit() -> None:
    with pytest.raises(Refused) as caught:
        parse(b"<a>" + b"x" * 10_500_000 + b"</a>")
    assert caught.value.reason.code == "xml-limits"


def test_many_namespaces_in_scope() -> None:
    many = b"".join(b"<a xmlns:n%d='urn:n'>" % i for i in range(30))
    with pytest.raises(Refused) as caught:
        parse(many + b"</a>" * 30)
    assert caught.value.reason.code == "xml-limits"


@pytest.mark.parametrize(
    "data",
    [
        b"<a/>",
        b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><a/>",
        "<?xml version='1.0' encoding='UTF-16'?><a>Đ</a>".encode("utf-16"),
        b"<?xml version='1.0'?>\n<!-- <!DOCTYPE in a comment> -->\n<a/>",
        b"<a><![CDATA[<!DOCTYPE b>]]></a>",
    ],
)
def test_accepted(data: bytes) -> None:
    assert parse(data).getroot().tag == "a"


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(Refused) as caught:
        parse(b"<a>\n<b>\n</c></a>")
    assert caught.value.where.startswith("line 3")


def test_undeclared_prefixes_can_be_read_but_are_told() -> None:
    tree, complaint = parse_tolerant(b"<a>\n<x:b x:c='1'/></a>")
    assert complaint is not None
    assert complaint.where.startswith("line 2")
    assert tree.getroot()[0].tag == "x:b"


def test_tolerance_ends_at_undeclared_prefixes() -> None:
    with pytest.raises(Refused):
        parse_tolerant(b"<a><x:b></a>")
    with pytest.raises(Refused):
        parse_tolerant(b"<a><x:b>&e;</x:b></a>")


def test_nothing_is_fetched_or_expanded() -> None:
    with pytest.raises(Refused) as caught:
        parse(b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>')
    assert caught.value.reason.code == "xml-doctype"
    included = parse(b'<a xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="file:///etc/hostname"/></a>')
    assert len(included.getroot()[0]) == 0
