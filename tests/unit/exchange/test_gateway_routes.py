"""The gateway goes where the operator said and nowhere else, whatever a path looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from yarl import URL

from exchange.gateway.forwarding import CALLER, onward
from exchange.gateway.routes import check_target, find_route, read_routes
from trust_store.errors import Refused

BASE = "http://127.0.0.1:9101"


def code(call, *given, **named) -> str:
    with pytest.raises(Refused) as refusal:
        call(*given, **named)
    return refusal.value.reason.code


def test_the_settings_are_read() -> None:
    routes = read_routes(" dmdc=http://127.0.0.1:9101/ ,apiCSDLDKDN=https://dkdn.example/base,", "dmdc=one H56.two")
    assert {name: route.base for name, route in routes.items()} == {
        "dmdc": BASE,
        "apiCSDLDKDN": "https://dkdn.example/base",
    }
    assert find_route(routes, "apiCSDLDKDN", "anybody") is routes["apiCSDLDKDN"]
    assert find_route(routes, "dmdc", "one") is routes["dmdc"]
    assert code(find_route, routes, "dmdc", "three") == "gateway-not-subscribed"
    assert code(find_route, routes, "DMDC", "one") == "not-found"
    assert read_routes("") == {}
    assert read_routes("dmdc=http://[::1]:9101", "dmdc=")["dmdc"].systems == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "dmdc",
        "=http://a",
        "dmdc=",
        "dmdc=a",
        "dmdc=//a",
        "dmdc=file:///etc/passwd",
        "dmdc=ftp://a",
        "dmdc=unix:///run/x",
        "dmdc=http://",
        "dmdc=http://user:word@a",
        "dmdc=http://a?b=c",
        "dmdc=http://a#b",
        "dmdc=http://a:x",
        "dmdc=http://a:99999",
        "dmdc=http://a b",
        "dmdc=http://a\\b",
        "dm/dc=http://a",
        "../x=http://a",
        "token=http://a",
        "axis=http://a",
        "dmdc=http://a,dmdc=http://b",
    ],
)
def test_wrong_routes(text: str) -> None:
    assert code(read_routes, text, "", {"token", "axis"}) == "gateway-routes-malformed"


@pytest.mark.parametrize("text", ["other=one", "dmdc=one,dmdc=two", "dmdc=o/e"])
def test_wrong_subscriptions(text: str) -> None:
    assert code(read_routes, f"dmdc={BASE}", text) == "gateway-routes-malformed"


@pytest.mark.parametrize(
    "target", ["/dmdc/1.0/AllCategory", "/dmdc/1.0/a%20b?x=/../&y=%2F", "/dmdc/c%C3%A1p", "/a/...", "/a/~b"]
)
def test_plain_targets(target: str) -> None:
    assert check_target(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "/dmdc/../token",
        "/dmdc/./x",
        "/dmdc/%2e%2e/x",
        "/dmdc/%2E./x",
        "/dmdc/%252e%252e/x",
        "/dmdc/a%2fb",
        "/dmdc/a%5cb",
        "/dmdc/a\\b",
        "/dmdc//x",
        "//host/x",
        "/dmdc/",
        "/dmdc/%00",
        "/dmdc/%0d%0aX:1",
        "/dmdc/a;b",
        "/dmdc/a%3bb",
        "http://host/x",
        "@host/x",
        "*",
    ],
)
def test_targets_that_lead_elsewhere(target: str) -> None:
    assert code(check_target, target) == "gateway-path"


@pytest.mark.parametrize("target", ["", "/dmdc/x#y", "/dmdc/a b", "/dmdc/é", "/dmdc/" + "a" * 3000, "/a/\x7f"])
def test_targets_that_cannot_be_read(target: str) -> None:
    assert code(check_target, target) == "request-malformed"


@given(
    st.lists(
        st.sampled_from(["/", "..", ".", "%2e", "%2f", "%5c", "\\", "@", ":", "//", "a", "?", "%25", "#", ";"]),
        max_size=12,
    )
)
def test_no_target_leaves_its_host_or_its_folder(parts: list[str]) -> None:
    try:
        target = check_target("/dmdc/" + "".join(parts))
    except Refused:
        return
    url, normal = URL(BASE + target, encoded=True), URL(BASE + target)
    assert (url.host, url.port) == ("127.0.0.1", 9101)
    assert normal.path.startswith("/dmdc/")
    assert ".." not in normal.parts


def test_what_a_service_hears_of_the_headers() -> None:
    sent = CIMultiDict(
        {
            "Authorization": "Bearer x",
            "Cookie": "a=b",
            "Connection": "close, X-Drop",
            "X-Drop": "1",
            "Host": "elsewhere",
            "Transfer-Encoding": "chunked",
            "X-SecretKey": "s",
            "Accept": "application/json",
            "lgspaccesstoken": "e30=",
            "X-Odd": "é",
            CALLER.lower(): "somebody else",
        }
    )
    got = onward(sent, "one")
    assert set(got) == {"Accept", "lgspaccesstoken", CALLER, "X-Request-ID", "Accept-Encoding"}
    assert got.getall(CALLER) == ["one"]


@pytest.mark.parametrize("headers", [{"X-Long": "a" * 4097}, {f"X-{number}": "a" for number in range(70)}])
def test_headers_that_no_service_reads(headers: dict[str, str]) -> None:
    assert code(onward, CIMultiDict(headers), "one") == "request-malformed"
    assert CALLER in onward(CIMultiDict({"Authorization": "a" * 5000, "X-Long": "a" * 4096}), "one")
