"""Whatever is thrown at the hub, it answers with a problem document, never fails, and goes on serving."""

from __future__ import annotations

import asyncio
import gzip
import re
import zlib

import pytest

from exchange.api.app import ROUTES
from exchange.core.access import MAY_HAVE

OFFICE = {"administer", "audit"}
"""What a party's own token may not do at all: it is refused before anything else of the request is looked at."""
ROUTE_IDS = [route.name for route in ROUTES]
LAUGHS = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
BODIES = {
    "empty": b"",
    "blank": b" \r\n",
    "garbage": bytes(range(256)) * 8,
    "zero": b"\0" * 1000,
    "text": b"hello",
    "json": b'{"limit": 1}',
    "json list": b"[]",
    "json number": b"1e999",
    "json deep": b"[" * 100_000,
    "json deep member": b'{"limit":' + b"[" * 100_000,
    "json deep unknown": b'{"x":' * 20_000,
    "json surrogate": b'{"\\ud800": "\\udfff"}',
    "json surrogate value": b'{"limit": "\\ud800"}',
    "json huge": b'{"limit": 1%s}' % (b"0" * 5000),
    "json wrong": b'{"limit": "ten", "wait_seconds": null}',
    "json infinite": b'{"wait_seconds": 1e308, "lease_seconds": -1e308}',
    "json not utf-8": b'{"limit\xff": 1}',
    "one element": b"<a/>",
    "cut": b'<?xml version="1.0"?><edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"><edXMLEnvel',
    "deep": b"<a>" * 300 + b"</a>" * 300,
    "doctype": b"<!DOCTYPE a><a/>",
    "outside": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "laughs": b'<!DOCTYPE a [<!ENTITY a0 "ha">' + LAUGHS + b"]><a>&a9;</a>",
    "entity": b"<a>&nbsp;</a>",
    "nul inside": b"<a>\0</a>",
    "nul reference": b"<a>&#0;</a>",
    "utf-16 without mark": "<a/>".encode("utf-16-le"),
    "utf-16 cut": b"\xff\xfe<",
    "utf-7": b'<?xml version="1.0" encoding="utf-7"?><a/>',
    "xml 1.1": b'<?xml version="1.1"?><a/>',
    "wide": b"<a " + b" ".join(b'x%d="1"' % n for n in range(5000)) + b"/>",
    "many": b"<a>" + b"<b/>" * 30_000 + b"</a>",
    "surrogate": b"<a>\xed\xa0\x80</a>",
    "prefix": b"<x:a/>",
    "instruction": b"<?php echo 1 ?><a/>",
}
NAMES = (
    *("%00", "a%00b", "%2e%2e%2f%2e%2e", "..%2F..%2Fhub.db", "%ff%fe", "%ed%a0%80", "%F0%9F%92%A9", "%0d%0aX-A:%20b"),
    *("V%C4%83n%20b%E1%BA%A3n", "'%20OR%201=1--", "%25s%25n", "{message}", "a" * 5000, "%E2%80%AE", "%", "%zz", "-1"),
)
QUERIES = (
    *("limit=0", "limit=-1", "limit=abc", "limit=1e9", "limit=201", "limit=", "limit=%00", "limit=1.5", "limit=%D9%A1"),
    *("limit=99999999999999999999", "limit=000000100" + "9" * 30, "limit=000000100999", "limit=" + "1" * 2000),
    *("since=garbage", "since=2026-11-23", "since=2026-11-23T00:00:00", "until=%00", "until=9" * 50),
    *("box=maybe", "box=ALL", "box=%ff", "kind=x", "business=4", "business=-1", "state=%00", "issued_since=2026"),
    *("text=%00", "text=" + "a" * 300, "sender=%00&receiver=%00", "after=%00", "after=" + "a" * 1500),
    *("since=0001-01-01T00:00:00%2B14:00", "until=9999-12-31T23:59:59-14:00"),
)
ODD_QUERIES = (
    *(
        "after=garbage",
        "after=%ff",
        "after=%ed%a0%80",
        "after='--",
        "x=" + "a" * 1000,
    ),
    *(
        "before=garbage",
        "text=%25_%5C",
        "text='--",
        "limit=5&limit=-1",
        "&&&===",
        "%00=%00",
    ),
    *("limit=%2B5", "box=all&box=garbage", "limit=005"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.fixture
async def names(hub):
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    (delivery,) = await (await hub.client(hub.environment)).lease(lease=1)
    return {
        "message": view.message,
        "delivery": delivery.delivery,
        "evidence": view.receipt_id,
        "lease": delivery.lease,
        "party": hub.environment,
        "token": "0123456789ab",
        "certificate": "a" * 64,
        "upload": "a" * 26,
        "ordinal": "1",
        "group": "H56",
        "system": "H56.QLVB",
        "rule": "1",
        "application": "a" * 26,
        "enrolment": "a" * 26,
        "code": "0123456789ab",
        "held": "a" * 26,
        "notice": "a" * 26,
    }


@pytest.fixture
async def whole(hub) -> str:
    """A token with everything that a party may have, enrolling with it."""
    return await hub.give(hub.environment, *MAY_HAVE)


def _path(route, names) -> str:
    return re.sub(r"{(\w+)}", lambda match: names[match[1]], route.path)


def _check(answer) -> None:
    if answer.status >= 400:
        problem = answer.problem()
        assert answer.status < 500 or problem["code"] == "timestamp-unavailable", answer.body


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_no_submission_of_rubbish_is_taken_on(hub, body) -> None:
    for kind in (
        "application/xml",
        "text/plain; charset=utf-99",
        "multipart/form-data",
        "application/json",
        "a/b;c=\t",
    ):
        answer = await hub.ask("POST", "/v1/messages", by=hub.lam_son, data=body, headers={"Content-Type": kind})
        assert answer.status == 422, answer.body
        problem = answer.problem()
        assert b"root:" not in answer.body
        assert (await hub.ask("GET", f"/v1/evidence/{problem['evidence']}", by=hub.lam_son)).status == 200


@pytest.mark.parametrize("route", ROUTES, ids=ROUTE_IDS)
async def test_rubbish_in_the_body_of_any_route(hub, names, route, whole) -> None:
    for body in BODIES.values():
        _check(await hub.ask(route.method, _path(route, names), token=whole, data=body))


async def test_rubbish_is_no_lease(hub, names) -> None:
    for name, body in BODIES.items():
        answer = await hub.ask("POST", "/v1/inbox/leases", by=hub.environment, data=body)
        if name not in {"empty", "json"}:
            assert (answer.status, answer.problem()["code"]) == (400, "request-malformed"), name


@pytest.mark.parametrize(
    "body",
    [
        '{"limit": 0}',
        '{"limit": 201}',
        '{"limit": -1}',
        '{"lease_seconds": 0}',
        '{"lease_seconds": 3601}',
        '{"wait_seconds": -1}',
        '{"wait_seconds": 61}',
        '{"wait": 1}',
        '{"wait_seconds": NaN}',
        '{"wait_seconds": 1e400}',
    ],
)
async def test_a_lease_beyond_its_bounds_is_refused(hub, names, body) -> None:
    answer = await hub.ask("POST", "/v1/inbox/leases", by=hub.environment, data=body)
    assert (answer.status, answer.problem()["code"]) == (400, "request-malformed")
    (delivery,) = await (await hub.client(hub.environment)).inbox()
    assert delivery.lease == names["lease"]


@pytest.mark.parametrize("route", [route for route in ROUTES if "{" in route.path], ids=lambda route: route.name)
async def test_rubbish_in_the_path(hub, route, whole) -> None:
    for name in NAMES:
        path = re.sub(r"{\w+}", lambda _: name, route.path)  # noqa: B023 - used within the turn
        answer = await hub.ask(route.method, path, token=whole)
        assert answer.status in ({400, 403, 404} if route.action in OFFICE else {400, 404}), (name, answer.body)
        answer.problem()


@pytest.mark.parametrize("path", ["/v1/inbox", "/v1/messages"])
async def test_rubbish_in_the_query(hub, names, path) -> None:
    understood = ("limit", "box", "kind", "state", "since", "until", "issued", "business", "text")
    for query in QUERIES:
        answer = await hub.ask("GET", f"{path}?{query}", by=hub.environment)
        if query.startswith(understood):
            assert (answer.status, answer.problem()["code"]) == (400, "request-malformed"), query
        _check(answer)
    for query in ODD_QUERIES:
        _check(await hub.ask("GET", f"{path}?{query}", by=hub.environment))


@pytest.mark.parametrize("route", ROUTES, ids=ROUTE_IDS)
async def test_a_query_that_is_too_long_is_refused(hub, names, route, whole) -> None:
    answer = await hub.ask(route.method, f"{_path(route, names)}?x={'a' * 5000}", token=whole)
    expected = (403, "forbidden") if route.action in OFFICE else (400, "request-malformed")
    assert (answer.status, answer.problem()["code"]) == expected


async def test_other_methods_are_not_allowed_and_the_allowed_are_named(hub, names) -> None:
    patterns = [(route.method, re.compile(re.sub(r"{\w+}", "[^/]+", route.path))) for route in ROUTES]
    allowed = {
        path: {method for method, pattern in patterns if pattern.fullmatch(path)}
        for path in {_path(route, names) for route in ROUTES}
    }
    for path, own in allowed.items():
        for method in set(METHODS) - own:
            answer = await hub.ask(method, path, by=hub.environment)
            assert answer.status == 405, (method, path)
            assert set(answer.headers["Allow"].split(",")) == own
            if method != "HEAD":
                assert answer.problem()["code"] == "method-not-allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//",
        "/v1",
        "/v1/",
        "/v2/messages",
        "/v1/messages/",
        "/favicon.ico",
        "/..%2f",
        "/v1/inbox/a/b/c",
        "/%00",
        "/%ff",
    ],
)
async def test_unknown_addresses_are_not_found(hub, path) -> None:
    for by in ("", hub.lam_son):
        answer = await hub.ask("GET", path, by=by)
        assert (answer.status, answer.problem()["code"]) == (404, "not-found")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "x"])
