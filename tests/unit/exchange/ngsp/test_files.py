"""The file in the body of sendEdoc."""

from __future__ import annotations

import base64
import hashlib

import pytest

from exchange.ngsp.files import is_digest, stripped, take_file
from trust_store.errors import Refused

XML = b'<?xml version="1.0"?>\r\n<edXML/>\r\n'


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def short(data: bytes) -> str:
    return stripped(hashlib.sha256(data).digest())


@pytest.mark.parametrize("data", [XML, XML + b"\r\n", XML.strip(), b"", b"\r\n", b"\xef\xbb\xbf<a/>", b"\x00" * 100])
@pytest.mark.parametrize("notation", [digest, short])
def test_exactly_one_crlf_is_the_clients(data, notation) -> None:
    assert take_file(data + b"\r\n", notation(data)) == data


@pytest.mark.parametrize("notation", [digest, short])
def test_a_client_that_adds_nothing_is_understood(notation) -> None:
    for data in (XML, XML.strip(), b"x"):
        assert take_file(data, notation(data)) == data


@pytest.mark.parametrize("end", [b"", b"\r\n"])
@pytest.mark.parametrize("wrap", [base64.b64encode, base64.encodebytes])
def test_a_file_in_base64_is_taken_out(wrap, end) -> None:
    wrapped = wrap(XML).strip()
    assert take_file(wrapped + end, short(XML)) == XML
    assert take_file(wrapped + end, short(wrapped)) == XML


def test_base64_of_something_else_is_a_file() -> None:
    data = base64.b64encode(b"not XML")
    assert take_file(data + b"\r\n", digest(data)) == data


@pytest.mark.parametrize("stated", ["", "0", digest(XML + b" "), short(XML)[:-1], short(XML) + "0", "ü" * 64])
def test_another_digest_is_refused(stated) -> None:
    with pytest.raises(Refused) as refusal:
        take_file(XML + b"\r\n", stated)
    assert refusal.value.reason.code == "hash-file-mismatch"


def test_the_notation_of_the_official_client() -> None:
    assert stripped(bytes([0, 1, 15, 16, 255])) == "01f10ff"
    assert is_digest(digest(XML).upper(), XML)
