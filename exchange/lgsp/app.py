"""The LGSP dialect as an application of its own under one prefix: whatever happens, it answers JSON of its form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from exchange.auth.passes import Audience
from exchange.core.reading import Reading
from exchange.core.units import Units
from exchange.errors import INTERNAL, METHOD, NOT_FOUND, REQUEST, TOO_LARGE
from exchange.lgsp import agencies, letters, statuses
from exchange.lgsp.answers import fail, succeed
from exchange.lgsp.login import PATH, log_in
from exchange.lgsp.operations import Asked, Operation, fields_of
from exchange.net.gate import Gate
from exchange.ngsp.bearers import Bearer, Bearers
from exchange.ngsp.headers import Parameters
from exchange.ngsp.operations import Call
from trust_store.errors import Refused

PREFIX: Final = "/lgsp"
LOGIN: Final = "login"
OPERATIONS: Final[tuple[Operation, ...]] = (*letters.OPERATIONS, *statuses.OPERATIONS, *agencies.OPERATIONS)
FORM_ROOM: Final = 16 * 1024
"""How many bytes a form has besides the document in it."""
_LOG = structlog.get_logger("congvan.lgsp")


def build_app(reading: Reading, *, gate: Gate) -> web.Application:
    """Build the application for one hub."""
    bearers = Bearers(reading, gate)
    units = Units(reading.hub.store.directory, reading.hub.workers, reading.hub.registrar.issuer.code)
    app = web.Application(middlewares=[answer_failures])

    async def login(request: web.Request) -> web.StreamResponse:
        return await log_in(request, bearers)

    app.router.add_post(PATH, login, name=LOGIN)
    for operation in OPERATIONS:
        app.router.add_route(operation.method, operation.path, _serve(operation, bearers, units))
    app.on_cleanup.append(bearers.close)
    return app


@web.middleware
async def answer_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal and every failure in the form of the dialect, and have its code logged."""
    try:
        return await handler(request)
    except Refused as refusal:
        return _answer(request, refusal)
    except web.HTTPException as error:
        return _answer(request, _translated(error))
    except Exception:
        _LOG.exception("failed")
        return _answer(request, Refused(INTERNAL))


def _serve(
    operation: Operation, bearers: Bearers, units: Units
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    limit = operation.body if operation.body is not None else bearers.reading.hub.sizes.bound + FORM_ROOM

    async def handle(request: web.Request) -> web.StreamResponse:
        async def identify() -> Bearer:
            return await _identify(request, bearers)

        async with bearers.let_in(request, identify, limit) as (bearer, body):
            asked = _asked(request, bearer, bearers.reading, units, body)
            answered = await bearers.gate.finish(operation.handler(asked))
            return answered if isinstance(answered, web.Response) else succeed(answered)

    return handle


async def _identify(request: web.Request, bearers: Bearers) -> Bearer:
    """Ask for the pass and for both keys: each must be right, and the same system's."""
    system, secret = (request.headers.getall(name, []) for name in ("X-SystemId", "X-SecretKey"))
    shown = (system[0], secret[0]) if len(system) == len(secret) == 1 else ("", "")
    return await bearers.by_both(request, Audience.LGSP, *shown)


def _asked(request: web.Request, bearer: Bearer, reading: Reading, units: Units, body: bytes) -> Asked:
    fields = fields_of(request)
    call = Call(
        system=bearer.system,
        parameters=Parameters(values=fields),
        snapshot=bearer.snapshot,
        reading=reading,
        units=units,
        body=body,
    )
    media = request.headers.get("Content-Type", "").encode("ascii", "replace").decode()
    return Asked(call=call, content_type=media, fields=fields)


def _answer(request: web.Request, refusal: Refused) -> web.Response:
    login = request.match_info.route.name == LOGIN
    return fail(refusal, request.query.get("docId", "")[:64], login=login)


def _translated(error: web.HTTPException) -> Refused:
    if error.status == 413:
        return Refused(TOO_LARGE)
    if error.status == 404:
        known = ", ".join(operation.path for operation in OPERATIONS)
        return Refused(NOT_FOUND, f"There is no such operation; there are {known}")
    return Refused(METHOD if error.status == 405 else REQUEST, error.reason)