async def test_a_compressed_body_is_refused_without_unpacking_it(hub, encoding) -> None:
    letter = hub.signed(hub.lam_son, hub.environment)
    bomb = b" " * (hub.exchange.settings.max_message_bytes + 1)
    headers = {"Content-Encoding": encoding, "Content-Type": "application/xml"}
    for body in (gzip.compress(letter), zlib.compress(letter), gzip.compress(bomb, 1), b"garbage" * 100):
        answer = await hub.ask("POST", "/v1/messages", by=hub.lam_son, data=body, headers=headers)
        assert (answer.status, answer.problem()["code"]) == (400, "request-malformed")
    assert await (await hub.client(hub.lam_son)).sent() == []


async def test_a_body_said_to_be_as_it_is_is_taken(hub) -> None:
    letter, headers = hub.signed(hub.lam_son, hub.environment), {"Content-Encoding": "identity"}
    answer = await hub.ask("POST", "/v1/messages", by=hub.lam_son, data=letter, headers=headers)
    assert answer.status == 201


async def _raw(hub, data: bytes) -> bytes:
    """Send bytes as they are, and return what comes back until the hub closes or falls silent."""
    host, port = hub.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    received = b""
    try:
        async with asyncio.timeout(5):
            while b"\r\n\r\n" not in received or not received.partition(b"\r\n\r\n")[2]:
                chunk = await reader.read(65536)
                if not chunk:
                    break
                received += chunk
    finally:
        writer.close()
        await writer.wait_closed()
    return received


