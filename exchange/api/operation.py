"""What operators ask of a running hub, and the one log line of every request."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from exchange.api.views import CheckView, HealthView, ReadinessView
from exchange.errors import UNAUTHENTICATED
from exchange.logs import HEADER, naming_request, noted
from exchange.net.origin import client_of
from exchange.operation.metrics import MEDIA_TYPE
from exchange.operation.watch import Watch
from trust_store.errors import Refused

CLIENT_GONE: Final = 499
"""What the log and the figures say of a request whose client went away before the answer."""
_ALIVE: Final = msgspec.json.encode(HealthView(status="ok"))
_LOG = structlog.get_logger("congvan.api")


def observe(watch: Watch) -> Middleware:
    """Name every request, and when it is answered log it and count it."""

    @web.middleware
    async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
        started, status = time.perf_counter(), CLIENT_GONE
        with naming_request(request.headers.get(HEADER, "")) as name:
            try:
                response = await handler(request)
                status = response.status
                if not response.prepared:
                    response.headers[HEADER] = name
                return response
            finally:
                _note(watch, request, status, time.perf_counter() - started)

    return observed


async def sign_answer(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the request's name into an answer that is sent while its handler runs."""
    name = noted("request")
    if name:
        response.headers[HEADER] = name


def add_operation(app: web.Application, watch: Watch) -> None:
    """Add the routes that operators and their machines ask."""
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _ready(watch))
    app.router.add_get("/metrics", _figures(watch))


def _note(watch: Watch, request: web.Request, status: int, seconds: float) -> None:
    resource, code = request.match_info.route.resource, noted("code")
    route = resource.canonical if resource is not None else "none"
    watch.metrics.count_request(request.method, route, status, seconds, code)
    _LOG.info("request", method=request.method, route=route, status=status, ms=round(seconds * 1000, 1))


async def _alive(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=_ALIVE, content_type="application/json")


def _ready(watch: Watch) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(_request: web.Request) -> web.StreamResponse:
        watch.gate.admission.check_open()
        found = await watch.health.examine()
        view = ReadinessView(
            status="not-ready" if found.failed else "ready",
            checks=[CheckView(name=item.name, outcome=item.outcome, text=item.text) for item in found.checks],
        )
        status = 503 if found.failed else 200
        return web.Response(body=msgspec.json.encode(view), status=status, content_type="application/json")

    return handle


def _figures(watch: Watch) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        try:
            data = await watch.figures(authorization)
        except Refused as refusal:
            if refusal.reason is UNAUTHENTICATED and authorization:
                watch.gate.rates.count_failure(client_of(request, watch.gate.proxies))
            raise
        return web.Response(body=data, headers={"Content-Type": MEDIA_TYPE})

    return handle
