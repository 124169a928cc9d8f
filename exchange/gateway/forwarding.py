"""Carry a call to the service behind the gateway and its answer back: bounded, without credentials, never elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from exchange.errors import REQUEST
from exchange.gateway.routes import Route
from exchange.logs import HEADER, noted
from exchange.net.admission import Admission
from trust_store.errors import Refused, reason

UNREACHABLE = reason(
    "gateway-unreachable",
    "The service behind the gateway cannot be reached",
    "Try again later; tell the operator of the hub",
)
TIMED_OUT = reason(
    "gateway-timeout",
    "The service behind the gateway did not answer in time",
    "Try again later, or ask for less at once",
)
BAD_ANSWER = reason(
    "gateway-answer",
    "The service behind the gateway gave an answer that is not passed on",
    "Ask for less at once; if it stays so, tell the operator of the hub",
)
CALLER: Final = "X-Congvan-System"
"""The header that tells a service who calls; what a caller puts there itself never arrives."""
MAX_HEADERS, MAX_HEADER = 64, 4096
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
REDIRECTS: Final = frozenset({300, 301, 302, 303, 305, 307, 308})
_HOP: Final = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "expect", "host", "content-length", "accept-encoding", "authorization", "cookie",
    "forwarded", "x-secretkey", "x-systemid", "user-agent", CALLER.lower(), HEADER.lower(),
})  # fmt: skip
_BACK: Final = frozenset({
    "content-type", "content-encoding", "content-language", "content-disposition",
    "etag", "last-modified", "retry-after", "allow",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarder:
    """Hold the line to the services, and how much may come over it."""

    session: aiohttp.ClientSession
    admission: Admission
    most: int

    async def forward(self, request: web.Request, target: str, route: Route, system: str, body: bytes) -> web.Response:
        """Ask the service of a route, and give its answer.

        Raises:
            Refused: `gateway-unreachable`, `gateway-timeout` or `gateway-answer`.
            Later: `hub-busy`.
        """
        asking = self.session.request(
            request.method,
            URL(route.base + target, encoded=True),
            headers=onward(request.headers, system),
            data=io.BytesIO(body) if body else None,
            allow_redirects=False,
        )
        try:
            async with asking as response:
                if response.status in REDIRECTS or not 200 <= response.status < 600:
                    raise Refused(
                        BAD_ANSWER, f"{route.api} answered {response.status}, which is neither followed nor passed on"
                    )
                with self.admission.room(f"system {system}", self._expected(response, route)):
                    content = await self._content(response, route)
                    return web.Response(body=content, status=response.status, headers=back(response.headers))
        except TimeoutError:
            raise Refused(TIMED_OUT, f"{route.api} did not answer in time") from None
        except aiohttp.ClientConnectionError:
            raise Refused(UNREACHABLE, f"{route.api} cannot be reached") from None
        except aiohttp.ClientError:
            raise Refused(BAD_ANSWER, f"{route.api} answered with what is no HTTP, or broke off") from None

    def _expected(self, response: aiohttp.ClientResponse, route: Route) -> int:
        size = response.content_length
        if size is not None and size > self.most:
            raise self._too_large(route)
        return self.most if size is None else size

    async def _content(self, response: aiohttp.ClientResponse, route: Route) -> bytes:
        pieces, size = [], 0
        async for piece in response.content.iter_chunked(64 * 1024):
            size += len(piece)
            if size > self.most:
                raise self._too_large(route)
            pieces.append(piece)
        return b"".join(pieces)

    def _too_large(self, route: Route) -> Refused:
        return Refused(BAD_ANSWER, f"{route.api} answered with more than the {self.most:,} bytes that are passed on")


def onward(headers: Mapping[str, str], system: str) -> CIMultiDict[str]:
    """Choose what a service gets of the headers: none of the line, none with credentials, none that is not ASCII.

    Raises:
        Refused: `request-malformed`: one is longer than services read.
    """
    hops = _HOP | set(_named(headers.get("Connection", "")))
    kept = [(name, value) for name, value in headers.items() if name.lower() not in hops and value.isascii()]
    if len(kept) > MAX_HEADERS or any(len(value) > MAX_HEADER for _, value in kept):
        text = f"A call has at most {MAX_HEADERS} headers of {MAX_HEADER:,} characters each"
        raise Refused(REQUEST, text, where="headers")
    return CIMultiDict([*kept, (CALLER, system), (HEADER, noted("request")), ("Accept-Encoding", "identity")])


def back(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Choose what the caller gets of the headers of an answer: those that describe its body."""
    return {name: value for name, value in headers.items() if name.lower() in _BACK and value.isascii()}


def _named(text: str) -> Iterable[str]:
    return (item.strip().lower() for item in text.split(","))