def _head(hub, method: str, path: str, *lines: str, token: str = "") -> bytes:
    shown = f"Authorization: Bearer {token or hub.token(hub.lam_son)}"
    head = [f"{method} {path} HTTP/1.1", "Host: hub", shown, *lines, "", ""]
    return "\r\n".join(head).encode("latin-1")


@pytest.mark.parametrize("route", ROUTES, ids=ROUTE_IDS)
async def test_an_enormous_body_is_refused_before_it_is_sent(hub, names, route, whole) -> None:
    head = _head(hub, route.method, _path(route, names), "Content-Length: 1000000000000", token=whole)
    received = await _raw(hub, head)
    refused = (b"403", b"forbidden") if route.action in OFFICE else (b"413", b"request-too-large")
    assert received.startswith(b"HTTP/1.1 %s " % refused[0])
    assert b"application/problem+json" in received
    assert refused[1] in received


async def test_an_enormous_body_in_chunks_is_refused(hub) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    count = hub.exchange.settings.max_message_bytes // 0x100000 + 2
    received = await _raw(hub, _head(hub, "POST", "/v1/messages", "Transfer-Encoding: chunked") + chunk * count)
    assert received.startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_breaks_off_is_forgotten(hub) -> None:
    host, port = hub.url.removeprefix("http://").split(":")
    for _ in range(3):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(_head(hub, "POST", "/v1/messages", "Content-Length: 1000") + b"<edXML>")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert await (await hub.client(hub.lam_son)).sent() == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /v1/whoami HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer \xff\xfe\xfd\r\n\r\n",
        b"GET /v1/whoami HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer \xe1\xba\xa3\r\n\r\n",
        b"GET /v1/whoami HTTP/1.1\r\nHost: hub\r\nAuthorization: \xff\r\n\r\n",
        b"GET /v1/whoami HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer " + b"a" * 50_000 + b"\r\n\r\n",
        b"GET /v1/messages/\xff\xfe HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET /v1/messages?before=\xff HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET /v1/whoami HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
        b"GET /v1/whoami HTTP/1.1\r\nHost: \xff\r\n\r\n",
        b"GET http://elsewhere/v1/whoami HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: hub\r\nExpect: something\r\nContent-Length: 1\r\n\r\n ",
        b"POST /v1/messages HTTP/1.1\r\nHost: hub\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: hub\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100,
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
async def test_rubbish_on_the_line(hub, request_bytes) -> None:
    received = await _raw(hub, request_bytes)
    assert re.match(rb"HTTP/1\.[01] 4\d\d ", received), received
    for secret in (b"Traceback", b".py", b"aiohttp.", b"exchange."):
        assert secret not in received.partition(b"\r\n\r\n")[2]


async def test_a_letter_with_hostile_texts_goes_through_as_it_is(hub) -> None:
    subject = "'; DROP TABLE messages;-- <script>alert(1)</script> \u202e %s {0} \U0001f4a9"
    data = hub.signed(hub.lam_son, hub.environment, subject=subject)
    view = await hub.submit(hub.lam_son, data)
    (delivery,) = await (await hub.client(hub.environment)).inbox()
    assert delivery.subject == subject
    assert await (await hub.client(hub.environment)).content(view.message) == data


async def test_a_hundred_hostile_requests_at_once_hold_nobody_up(hub) -> None:
    bodies = list(BODIES.values()) * 3
    rubbish = [hub.ask("POST", "/v1/messages", by=hub.ham_rong, data=body) for body in bodies]
    good = hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    async with asyncio.timeout(30):
        view, *answers = await asyncio.gather(good, *rubbish)
    assert {answer.status for answer in answers} == {422}
    (delivery,) = await (await hub.client(hub.environment)).inbox()
    assert delivery.message == view.message
