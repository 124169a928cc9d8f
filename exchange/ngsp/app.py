"""The listener for document management systems as an aiohttp application: whatever happens, it answers JSON with HTTP 200."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from exchange.core.reading import Reading
from exchange.core.units import UnitAnswer
from exchange.core.units import Units as Lists
from exchange.errors import INTERNAL, METHOD, NOT_FOUND, REQUEST, TOO_LARGE
from exchange.logs import note
from exchange.net.bodies import announced
from exchange.net.gate import Gate
from exchange.net.prepared import answer_prepared
from exchange.ngsp import agencies, receiving, sending, statuses, units
from exchange.ngsp.answers import fail, succeed
from exchange.ngsp.entrance import Entrance
from exchange.ngsp.operations import Call, Operation
from exchange.operation.observing import observe, sign_answer
from exchange.operation.watch import Watch
from trust_store.errors import Refused

OPERATIONS: Final[Mapping[str, Operation]] = {
    operation.name: operation
    for table in (agencies, units, sending, receiving, statuses)
    for operation in table.OPERATIONS
}
MAX_HEADER: Final = 128 * 1024
"""How long a line of headers may be: many receivers make long ones, and the signed text has them once more."""
_LOG = structlog.get_logger("congvan.ngsp")


def build_app(reading: Reading, *, watch: Watch, gate: Gate, prefix: str = "") -> web.Application:
    """Build the application for one hub; `prefix` is put before the name of every operation."""
    entrance = Entrance(reading, gate)
    lists = Lists(reading.hub.store.directory, reading.hub.workers, reading.hub.registrar.issuer.code)
    app = web.Application(middlewares=[observe(watch), answer_failures])
    for operation in OPERATIONS.values():
        handler = _serve(operation, reading, gate, entrance, lists)
        app.router.add_route(operation.method, f"{prefix}/{operation.name}", handler, name=operation.name)
    app.on_cleanup.append(entrance.close)
    app.on_response_prepare.extend((_harden, sign_answer))
    return app


@web.middleware
async def answer_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal and every failure as the client can read it, and have its code logged."""
    try:
        return await handler(request)
    except Refused as refusal:
        return _answer(request, refusal)
    except web.HTTPException as error:
        return _answer(request, _translated(error))
    except Exception:
        _LOG.exception("failed")
        return _answer(request, Refused(INTERNAL))


def answer_refusal(refusal: Refused) -> web.Response:
    """Answer a refusal that no operation gave, such as of what is no HTTP; it may have been meant for sendEdoc."""
    return fail(refusal, OPERATIONS["sendEdoc"].failing)


def _serve(
    operation: Operation, reading: Reading, gate: Gate, entrance: Entrance, lists: Lists
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Let a request in before anything of its body is read, and answer it within the time that it may take."""
    limit = operation.body if operation.body is not None else document_limit(reading.hub.sizes.bound)

    async def handle(request: web.Request) -> web.StreamResponse:
        with gate.admission.slot() as slot:
            caller = await entrance.identify(request)
            owner = f"system {caller.system.id}"
            note(system=caller.system.id)
            slot.claim(owner)
            gate.rates.count_request(owner)
            if request.headers.get("Content-Encoding", "identity") != "identity":
                raise Refused(REQUEST, "Compressed bodies are not taken", where="header Content-Encoding")
            with gate.admission.room(owner, announced(request, limit)) as room:
                body = await gate.receive(request, owner, limit)
                room.shrink(len(body))
                call = Call(
                    system=caller.system,
                    parameters=caller.parameters,
                    snapshot=caller.snapshot,
                    reading=reading,
                    units=lists,
                    body=body,
                )
                return await _completed(request, await gate.finish(operation.handler(call)))

    return handle


def document_limit(most: int) -> int:
    """Tell how long the body with a document of `most` bytes may be: in base64 with its line ends, and a CRLF."""
    return most * 3 // 2 + 1024


async def _completed(
    request: web.Request, answered: Mapping[str, Any] | UnitAnswer | web.Response
) -> web.StreamResponse:
    if isinstance(answered, UnitAnswer):
        tag, changed_at = answered.tag, answered.changed_at
        return await answer_prepared(request, answered.body, answered.packed, tag=tag, changed_at=changed_at)
    return answered if isinstance(answered, web.Response) else succeed(answered)


def _answer(request: web.Request, refusal: Refused) -> web.Response:
    note(code=refusal.reason.code)
    operation = OPERATIONS.get(request.match_info.route.name or "")
    return fail(refusal, operation.failing if operation else None)


def _translated(error: web.HTTPException) -> Refused:
    if error.status == 413:
        return Refused(TOO_LARGE)
    if error.status == 404:
        return Refused(NOT_FOUND, f"There is no such operation; there are {', '.join(sorted(OPERATIONS))}")
    return Refused(METHOD if error.status == 405 else REQUEST, error.reason)


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "congvan"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
