"""Reading signed headers: what is believed, what is compared, and what is left out of account."""

from __future__ import annotations

import json

import pytest

from exchange.ngsp.headers import Parameters, read_signed, sign
from exchange.ngsp.restoring import readings
from trust_store.errors import Refused

KEY = b"a-secret-of-the-test"


def request(
    values: dict[str, str], *more: tuple[str, str], text: str = "", encoding: str = "utf-8"
) -> list[tuple[bytes, bytes]]:
    """Write the headers of a request that is signed well; `more` are received beside them and not signed."""
    text = text or json.dumps({f"XroadVnpt-{name}": value for name, value in values.items()}, ensure_ascii=False)
    headers = [(f"XroadVnpt-{name}", value) for name, value in values.items()]
    headers += [*more, ("XroadVnpt-sign-header", text), ("XroadVnpt-hash-header", sign(KEY, text.encode()))]
    return [(name.encode(), value.encode(encoding) if encoding else cut(value)) for name, value in headers]


def cut(value: str) -> bytes:
    return bytes(ord(letter) & 0xFF for letter in value)


def check(headers: list[tuple[bytes, bytes]], *keys: bytes) -> Parameters:
    return read_signed(headers).check(keys or (KEY,))


def code(headers: list[tuple[bytes, bytes]], *keys: bytes) -> str:
    with pytest.raises(Refused) as refusal:
        check(headers, *keys)
    return refusal.value.reason.code


def test_parameters_come_from_the_signed_text() -> None:
    found = check(request({"systemid": "a", "docId": "1", "from": "000.00.00.H56"}))
    assert dict(found.values) == {"systemid": "a", "docId": "1", "from": "000.00.00.H56"}
    assert found.get("DOCID") == "1"
    assert found.get("to") == ""


def test_headers_that_are_not_signed_are_not_read() -> None:
    found = check(request({"systemid": "a"}, ("XroadVnpt-status", "done"), ("X-Other", "x")))
    assert found.get("status") == ""


def test_two_names_that_differ_in_case_are_two_parameters() -> None:
    found = check(request({"systemid": "a", "docId": "new", "docid": "stale"}))
    assert (found.exactly("docId"), found.exactly("docid")) == ("new", "stale")
    assert found.get("docId") == "new"


def test_of_several_headers_of_one_name_one_must_be_the_signed_one() -> None:
    assert check(request({"systemid": "a", "docId": "1"}, ("xroadvnpt-DOCID", "2"))).get("docId") == "1"
    headers = request({"systemid": "a", "docId": "1"})
    other = [(name, b"2" if name == b"XroadVnpt-docId" else value) for name, value in headers]
    assert code(other) == "signed-header-differs"


def test_a_header_that_a_proxy_joined_is_not_the_signed_one() -> None:
    headers = [item for item in request({"systemid": "a", "docId": "1", "docid": "2"}) if b"oc" not in item[0]]
    assert code([*headers, (b"XroadVnpt-docId", b"1, 2")]) == "signed-header-differs"


def test_either_of_two_secrets_holds() -> None:
    headers = request({"systemid": "a"})
    assert check(headers, b"new", KEY) == check(headers, KEY, b"old") == check(headers)
    assert code(headers, b"new", b"old") == "system-unknown"
    with pytest.raises(Refused):
        read_signed(headers).check(())


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"XroadVnpt-a":1}', '{"systemid":"a"}', '{"XroadVnpt-docId":"1"}', "[" * 60_000]
)
def test_what_is_no_signed_text_is_refused(text) -> None:
    headers = [(b"XroadVnpt-sign-header", text.encode()), (b"XroadVnpt-hash-header", sign(KEY, text.encode()).encode())]
    assert code(headers) == "sign-header-malformed"


@pytest.mark.parametrize("name", ["sign-header", "hash-header"])
def test_a_header_of_the_signature_comes_once(name) -> None:
    headers, full = request({"systemid": "a"}), f"XroadVnpt-{name}".encode()
    assert code([item for item in headers if item[0] != full]) == "request-unsigned"
    assert code([*headers, (full, b"{}")]) == "request-unsigned"
    assert check([*headers, *(item for item in headers if item[0] == full)]).get("systemid") == "a"


def test_text_in_utf_8_is_understood() -> None:
    assert check(request({"systemid": "a", "description": "Đã từ chối"})).get("description") == "Đã từ chối"


@pytest.mark.parametrize("said", ["Từ chối", "Văn bản lỗi".replace("ă", "a"), "Sửa lại tệp", "ế", "Ự"])
def test_letters_that_were_cut_are_restored_as_the_hmac_confirms(said) -> None:
    headers = request({"systemid": "a", "description": said}, encoding="")
    assert check(headers).get("description") == said
    assert code(headers, b"another") == "header-not-ascii"


def test_what_was_cut_and_changed_is_not_restored() -> None:
    headers = request({"systemid": "a", "description": "Từ chối"}, encoding="")
    other = [(name, value.replace(b"ch\xd1i", b"ch\xd2i")) for name, value in headers]
    assert code(other) == "header-not-ascii"


def test_there_are_never_many_readings() -> None:
    assert list(readings(b"\xa1" * 40)) == []
    assert list(readings(b"\x80")) == []
    assert len(list(readings(b"\xa1\xb0"))) == 4
    assert list(readings(b"a" * 2_000_000 + b"\xeb")) == []


def test_white_space_around_a_value_is_no_difference() -> None:
    assert check(request({"systemid": "a", "description": "x "})).get("description") == "x "
