"""The files of a letter are handed out as people read them, and never more of them than memory is meant for."""

from __future__ import annotations

import base64
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from exchange.lgsp import letters
from exchange.lgsp.forms import read_form
from trust_store.errors import Refused


def written(*files: tuple[str, bytes]) -> bytes:
    letter = draft_letter(
        sender=Organ(organ_id="000.00.31.H56"),
        receivers=[Organ(organ_id="000.00.32.H56")],
        number="1",
        notation="VP",
        subject="V/v thử",
        at=datetime(2023, 3, 1),  # noqa: DTZ001 - local time, as edXML has it
        files=files,
    )
    return build(letter)


def test_wrapped_files_are_taken_out() -> None:
    given = [("a.pdf", b"%PDF-1.4 x"), ("số liệu.xlsx", b"y" * 1000), ("b.zip", b"PK\x05\x06" + bytes(18))]
    told = letters._files(written(*given))
    assert [(item["fileName"], base64.b64decode(item["fileContent"])) for item in told] == given


def test_what_grows_too_much_is_given_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "MAX_UNPACKED", 1500)
    first, second = letters._files(written(("a.txt", b"x" * 1000), ("b.txt", b"y" * 1000)))
    assert base64.b64decode(first["fileContent"]) == b"x" * 1000
    assert base64.b64decode(second["fileContent"]).startswith(b"PK")


BODY = b'--b\r\nContent-Disposition: form-data; name="edocFile"; filename="a"\r\n\r\n%s\r\n--b--\r\n'


@given(st.binary(max_size=200).filter(lambda data: b"\r\n--b" not in data))
def test_bytes_come_out_of_a_form_as_they_went_in(data: bytes) -> None:
    assert read_form("multipart/form-data; boundary=b", BODY % data) == {"edocFile": data}


@given(st.text(max_size=60), st.binary(max_size=200))
def test_a_form_is_read_or_refused(boundary: str, body: bytes) -> None:
    for media, given_body in (
        (f"multipart/form-data; boundary={boundary}", body),
        (boundary, body),
        ("multipart/form-data; boundary=b", b"--b\r\n" + body + b"\r\n--b--"),
    ):
        try:
            read_form(media, given_body)
        except Refused as refusal:
            assert refusal.reason.code == "request-malformed"


def test_forms_as_libraries_of_other_languages_write_them() -> None:
    parts = (
        b"--b\r\nContent-Type: application/xml\r\nContent-Disposition: form-data; name=edocFile; filename=1.edxml;"
        b" filename*=utf-8''1.edxml\r\n\r\n<a/>\r\n",
        b'--b\r\nContent-Disposition: form-data; name="messageType"\r\nContent-Type: text/plain; charset=UTF-8\r\n'
        b"Content-Transfer-Encoding: 8bit\r\n\r\nedoc\r\n",
    )
    body = b"".join(parts) + b"--b--\r\n"
    assert read_form('multipart/form-data; boundary="b"', body) == {"edocFile": b"<a/>", "messageType": b"edoc"}
    assert read_form("Multipart/Form-Data; charset=UTF-8; boundary=b", body)["messageType"] == b"edoc"
