"""What a certificate points to is fetched from where it may be, and from nowhere else, in bounded time and space."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.net import fetching
from exchange.net.addresses import Allowed, is_public, lead, read_allowed, read_url
from exchange.net.fetching import Bounds, Fetcher
from tests.servers import web
from trust_store.errors import Refused

LOOPBACK = read_allowed("127.0.0.0/8")
BOUNDS = Bounds(bytes=100_000, seconds=1.0, stall=0.4, at_once=4, of_one_host=2)


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    made = Fetcher(LOOPBACK, BOUNDS)
    yield made
    made.close()


@pytest.fixture
async def site() -> AsyncIterator[web.Site]:
    async with web.site(web.giving(b"hello", "application/pkix-crl; charset=x")) as served:
        yield served


def names(monkeypatch: pytest.MonkeyPatch, answers: Callable[[str], list[str]]) -> None:
    """Let names lead where a test wants: what DNS answers is the attacker's."""

    def resolve(host: str, port: int, **_options: object) -> list[object]:
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port)) for each in answers(host)]

    monkeypatch.setattr(fetching.socket, "getaddrinfo", resolve)


async def refused(fetching_: object) -> str:
    with pytest.raises(Refused) as caught:
        await fetching_  # type: ignore[misc]
    return caught.value.reason.code


