"""The one log line and the figures of every request, whichever listener it came to."""

from __future__ import annotations

import time
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from exchange.logs import HEADER, naming_request, noted
from exchange.operation.watch import Watch

CLIENT_GONE: Final = 499
"""What the log and the figures say of a request whose client went away before the answer."""
_LOG = structlog.get_logger("congvan.requests")


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


def _note(watch: Watch, request: web.Request, status: int, seconds: float) -> None:
    resource, code = request.match_info.route.resource, noted("code")
    route = resource.canonical if resource is not None else "none"
    watch.metrics.count_request(request.method, route, status, seconds, code)
    _LOG.info("request", method=request.method, route=route, status=status, ms=round(seconds * 1000, 1))
