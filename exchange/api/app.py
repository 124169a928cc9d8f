"""The native REST API as an aiohttp application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from exchange.api import (
    administration,
    applications,
    authorities,
    directory,
    enrolments,
    mailbox,
    messages,
    notices,
    quarantine,
    registration,
    revocations,
    signatures,
    stamps,
    systems,
    uploads,
)
from exchange.api.description import describe
from exchange.api.entrance import Entrance
from exchange.api.est import Est
from exchange.api.log import OpenLog
from exchange.api.operation import add_operation
from exchange.api.problems import answer_problems
from exchange.api.routes import Asked, Route, answer
from exchange.api.views import HubCertificateView, TrustView
from exchange.api.witness import OpenWitness
from exchange.core.keys import HubKey, ended_at
from exchange.core.reading import Reading
from exchange.errors import REQUEST
from exchange.logs import note
from exchange.net.bodies import announced
from exchange.net.gate import Gate
from exchange.net.guard import waiting
from exchange.net.limits import Limits
from exchange.operation.observing import observe, sign_answer
from exchange.operation.watch import Watch
from trust_store.errors import Refused

ROUTES: Final[tuple[Route, ...]] = (
    *messages.ROUTES,
    *signatures.ROUTES,
    *mailbox.ROUTES,
    *directory.ROUTES,
    *registration.ROUTES,
    *revocations.ROUTES,
    *administration.ROUTES,
    *systems.ROUTES,
    *notices.ROUTES,
    *quarantine.ROUTES,
    *authorities.ROUTES,
    *applications.ROUTES,
    *enrolments.ROUTES,
    *stamps.ROUTES,
)
STREAMS: Final[tuple[Route, ...]] = uploads.ROUTES
"""What speaks in headers and bytes: files beside letters."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(reading: Reading, *, max_message_bytes: int, watch: Watch, gate: Gate | None = None) -> web.Application:
    """Build the application for one hub; a message of more than `max_message_bytes` bytes is refused unread."""
    gate = gate or Gate(Limits())
    entrance = Entrance(reading, gate)
    app = web.Application(middlewares=[observe(watch), answer_problems], client_max_size=max_message_bytes)
    for route in (*ROUTES, *STREAMS):
        app.router.add_route(route.method, route.path, _serve(route, reading, max_message_bytes, gate, entrance))
    description = msgspec.json.encode(describe((*ROUTES, *STREAMS)))
    app.router.add_get("/openapi.json", _constant(description))
    app.router.add_get("/v1/trust", _trust(reading))
    Est(reading, gate, entrance).mount(app)
    OpenLog(reading, gate).mount(app)
    OpenWitness(reading, gate).mount(app)
    add_operation(app, watch)
    app.on_cleanup.append(entrance.close)
    app.on_response_prepare.extend((_harden, sign_answer, uploads.sign_tus))
    return app


def _serve(route: Route, reading: Reading, limit: int, gate: Gate, entrance: Entrance) -> Handler:
    """Let a request in before anything of its body is read, and answer it within the time that it may take."""

    async def handle(request: web.Request) -> web.StreamResponse:
        with gate.admission.slot() as slot:
            admit = partial(_admit, request, route, entrance)
            principal = await entrance.identify(request)
            party = principal.party
            note(party=party.id)
            slot.claim(party.id)
            gate.rates.count_request(party.id)
            await entrance.permit(request, principal, route.action)
            _check(request)
            if route.streams:
                return await route.handler(
                    Asked(request=request, reading=reading, principal=principal, gate=gate, admit=admit)
                )
            with gate.admission.room(party.id, announced(request, limit)) as room:
                body = await gate.receive(request, party.id, limit)
                room.shrink(len(body))
                asked = Asked(request=request, reading=reading, principal=principal, gate=gate, admit=admit, body=body)
                if not route.waits:
                    return await gate.finish(route.handler(asked))
                slot.leave()
                with waiting(request):
                    return await gate.finish(route.handler(asked), route.waits)

    return handle


async def _admit(request: web.Request, route: Route, entrance: Entrance) -> None:
    """Let the same request in once more."""
    await entrance.permit(request, await entrance.identify(request), route.action)


def _check(request: web.Request) -> None:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(REQUEST, "Compressed bodies are not taken", where="header Content-Encoding")
    if len(request.query_string) > 2048:
        raise Refused(REQUEST, "The query is too long")


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Say no more than needed, and keep browsers from guessing what documents are."""
    response.headers["Server"] = "congvan"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")


def _constant(body: bytes) -> Handler:
    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    return handle


def _hub_certificate(known: Sequence[HubKey], key: HubKey) -> HubCertificateView:
    return HubCertificateView(
        certificate=key.certificate.pem.decode(),
        fingerprint=key.certificate.fingerprint,
        signs_from=key.since,
        signs_until=ended_at(known, key),
        retired_at=key.retired_at,
        compromised_from=key.compromised_from,
        why=key.why,
    )


def _trust(reading: Reading) -> Handler:
    async def handle(_request: web.Request) -> web.StreamResponse:
        evidence, hub, known = await reading.hub.store.trust.evidence(), reading.hub, await reading.hub.keys.known()
        view = TrustView(
            name=hub.registrar.issuer.name,
            code=hub.registrar.issuer.code,
            anchors=[anchor.pem.decode() for anchor in evidence.anchors],
            certificate=(await hub.signer()).certificate.pem.decode(),
            certificates=[_hub_certificate(known, each) for each in known],
        )
        return answer(view)

    return handle