async def test_an_answer_is_fetched(fetcher: Fetcher, site: web.Site) -> None:
    fetched = await fetcher.get(f"{site.url}/a.crl?x=1#fragment")
    assert (fetched.body, fetched.content_type, fetched.url) == (
        b"hello",
        "application/pkix-crl",
        f"{site.url}/a.crl?x=1",
    )
    posted = await fetcher.post(f"{site.url}/ocsp", b"question", "application/ocsp-request")
    assert posted.body == b"hello"
    got, sent = site.heard
    assert (got.method, got.path, sent.method, sent.body) == ("GET", "/a.crl?x=1", "POST", b"question")
    assert sent.headers["content-type"] == "application/ocsp-request"
    for request in site.heard:
        assert request.headers["accept-encoding"] == "identity"
        assert {"cookie", "authorization", "referer"}.isdisjoint(request.headers)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.vn/x", "file:///etc/passwd", "gopher://a.vn/", "ldap://a.vn/x", "//a.vn/x", "a.vn/x", "http:///x", "http://",
        "http://user@a.vn/", "http://user:secret@a.vn/", "http://:secret@a.vn/", "http://a.vn:22/", "http://a.vn:25/", "http://a.vn:0/",
        "http://a.vn:99999/", "http://a.vn/\r\nHost: b", "http://a.vn/ x", "http://a.vn\\@b.vn/", "http://sở.vn/", "http://2130706433/",
        "http://0x7f000001/", "http://127.1/", "http://0177.0.0.1/", "http://a..vn/", "http://a_b.v%6e/", "http://[::1/", "http://" + "a" * 2048,
    ],
)  # fmt: skip
async def test_an_odd_address_is_refused_before_anything_is_asked(fetcher: Fetcher, url: str) -> None:
    assert await refused(fetcher.get(url)) == "fetch-url"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1",
        "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.7",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:53aa:64c:0:0:80ff:fffe", "fe80::1", "fec0::1",
        "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1",
    ],
)  # fmt: skip
async def test_what_is_not_public_is_refused_by_name_and_by_address(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    fetcher = Fetcher(Allowed(), BOUNDS)
    written = f"[{address}]" if ":" in address else address
    assert await refused(fetcher.get(f"http://{written}/")) == "fetch-forbidden"
    names(monkeypatch, lambda _host: ["8.8.8.8", address])
    assert await refused(fetcher.get("http://crl.example.vn/")) == "fetch-forbidden"
    fetcher.close()


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "113.160.0.1", "2001:ee0::1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_public_places_are_open(address: str) -> None:
    Allowed().check_addresses("crl.example.vn", [address])


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_nothing_that_python_calls_private_is_public(address: object) -> None:
    leading = lead(ip_address(str(address)))
    assert not (
        is_public(leading)
        and (leading.is_private or leading.is_loopback or leading.is_link_local or leading.is_multicast)
    )


async def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch, site: web.Site
) -> None:
    """DNS answers first with a place that is allowed, then with another: there is no second question."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    names(monkeypatch, lambda _host: next(answers))
    fetcher = Fetcher(read_allowed("127.0.0.1"), BOUNDS)
    assert (await fetcher.get(f"http://crl.example.vn:{site.port}/")).body == b"hello"
    assert site.heard[0].headers["host"] == f"crl.example.vn:{site.port}"
    assert await refused(fetcher.get(f"http://crl.example.vn:{site.port}/")) == "fetch-forbidden"
    fetcher.close()


async def test_a_host_can_be_allowed_by_name(monkeypatch: pytest.MonkeyPatch, site: web.Site) -> None:
    names(monkeypatch, lambda _host: ["127.0.0.1"])
    fetcher = Fetcher(read_allowed("CRL.example.vn, 10.0.0.0/8"), BOUNDS)
    assert (await fetcher.get(f"http://crl.example.vn:{site.port}/")).body == b"hello"
    assert await refused(fetcher.get(f"http://other.example.vn:{site.port}/")) == "fetch-forbidden"
    fetcher.close()


@pytest.mark.parametrize("text", ["10.0.0.1/8", "http://a.vn", "a.vn/x", "300.1.1.1", "*.vn", "a b", "10.0.0.0/33"])
def test_a_malformed_list_of_places_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="fetch-allowed-malformed"):
        read_allowed(text)


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "fetch-forbidden"),
        ("http://[::ffff:169.254.169.254]/", "fetch-forbidden"),
        ("//169.254.169.254/", "fetch-forbidden"),
        ("file:///etc/passwd", "fetch-url"),
        ("http://user:secret@127.0.0.1/", "fetch-url"),
        ("http://127.0.0.1:6/", "fetch-url"),
        ("/again", "fetch-answer"),
        ("", "fetch-answer"),
    ],
)
async def test_redirects_are_few_and_each_is_checked(
    fetcher: Fetcher, site: web.Site, location: str, code: str
) -> None:
    site.manner = web.redirecting(location)
    assert await refused(fetcher.get(site.url)) == code
    assert len(site.heard) <= fetching.MOST_REDIRECTS + 1


async def test_a_redirect_is_followed_but_never_for_what_is_posted(fetcher: Fetcher, site: web.Site) -> None:
    async with web.site(web.redirecting(f"{site.url}/there", "307 Temporary Redirect")) as first:
        assert (await fetcher.get(first.url)).url == f"{site.url}/there"
        assert await refused(fetcher.post(first.url, b"x", "text/plain")) == "fetch-answer"
    assert [each.method for each in site.heard] == ["GET"]


def test_a_redirect_never_leaves_tls() -> None:
    with pytest.raises(Refused, match="fetch-url"):
        fetching._onward(read_url("https://a.vn/"), "http://a.vn/")
    assert str(fetching._onward(read_url("http://a.vn/x/y"), "https://a.vn/")) == "https://a.vn/"
    assert str(fetching._onward(read_url("https://a.vn/x/y"), "../z")) == "https://a.vn/z"


@pytest.mark.parametrize(
    ("manner", "code"),
    [
        (web.silent, "fetch-too-slow"),
        (web.dripping, "fetch-too-slow"),
        (web.slow(5, web.giving(b"x")), "fetch-too-slow"),
        (web.huge(announced=True), "fetch-too-large"),
        (web.huge(announced=False), "fetch-too-large"),
        (web.garbage, "fetch-answer"),
        (web.broken_off(b"x" * 1000), "fetch-answer"),
        (web.failing("404 Not Found"), "fetch-answer"),
        (web.failing("500 Internal Server Error"), "fetch-answer"),
    ],
)
async def test_a_server_that_misbehaves_costs_a_bounded_time(
    fetcher: Fetcher, site: web.Site, manner: web.Manner, code: str
) -> None:
    site.manner = manner
    started = time.monotonic()
    assert await refused(fetcher.get(site.url)) == code
    assert time.monotonic() - started < BOUNDS.seconds + 5


async def test_what_is_compressed_is_not_unpacked(fetcher: Fetcher, site: web.Site) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)

    async def manner(_request: web.Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(web.head(len(bomb), more="Content-Encoding: gzip\r\n") + bomb)

    site.manner = manner
    assert await refused(fetcher.get(site.url)) == "fetch-answer"


async def test_a_caller_can_ask_for_less(fetcher: Fetcher, site: web.Site) -> None:
    assert await refused(fetcher.get(site.url, 4)) == "fetch-too-large"
    assert (await fetcher.get(site.url, 5)).body == b"hello"


async def test_nobody_there_is_said_so(fetcher: Fetcher, site: web.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.close()
    assert await refused(fetcher.get(site.url)) == "fetch-unreachable"

    def nowhere(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(fetching.socket, "getaddrinfo", nowhere)
    assert await refused(fetcher.get("http://crl.example.vn/")) == "fetch-unreachable"


async def test_cookies_and_proxies_of_the_environment_are_ignored(
    fetcher: Fetcher, site: web.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def manner(_request: web.Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(web.head(1, more="Set-Cookie: a=b\r\n") + b"x")

    site.manner = manner
    for _ in range(2):
        assert (await fetcher.get(site.url)).body == b"x"
    assert all("cookie" not in request.headers for request in site.heard)


async def test_the_proxy_of_the_setting_is_used(site: web.Site) -> None:
    fetcher = Fetcher(Allowed(), BOUNDS, proxy=site.url)
    assert (await fetcher.get("http://crl.example.vn/a.crl")).body == b"hello"
    assert site.heard[0].path == "http://crl.example.vn/a.crl"
    assert await refused(fetcher.get("http://169.254.169.254/")) == "fetch-forbidden"
    fetcher.close()


async def test_one_slow_host_leaves_turns_for_others(fetcher: Fetcher, site: web.Site) -> None:
    most = present = 0

    async def manner(request: web.Heard, writer: asyncio.StreamWriter) -> None:
        nonlocal most, present
        present += 1
        most = max(most, present)
        await asyncio.sleep(0.05)
        present -= 1
        await web.giving(b"x")(request, writer)

    site.manner = manner
    await asyncio.gather(*(fetcher.get(site.url) for _ in range(8)))
    assert most == BOUNDS.of_one_host
