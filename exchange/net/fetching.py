"""Fetch what a certificate points to: from public places only, in bounded time and space, without the hub's credentials.

A name is looked up once; every address that it leads to is checked, and the connection goes to one of these very addresses.
No cookies, no keep-alive, no compression, no proxy but the one of the setting, and no redirect that is not checked anew.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from exchange.net.addresses import BAD_URL, FORBIDDEN, Allowed, is_literal, read_url
from exchange.net.turns import Turns
from trust_store.errors import Refused, reason

UNREACHABLE = reason(
    "fetch-unreachable",
    "A server that a certificate names cannot be reached",
    "Check the hub's network and its DNS; the authority can tell whether its server is down",
)
TOO_SLOW = reason(
    "fetch-too-slow",
    "A server that a certificate names did not answer in time",
    "Wait: it is asked again; if it stays so, tell the authority",
)
TOO_LARGE = reason(
    "fetch-too-large",
    "A server that a certificate names sends more than is taken from it",
    "If the authority's list is really so long, raise the setting fetch_max_bytes",
)
BAD_ANSWER = reason(
    "fetch-answer",
    "A server that a certificate names gave an answer that is of no use",
    "Open the address from the hub's machine: it may lead to a page of a proxy; else tell the authority",
)
MOST_REDIRECTS: Final = 3
PIECE: Final = 64 * 1024
AGENT: Final = "congvan"
_FOLLOWED: Final = frozenset({301, 302, 303, 307, 308})
_IDENTITY: Final = frozenset({"", "identity"})
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bound a fetch: bytes of the answer, seconds in all and between two pieces, fetches at once and of one host."""

    bytes: int = 32 * 1024 * 1024
    seconds: float = 30.0
    stall: float = 10.0
    at_once: int = 8
    of_one_host: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Hold an answer: the address that gave it in the end, what it says it is (lower case), and its bytes."""

    url: str
    content_type: str
    body: bytes


class Fetcher:
    """Fetch from addresses that others wrote; close it when it is no longer needed.

    Raises of all its methods:
        Refused: `fetch-url`, `fetch-forbidden`, `fetch-unreachable`, `fetch-too-slow`, `fetch-too-large` or `fetch-answer`.
    """

    def __init__(self, allowed: Allowed, bounds: Bounds, proxy: str = "") -> None:
        self._allowed, self._bounds, self._proxy = allowed, bounds, proxy or None
        self._turns = Turns(bounds.at_once, bounds.of_one_host)
        self._lookups = ThreadPoolExecutor(bounds.at_once, thread_name_prefix="lookup")

    async def get(self, url: str, most: int | None = None) -> Fetched:
        """Fetch with GET, at most `most` bytes; follows a few redirects, never from https to http."""
        target = read_url(url)
        async with self._limit(target):
            for _ in range(MOST_REDIRECTS + 1):
                found = await self._ask("GET", target, most)
                if isinstance(found, Fetched):
                    return found
                target = _onward(target, found)
        raise Refused(BAD_ANSWER, f"The answer is behind more than {MOST_REDIRECTS} redirects", where=url)

    async def post(self, url: str, body: bytes, content_type: str, most: int | None = None) -> Fetched:
        """Fetch with POST, at most `most` bytes; a redirect is no answer."""
        target = read_url(url)
        async with self._limit(target):
            found = await self._ask("POST", target, most, body, content_type)
        if isinstance(found, Fetched):
            return found
        raise Refused(BAD_ANSWER, "What is posted is not redirected", where=url)

    def close(self) -> None:
        """Let the threads go that look names up."""
        self._lookups.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def _limit(self, url: URL) -> AsyncIterator[None]:
        """Wait for a turn, which has no bound of its own, then bound the time of the block."""
        async with self._turns.take(url.host or ""):
            try:
                async with asyncio.timeout(self._bounds.seconds):
                    yield
            except TimeoutError:
                raise Refused(
                    TOO_SLOW, f"No whole answer within {self._bounds.seconds:g} seconds", where=str(url)
                ) from None

    async def _ask(
        self, method: str, url: URL, most: int | None, body: bytes | None = None, content_type: str = ""
    ) -> Fetched | str:
        """Ask once; return the answer, or where it is said to be."""
        self._allowed.check(url)
        headers = {"Accept-Encoding": "identity", "User-Agent": AGENT} | (
            {"Content-Type": content_type} if body else {}
        )
        try:
            async with (
                await self._session(url) as session,
                session.request(
                    method, url, data=body, headers=headers, allow_redirects=False, proxy=self._proxy
                ) as response,
            ):
                return await self._read(response, url, min(most or self._bounds.bytes, self._bounds.bytes))
        except TimeoutError:
            raise Refused(TOO_SLOW, "The server did not answer in time", where=str(url)) from None
        except aiohttp.ClientSSLError:
            text = "The server shows a certificate for TLS that this machine does not trust"
            raise Refused(UNREACHABLE, text, where=str(url)) from None
        except aiohttp.ClientConnectorError:
            raise Refused(UNREACHABLE, "No connection", where=str(url)) from None
        except (aiohttp.ClientError, ValueError):
            raise Refused(BAD_ANSWER, "The answer is no HTTP, or broke off", where=str(url)) from None

    async def _session(self, url: URL) -> aiohttp.ClientSession:
        """Make a session that connects to the addresses that were checked, and knows nothing of other sessions."""
        addresses = () if self._proxy else await self._look_up(url)
        if self._proxy and is_literal(url.host or ""):
            self._allowed.check_addresses(url.host or "", [url.host or ""])
        connector = aiohttp.TCPConnector(
            resolver=None if self._proxy else _Pinned(addresses),
            socket_factory=None if self._proxy else _gate(addresses),
            use_dns_cache=False,
            force_close=True,
        )
        bounds = self._bounds
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=bounds.seconds, sock_connect=bounds.stall, sock_read=bounds.stall),
        )

    async def _look_up(self, url: URL) -> Sequence[str]:
        host, port, loop = url.raw_host or "", url.port or 0, asyncio.get_running_loop()
        if is_literal(host):
            addresses = [host]
        else:
            try:
                infos = await loop.run_in_executor(self._lookups, _resolve, host, port)
            except (OSError, UnicodeError):
                raise Refused(UNREACHABLE, f"The name {host} leads nowhere", where=str(url)) from None
            addresses = list(dict.fromkeys(infos))
        self._allowed.check_addresses(host, addresses)
        return addresses

    async def _read(self, response: aiohttp.ClientResponse, url: URL, most: int) -> Fetched | str:
        if response.status in _FOLLOWED:
            return response.headers.get("Location", "")
        if response.status != 200:
            raise Refused(BAD_ANSWER, f"The server answers {response.status}", where=str(url))
        if response.headers.get("Content-Encoding", "").strip().lower() not in _IDENTITY:
            raise Refused(BAD_ANSWER, "The answer is compressed, which was not asked for", where=str(url))
        pieces, size = [], response.content_length or 0
        if size <= most:
            size = 0
            async for piece in response.content.iter_chunked(PIECE):
                size += len(piece)
                if size > most:
                    break
                pieces.append(piece)
        if size > most:
            raise Refused(TOO_LARGE, f"The answer has more than {most:,} bytes", where=str(url))
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Fetched(url=str(url), content_type=kind, body=b"".join(pieces))


class _Pinned(AbstractResolver):
    """Give the addresses that were checked, whatever the name leads to by now."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give them in the order in which they came."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Hold nothing."""


def _gate(addresses: Sequence[str]) -> aiohttp.SocketFactoryType:
    """Make sockets for these addresses and no others: the last gate, whichever way an address got to the connector."""

    def make(info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = info
        if where[0] not in addresses:
            raise Refused(FORBIDDEN, "The connection would go to an address that was not checked")
        return socket.socket(family, kind, protocol)

    return make


def _resolve(host: str, port: int) -> list[str]:
    return [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _onward(url: URL, location: str) -> URL:
    """Read where a redirect leads to.

    Raises:
        Refused: `fetch-url` or `fetch-answer`.
    """
    if not location:
        raise Refused(BAD_ANSWER, "A redirect says not where to", where=str(url))
    target = read_url(urljoin(str(url), location))
    if url.scheme == "https" and target.scheme != "https":
        raise Refused(BAD_URL, "A redirect leads from https to http", where=str(url))
    return target
