"""The gateway on the listener for connected systems: /token, and /{api}/... for every API that has a route."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import structlog
from aiohttp import web

from exchange.auth.passes import Audience
from exchange.core.reading import Reading
from exchange.errors import INTERNAL, METHOD, REQUEST, TOO_LARGE
from exchange.gateway.calls import NONE, Calls
from exchange.gateway.faults import fail, fail_token
from exchange.gateway.forwarding import METHODS, Forwarder
from exchange.gateway.routes import Route, check_target, find_route, read_routes
from exchange.gateway.tokens import give_token
from exchange.logs import note
from exchange.net.gate import Gate
from exchange.ngsp.bearers import Bearer, Bearers
from exchange.operation.watch import Watch
from trust_store.errors import Refused

GIVING: Final = "/token"
RESERVED: Final = frozenset({"token", "lgsp"})
LINES: Final = 32
"""How many calls one service works on at once; a slow one holds up nobody but its own callers."""
Answering = Callable[[], Awaitable[web.StreamResponse]]
_LOG = structlog.get_logger("congvan.gateway")


def mount(app: web.Application, reading: Reading, *, watch: Watch, gate: Gate, prefix: str = "") -> None:
    """Add the gateway to the application of the listener, if the settings have a route; `prefix` is that of the axis.

    Raises:
        Refused: `gateway-routes-malformed`.
    """
    settings, own = watch.exchange.settings, prefix.split("/")[1:2]
    routes = read_routes(settings.gateway_routes, settings.gateway_subscriptions, {*RESERVED, *own})
    if not routes:
        return
    gateway = Gateway(
        bearers=Bearers(reading, gate),
        routes=routes,
        calls=Calls(watch.metrics.registry),
        seconds=settings.gateway_seconds,
        most=settings.gateway_max_bytes,
    )
    others = "|".join(f"{name}/" for name in (*RESERVED, *own))
    app.router.add_post(GIVING, gateway.token)
    app.router.add_route("*", f"/{{api:(?!{others})[^/]+}}/{{operation:.*}}", gateway.call)
    app.cleanup_ctx.append(gateway.connected)
    app.on_cleanup.append(gateway.bearers.close)


@dataclass(kw_only=True)
class Gateway:
    """Let systems in and carry their calls."""

    bearers: Bearers
    routes: Mapping[str, Route]
    calls: Calls
    seconds: float
    most: int
    _forwarder: Forwarder = field(init=False)

    async def connected(self, _app: web.Application) -> AsyncIterator[None]:
        """Hold the line to the services while the application runs; nothing is kept between two calls."""
        limits = aiohttp.ClientTimeout(total=self.seconds)
        lines, jar = aiohttp.TCPConnector(limit=0, limit_per_host=LINES), aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(
            connector=lines, timeout=limits, cookie_jar=jar, auto_decompress=False
        ) as session:
            admission = self.bearers.gate.admission
            self._forwarder = Forwarder(session=session, admission=admission, most=self.most)
            yield

    async def token(self, request: web.Request) -> web.StreamResponse:
        """Give a pass, or say why not in the form of OAuth."""
        return await _answered(lambda: give_token(request, self.bearers), fail_token)

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Carry a call, or say why not in the form of WSO2; either is counted."""
        named = request.match_info["api"]
        api = named if named in self.routes else NONE
        note(api=api)
        with self.calls.timing(api) as outcome:
            response = await _answered(lambda: self._carry(request, named), fail)
            outcome.status = response.status
            return response

    async def _carry(self, request: web.Request, api: str) -> web.Response:
        async def identify() -> Bearer:
            return await self.bearers.by_pass(request, Audience.GATEWAY)

        async with self.bearers.let_in(request, identify, self.most) as (bearer, body):
            system = bearer.system.id
            if request.method not in METHODS:
                raise Refused(METHOD, f"{request.method} is not carried")
            target, route = check_target(request.raw_path), find_route(self.routes, api, system)
            return await self.bearers.gate.finish(self._forwarder.forward(request, target, route, system, body))


async def _answered(answering: Answering, refuse: Callable[[Refused], web.Response]) -> web.StreamResponse:
    """Answer, and turn every refusal and every failure into the form that this client reads."""
    try:
        return await answering()
    except Refused as refusal:
        return refuse(refusal)
    except web.HTTPException as error:
        return refuse(Refused(TOO_LARGE if error.status == 413 else REQUEST, error.reason))
    except Exception:
        _LOG.exception("failed")
        return refuse(Refused(INTERNAL))
