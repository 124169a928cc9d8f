"""The native REST API as an aiohttp application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from exchange.api import directory, mailbox, messages
from exchange.api.description import describe
from exchange.api.problems import answer_problems
from exchange.api.routes import Asked, Route, answer
from exchange.api.views import HealthView, TrustView
from exchange.auth.tokens import authenticate
from exchange.core.reading import Reading
from exchange.errors import REQUEST, TOO_LARGE, TOO_SLOW
from trust_store.errors import Refused

ROUTES: Final[tuple[Route, ...]] = (*messages.ROUTES, *mailbox.ROUTES, *directory.ROUTES)
BODY_SECONDS: Final = 300
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(reading: Reading, *, max_message_bytes: int) -> web.Application:
    """Build the application for one hub; a message of more than `max_message_bytes` bytes is refused unread."""
    app = web.Application(middlewares=[answer_problems], client_max_size=max_message_bytes)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _serve(route, reading, max_message_bytes))
    description = msgspec.json.encode(describe(ROUTES))
    app.router.add_get("/openapi.json", _constant(description))
    app.router.add_get("/v1/trust", _trust(reading))
    app.router.add_get("/healthz", _constant(msgspec.json.encode(HealthView(status="ok"))))
    app.router.add_get("/readyz", _ready(reading))
    app.on_response_prepare.append(_harden)
    return app


def _serve(route: Route, reading: Reading, limit: int) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        header = request.headers.get("Authorization", "")
        party = await authenticate(header, reading.hub.store.directory, reading.hub.clock)
        if (request.content_length or 0) > limit:
            raise Refused(TOO_LARGE, f"The body has {request.content_length:,} bytes; {limit:,} are allowed")
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise Refused(REQUEST, "Compressed bodies are not taken", where="header Content-Encoding")
        if len(request.query_string) > 2048:
            raise Refused(REQUEST, "The query is too long")
        body = await _body(request)
        return await route.handler(Asked(request=request, reading=reading, party=party, body=body))

    return handle


async def _body(request: web.Request) -> bytes:
    """Read the whole body, within a deadline that a slow but honest line meets."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Refused(TOO_SLOW, f"The body did not arrive within {BODY_SECONDS} seconds") from None
    except web.RequestPayloadError:
        raise Refused(REQUEST, "The body broke off, or is not encoded as its headers say") from None


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Say no more than needed, and keep browsers from guessing what documents are."""
    response.headers["Server"] = "congvan"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"


def _constant(body: bytes) -> Handler:
    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    return handle


def _trust(reading: Reading) -> Handler:
    async def handle(_request: web.Request) -> web.StreamResponse:
        evidence, hub = await reading.hub.store.trust.evidence(), reading.hub
        view = TrustView(
            name=hub.registrar.issuer.name,
            code=hub.registrar.issuer.code,
            anchors=[anchor.pem.decode() for anchor in evidence.anchors],
            certificate=hub.key.certificate.pem.decode(),
        )
        return answer(view)

    return handle


def _ready(reading: Reading) -> Handler:
    async def handle(_request: web.Request) -> web.StreamResponse:
        await reading.hub.store.trust.evidence()
        return answer(HealthView(status="ready"))

    return handle
