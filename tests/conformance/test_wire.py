"""Recorded traffic of the official client: every request is believed, and every mutation of one refused with its reason."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from exchange.ngsp.files import take_file
from exchange.ngsp.headers import Signed, read_signed
from exchange.ngsp.numbers import number_of
from exchange.ngsp.operations import SERVICE
from trust_store.errors import Refused

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "edxml"
CAPTURE = SAMPLES / "wire" / "sdk_2.0.1_capture.txt"
SECRET = b"vector-secret"
RECORDED = 15
Headers = list[tuple[bytes, bytes]]

pytestmark = pytest.mark.skipif(
    not CAPTURE.exists(), reason=f"no recorded traffic here, {5 * RECORDED + 3} cases left out"
)


def recorded() -> list[tuple[str, Headers]]:
    """Read the capture: the operation and the headers of each request; a \\xNN is one raw byte."""
    found = []
    text = CAPTURE.read_text("utf-8") if CAPTURE.exists() else ""
    for block in re.split(r"^>>> ", text, flags=re.M)[1:]:
        lines = block.split("\n\n", 1)[0].splitlines()
        pairs = (line.split(": ", 1) for line in lines[1:] if ": " in line)
        found.append((lines[0].split("/")[1], [(name.encode(), raw(value)) for name, value in pairs]))
    return found


def raw(text: str) -> bytes:
    return re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), text.encode())


def read(headers: Headers) -> Signed:
    return read_signed(headers)


def refused(headers: Headers, keys: tuple[bytes, ...] = (SECRET,)) -> tuple[str, int]:
    with pytest.raises(Refused) as refusal:
        read(headers).check(keys)
    return refusal.value.reason.code, number_of(refusal.value.reason.code)


def changed(headers: Headers, name: bytes, value: bytes) -> Headers:
    return [(each, value if each == name else held) for each, held in headers]


REQUESTS = recorded()
NAMES = [f"{number} {name}" for number, (name, _) in enumerate(REQUESTS)]


def test_the_whole_capture_was_read() -> None:
    operations = {name for name, _ in REQUESTS}
    assert len(operations) == 12
    assert len(REQUESTS) == RECORDED


@pytest.mark.parametrize("request_", REQUESTS, ids=NAMES)
def test_every_recorded_request_is_believed(request_) -> None:
    _, headers = request_
    parameters = read(headers).check([SECRET])
    assert parameters.get("systemid") == "000.00.00.H56"
    assert parameters.get("timestamp").startswith("23112026T08040")
    assert parameters.get("servicetype") in {"", SERVICE}


def test_a_text_that_was_cut_is_restored_as_its_hmac_confirms() -> None:
    (told,) = [
        read(headers).check([SECRET]).get("description")
        for _, headers in REQUESTS
        if any(name == b"XroadVnpt-description" for name, _ in headers)
    ]
    assert told == "Từ chối"


@pytest.mark.parametrize("request_", REQUESTS, ids=NAMES)
def test_another_secret_is_refused(request_) -> None:
    for keys in ((b"vector-secreT",), ()):
        assert refused(request_[1], keys) in {("system-unknown", 15), ("header-not-ascii", 15)}
    assert read(request_[1]).check([b"another", SECRET]).get("systemid")


@pytest.mark.parametrize("request_", REQUESTS, ids=NAMES)
def test_a_header_that_is_not_what_was_signed_is_refused(request_) -> None:
    _, headers = request_
    signed = [name for name, _ in headers if name.startswith(b"XroadVnpt-")]
    for name in set(signed) - {b"XroadVnpt-sign-header-key", b"XroadVnpt-version"}:
        code, number = refused(changed(headers, name, b"x"))
        assert code in {"signed-header-differs", "sign-header-malformed", "system-unknown", "header-not-ascii"}, name
        assert number == 15


@pytest.mark.parametrize("request_", REQUESTS, ids=NAMES)
def test_a_signed_text_that_was_changed_is_refused(request_) -> None:
    _, headers = request_
    text = dict(headers)[b"XroadVnpt-sign-header"]
    for other in (
        text.replace(b"H56", b"H57", 1),
        text + b"x",
        text.replace(b'","', b'", "', 1),
        text[:-1],
        b"[]",
        b"",
    ):
        assert refused(changed(headers, b"XroadVnpt-sign-header", other))[1] == 15


@pytest.mark.parametrize("request_", REQUESTS, ids=NAMES)
def test_a_request_without_one_of_its_signed_headers_is_refused(request_) -> None:
    _, headers = request_
    for name in (b"XroadVnpt-systemid", b"XroadVnpt-timestamp", b"XroadVnpt-sign-header", b"XroadVnpt-hash-header"):
        assert refused([item for item in headers if item[0] != name])[1] == 15


def test_the_recorded_digests_are_those_of_the_samples_in_the_clients_notation() -> None:
    stated = {dict(headers)[b"XroadVnpt-hash-file"].decode() for name, headers in REQUESTS if name == "sendEdoc"}
    files = [path.read_bytes() for path in sorted((SAMPLES / "axis").glob("*.edxml"))]
    found = {"".join(f"{byte:x}" for byte in hashlib.sha256(data).digest()): data for data in files}
    assert len(stated & set(found)) == 2
    for digest in stated:
        data = found[digest]
        assert take_file(data + b"\r\n", digest) == data
        with pytest.raises(Refused) as refusal:
            take_file(data[:-1] + b"!\r\n", digest)
        assert number_of(refusal.value.reason.code) == 21
