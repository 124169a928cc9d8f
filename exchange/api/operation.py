"""What operators ask of a running hub."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from exchange.api.views import CheckView, HealthView, ReadinessView
from exchange.errors import UNAUTHENTICATED
from exchange.net.origin import client_of
from exchange.operation.metrics import MEDIA_TYPE
from exchange.operation.watch import Watch
from trust_store.errors import Refused

_ALIVE: Final = msgspec.json.encode(HealthView(status="ok"))


def add_operation(app: web.Application, watch: Watch) -> None:
    """Add the routes that operators and their machines ask."""
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _ready(watch))
    app.router.add_get("/metrics", _figures(watch))


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
