"""Calls go through the gateway to where the operator said, without credentials, bounded; every refusal is a WSO2 fault."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gzip
import os
from datetime import timedelta

import pytest
from aiohttp import web

from exchange.auth import passes, systems
from exchange.core.systems import SystemStatus

SECRET = "a-secret-of-the-test"


ANSWERS = {
    "redirect": {"status": 302, "headers": {"Location": "http://169.254.169.254/latest"}},
    "large": {"body": b"x" * 5000},
    "zipped": {"body": gzip.compress(b"content"), "headers": {"Content-Encoding": "gzip"}},
    "missing": {"status": 404, "body": b"{}", "content_type": "application/json"},
}
WIRE = {
    "broken": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "nonsense": b"this is no HTTP\r\n\r\n",
}


class Service:
    """Stand behind the gateway: keep what was heard, answer what a path asks for."""

    def __init__(self) -> None:
        self.heard: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.hanging = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.heard.append(request)
        self.bodies.append(await request.read())
        wanted = request.path.rsplit("/", 1)[-1]
        if wanted == "slow":
            await self.hanging.wait()
        if wanted in WIRE and request.transport:
            request.transport.write(WIRE[wanted])
            request.transport.close()
        if wanted == "endless":
            return await self.stream(request)
        if wanted in ANSWERS:
            return web.Response(**ANSWERS[wanted])
        headers = {"Set-Cookie": "a=b", "X-Inside": "10.0.0.1", "ETag": '"1"'}
        return web.json_response({"q": request.query_string}, headers=headers)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                await response.write(b"x" * 1000)
        return response


@pytest.fixture
async def service(unused_tcp_port):
    found = Service()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield found
    found.hanging.set()
    await runner.cleanup()


@pytest.fixture
def settings(unused_tcp_port) -> str:
    return (
        f'gateway_routes = "dmdc=http://127.0.0.1:{unused_tcp_port}, down=http://127.0.0.1:1,'
        f' closed=http://127.0.0.1:{unused_tcp_port}"\n'
        'gateway_subscriptions = "closed=two"\ngateway_seconds = 0.5\ngateway_max_bytes = 4000\n'
        'metrics_token = "a-token-for-the-figures"\n'
    )


@pytest.fixture
async def token(province, service) -> str:
    await province.connect("one")
    return await province.token("one")


async def test_client_credentials_give_a_pass(province, service) -> None:
    await province.connect("one")
    answer = await province.call("POST", "/token", basic=("one", SECRET), data="grant_type=client_credentials&scope=x")
    assert answer.status == 200
    assert answer.json == {
        "access_token": answer.json["access_token"],
        "scope": "am_application_scope default",
        "token_type": "Bearer",
        "expires_in": 3600,
    }
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "data", "status", "error"),
    [
        ({}, "grant_type=client_credentials", 401, "invalid_client"),
        ({"Authorization": "Basic ???"}, "grant_type=client_credentials", 401, "invalid_client"),
        ({"Authorization": "Basic b25l"}, "grant_type=client_credentials", 401, "invalid_client"),
        ({"Authorization": "Basic b25lOng="}, "grant_type=client_credentials", 401, "invalid_client"),
        ({"Authorization": "Basic /zovOng="}, "grant_type=client_credentials", 401, "invalid_client"),
        ({"Authorization": "Bearer b25lOng="}, "grant_type=client_credentials", 401, "invalid_client"),
        (None, "grant_type=password&username=a&password=b", 400, "unsupported_grant_type"),
        (None, "", 400, "invalid_request"),
        (None, "grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
        (None, b"\xff\xfe", 400, "invalid_request"),
        (None, "&".join(["a=b"] * 50), 400, "invalid_request"),
        (None, "a=" + "b" * 9000, 413, "invalid_request"),
    ],
)
async def test_tokens_that_are_not_given(province, service, headers, data, status: int, error: str) -> None:
    await province.connect("one")
    basic = ("one", SECRET) if headers is None else None
    answer = await province.call("POST", "/token", basic=basic, headers=headers or {}, data=data)
    assert (answer.status, answer.json["error"]) == (status, error)
    assert set(answer.json) == {"error", "error_description"}
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


async def test_a_call_is_carried(province, service, token: str) -> None:
    headers = {"lgspaccesstoken": "e30=", "Cookie": "a=b", "X-Congvan-System": "another", "X-SecretKey": SECRET}
    answer = await province.call("GET", "/dmdc/1.0/AllCategory?a=%2F&b=..", token=token, headers=headers)
    assert (answer.status, answer.json) == (200, {"q": "a=/&b=.."})
    assert answer.headers["ETag"] == '"1"'
    assert not {"Set-Cookie", "X-Inside"} & set(answer.headers)
    (heard,) = service.heard
    assert heard.raw_path == "/dmdc/1.0/AllCategory?a=%2F&b=.."
    assert heard.headers.getall("X-Congvan-System") == ["one"]
    assert heard.headers["lgspaccesstoken"] == "e30="
    assert heard.headers["X-Request-ID"] == answer.headers["X-Request-ID"]
    assert not {"Authorization", "Cookie", "X-SecretKey"} & set(heard.headers)
    assert SECRET not in str(heard.raw_headers)
    assert token not in str(heard.raw_headers)


async def test_bodies_and_answers_go_as_they_are(province, service, token: str) -> None:
    answer = await province.call(
        "POST", "/dmdc/Category/x", token=token, data=b'{"a":1}', headers={"Content-Type": "application/json"}
    )
    assert answer.status == 200
    assert (service.bodies, service.heard[0].content_type) == ([b'{"a":1}'], "application/json")
    assert (await province.call("GET", "/dmdc/missing", token=token)).status == 404
    assert (await province.call("GET", "/dmdc/zipped", token=token)).body == b"content"
    head = await province.call("HEAD", "/dmdc/1.0/x", token=token)
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        ("", 900902),
        ("Basic b25lOng=", 900902),
        ("Bearer", 900902),
        ("Bearer 49d61ed6-a9e8-3755-81cd-8395ee511c87", 900901),
        ("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.", 900901),
    ],
)
async def test_calls_without_a_pass(province, service, shown: str, code: int) -> None:
    answer = await province.call("GET", "/dmdc/1.0/x", headers={"Authorization": shown} if shown else {})
    assert answer.fault() == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("OAuth2")
    assert service.heard == []


async def test_a_pass_ends_with_its_hour_its_secret_and_its_system(province, service) -> None:
    exchange = province.exchange
    await province.connect("one")
    token = await province.token("one")
    other = passes.issue("one", SECRET.encode(), passes.Audience.LGSP, exchange.hub.clock.now(), exchange.entropy)
    assert (await province.call("GET", "/dmdc/1.0/x", token=other)).fault() == (401, 900901)
    province.clock.ahead = timedelta(seconds=3590)
    assert (await province.call("GET", "/dmdc/1.0/x", token=token)).status == 200
    province.clock.ahead = timedelta(seconds=3601)
    assert (await province.call("GET", "/dmdc/1.0/x", token=token)).fault() == (401, 900901)
    token = await province.token("one")
    by = dataclasses.replace(exchange.author(), at=exchange.hub.clock.now())
    new, _ = await systems.rotate(exchange.systems, exchange.entropy, by, "one", timedelta())
    assert (await province.call("GET", "/dmdc/1.0/x", token=token)).fault() == (401, 900901)
    token = await province.token("one", new)
    system = (await exchange.hub.store.directory.snapshot()).systems["one"]
    await exchange.systems.put(dataclasses.replace(system, status=SystemStatus.SUSPENDED), by)
    assert (await province.call("GET", "/dmdc/1.0/x", token=token)).fault() == (403, 900909)
    answer = await province.call("POST", "/token", basic=("one", new), data="grant_type=client_credentials")
    assert (answer.status, answer.json["error"]) == (400, "unauthorized_client")


async def test_an_api_can_be_for_some_systems_only(province, service, token: str) -> None:
    assert (await province.call("GET", "/closed/1.0/x", token=token)).fault() == (403, 900908)
    await province.connect("two")
    assert (await province.call("GET", "/closed/1.0/x", token=await province.token("two"))).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/nothing/1.0/x",
        "/DMDC/1.0/x",
        "/dmdc/../closed/x",
        "/dmdc/%2e%2e/closed/x",
        "/dmdc/%252e%252e/x",
        "/dmdc/a%2fb",
        "/dmdc/a%5cb",
        "/dmdc//x",
        "/dmdc/",
        "/dmdc/a;b",
        "/dmdc/%00",
    ],
)
async def test_paths_that_lead_nowhere(province, service, token: str, path: str) -> None:
    assert (await province.call("GET", path, token=token)).fault() == (404, 900906)
    assert service.heard == []


async def test_an_absolute_target_is_not_followed(province, service, token: str) -> None:
    host, port = province.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    line = f"GET http://169.254.169.254/dmdc/1.0/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
    writer.write(line.encode() + b"Connection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert b" 404 " in answer.splitlines()[0]
    assert service.heard == []


async def test_other_methods(province, service, token: str) -> None:
    for method in ("OPTIONS", "TRACE", "PROPFIND"):
        assert (await province.call(method, "/dmdc/1.0/x", token=token)).fault() == (405, 405)
    assert service.heard == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/down/1.0/x", 101503),
        ("/dmdc/slow", 101504),
        ("/dmdc/redirect", 101500),
        ("/dmdc/large", 101500),
        ("/dmdc/endless", 101500),
        ("/dmdc/broken", 101500),
        ("/dmdc/nonsense", 101500),
    ],
)
async def test_services_that_fail(province, service, token: str, path: str, code: int) -> None:
    answer = await province.call("GET", path, token=token)
    assert answer.fault() == (503, code)
    assert b"169.254" not in answer.body


async def test_requests_that_are_too_large_or_compressed(province, service, token: str) -> None:
    answer = await province.call("POST", "/dmdc/1.0/x", token=token, data=b"x" * 5000)
    assert answer.fault() == (413, 413)
    headers = {"Content-Encoding": "gzip"}
    answer = await province.call("POST", "/dmdc/1.0/x", token=token, data=gzip.compress(b"x"), headers=headers)
    assert answer.fault() == (400, 400)
    assert service.heard == []


async def test_calls_are_counted_and_nothing_of_their_content(province, service, token: str) -> None:
    await province.call("GET", "/dmdc/1.0/AllCategory?msdn=2800000001", token=token)
    await province.call("GET", "/made-up/1.0/x", token=token)
    await province.call("GET", "/dmdc/1.0/x")
    async with province.session.get(
        province.live.url + "/metrics", headers={"Authorization": "Bearer a-token-for-the-figures"}
    ) as response:
        figures = await response.text()
    for labels in (
        'api="dmdc",status="200",system="one"',
        'api="none",status="404",system="one"',
        'api="dmdc",status="401",system="none"',
    ):
        assert f"congvan_gateway_calls_total{{{labels}}} 1.0" in figures
    assert 'congvan_gateway_seconds_count{api="dmdc"} 2.0' in figures
    assert "made-up" not in figures
    assert "2800000001" not in figures


async def test_the_axis_keeps_its_own_answers(province, service) -> None:
    """Where the axis is served, nothing answers with a fault."""
    for path in ("/axis/nothing", "/axis/sendEdoc/x", "/unknown"):
        answer = await province.call("GET", path)
        assert (answer.status, answer.json["status"]) == (200, "FAIL")


@pytest.mark.parametrize("settings", [""])
async def test_without_routes_there_is_no_gateway(province, settings: str) -> None:
    for method, path in (("POST", "/token"), ("GET", "/dmdc/1.0/x")):
        answer = await province.call(method, path)
        assert (answer.status, answer.json["status"]) == (200, "FAIL")


async def test_garbage_is_a_fault_and_never_a_failure(province, service, token: str) -> None:
    for number in range(60):
        noise = os.urandom(1 + number).hex()
        path = f"/dmdc/{noise[: number % 7]}%{noise[-2:]}{'/%2e' * (number % 3)}?{noise}"
        answer = await province.call("GET", path, token=token)
        assert answer.status in {200, 404, 503}, (path, answer.body)
