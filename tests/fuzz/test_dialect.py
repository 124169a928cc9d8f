"""Headers and bodies of every kind at the listener for connected systems: always an answer, never an acceptance without its HMAC."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.auth import systems
from exchange.config import Home
from exchange.core.model import PartyId
from exchange.core.systems import Link, describe_system
from exchange.ngsp.app import OPERATIONS
from exchange.ngsp.headers import read_signed, sign
from exchange.ngsp.restoring import readings
from exchange.sandbox import making
from exchange.sandbox.province import ENVIRONMENT
from exchange.server import serve_all
from exchange.wiring import open_exchange
from trust_store.errors import Refused

EXAMPLES = max(300, int(os.environ.get("FUZZ_EXAMPLES", "0")))
LIVE = max(60, EXAMPLES // 4)
"""Over the line it takes longer; three kinds of these and two of the others make more than twice EXAMPLES."""
KEY = b"a-secret-of-the-test"
NAMES = (
    "systemid",
    "docId",
    "docid",
    "status",
    "from",
    "to",
    "hash-file",
    "messagetype",
    "description",
    "pageSize",
    "fromDate",
)
PROFILE = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)

octets = st.binary(max_size=60).map(lambda data: data.translate(None, b"\r\n\0"))
names = st.sampled_from([f"XroadVnpt-{name}".encode() for name in (*NAMES, "sign-header", "hash-header", "x")]) | octets
values = octets | st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace"))
texts = st.dictionaries(
    st.sampled_from([f"XroadVnpt-{name}" for name in NAMES]) | st.text(max_size=8), st.text(max_size=20)
)


@PROFILE
@given(headers=st.lists(st.tuples(names, values), max_size=12))
def test_headers_of_any_bytes_are_refused_with_a_reason(headers) -> None:
    with pytest.raises(Refused):
        read_signed(headers).check([KEY])


@PROFILE
@given(members=texts, text=octets, flip=st.integers(0, 255), place=st.integers(0, 10_000), wrong=octets)
def test_nothing_is_believed_without_its_hmac(members, text, flip, place, wrong) -> None:
    """What is signed well is read as it was said; one bit elsewhere, or another secret, and it is refused."""
    members = {name: value for name, value in members.items() if name.lower().startswith("xroadvnpt-")}
    members["XroadVnpt-systemid"] = "fuzz"
    told = json.dumps(members, ensure_ascii=True).encode()
    headers = [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in members.items()]
    signed = [(b"XroadVnpt-sign-header", told), (b"XroadVnpt-hash-header", sign(KEY, told).encode())]
    with contextlib.suppress(Refused):
        assert read_signed([*headers, *signed]).check([KEY]).get("systemid") == "fuzz"
    changed = bytearray(told)
    changed[place % len(told)] ^= flip or 1
    for other in (bytes(changed), text):
        with pytest.raises(Refused):
            read_signed([*headers, (b"XroadVnpt-sign-header", other), signed[1]]).check([KEY])
    with pytest.raises(Refused):
        read_signed([*headers, *signed]).check([wrong] if wrong != KEY else [])
    assert sum(1 for _ in readings(text)) <= 256


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """Run a hub in a loop of its own, which the generated examples share."""
    loop = asyncio.new_event_loop()
    stack = contextlib.AsyncExitStack()

    async def begin() -> str:
        folder: Path = tmp_path_factory.mktemp("fuzz") / "hub"
        await making.make(folder, history=False)
        with (folder / "hub.toml").open("a", encoding="utf-8") as file:
            file.write("requests_per_second = 0\nfailures_per_minute = 0\n")
        exchange = await stack.enter_async_context(
            open_exchange(
                Home(folder),
            )
        )
        system = describe_system("fuzz", "Fuzz", [Link(party=PartyId(ENVIRONMENT))], unsigned=True)
        await systems.connect(exchange.systems, exchange.entropy, exchange.author(), system, KEY.decode())
        return (await stack.enter_async_context(serve_all(exchange, "127.0.0.1", 0, ngsp=(0, "")))).ngsp

    url = loop.run_until_complete(begin())
    yield loop, int(url.rpartition(":")[2])
    loop.run_until_complete(stack.aclose())
    loop.close()


async def ask(port: int, data: bytes, *, ends: bool = False) -> bytes:
    """Send bytes, end sending if told, and read everything that comes within the time that a hang would take."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            if ends:
                writer.write_eof()
        got = b""
        with contextlib.suppress(ConnectionError):
            got = await reader.read()
        writer.close()
        return got


def answered(got: bytes) -> dict[str, object]:
    """Hold an answer to its form."""
    head, _, body = got.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    assert head.split()[1] == b"200", got
    assert body.isascii()
    assert b"Traceback" not in body
    read = json.loads(body)
    assert {"status", "ErrorCode", "ErrorDesc"} <= set(read)
    assert not str(read["ErrorDesc"]).startswith("internal-error")
    return read


def written(operation: str, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    method = OPERATIONS[operation].method.encode() if operation in OPERATIONS else b"POST"
    lines = [method + b" /" + operation.encode() + b" HTTP/1.1", b"Host: x", b"Content-Length: %d" % len(body)]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


@settings(PROFILE, max_examples=LIVE)
@given(
    headers=st.lists(st.tuples(names.filter(lambda name: b":" not in name), values), max_size=8),
    body=st.binary(max_size=200),
    operation=st.sampled_from([*OPERATIONS, "other"]),
)
def test_any_request_is_answered_and_none_is_accepted(live, headers, body, operation) -> None:
    loop, port = live
    got = loop.run_until_complete(ask(port, written(operation, headers, body)))
    assert answered(got)["status"] == "FAIL"


@settings(PROFILE, max_examples=LIVE)
@given(
    members=st.dictionaries(
        st.sampled_from(NAMES), st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
    ),
    body=st.binary(max_size=300) | st.sampled_from([b"<edXML/>", b"<?xml version='1.0'?><edXML>", b"{}", b"[[[["]),
    operation=st.sampled_from(list(OPERATIONS)),
    truthful=st.booleans(),
)
def test_a_signed_request_of_any_content_is_answered(live, members, body, operation, truthful) -> None:
    loop, port = live
    members = {**members, "systemid": "fuzz"}
    if truthful:
        members["hash-file"] = hashlib.sha256(body).hexdigest()
    told = json.dumps({f"XroadVnpt-{name}": value for name, value in members.items()}).encode()
    headers = [(f"XroadVnpt-{name}".encode(), value.encode()) for name, value in members.items()]
    headers += [(b"XroadVnpt-sign-header", told), (b"XroadVnpt-hash-header", sign(KEY, told).encode())]
    read = answered(loop.run_until_complete(ask(port, written(operation, headers, body))))
    if operation in {"sendEdoc", "getEdoc", "downloadEdoc", "updateStatus"}:
        assert read["status"] == "FAIL"
    assert read["ErrorCode"] != "15"


@settings(PROFILE, max_examples=LIVE)
@given(data=st.binary(max_size=400))
def test_bytes_that_are_no_request_end_in_time(live, data) -> None:
    loop, port = live
    got = loop.run_until_complete(ask(port, data + b"\r\n\r\n", ends=True))
    if got:
        assert answered(got)["status"] == "FAIL"
