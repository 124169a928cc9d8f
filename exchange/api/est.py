"""Enrolment over Secure Transport (RFC 7030), for systems that renew their certificates by themselves.

The clients speak HTTP Basic or mutual TLS, PKCS#10 and PKCS#7, all in base64; what is asked and answered is what the native
routes ask and answer. While an application waits for people, 202 says when to ask again with the very same request.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from exchange.api.applications import applicant_of
from exchange.api.entrance import Entrance
from exchange.api.problems import answer_refusal
from exchange.auth.permissions import Action
from exchange.auth.principal import Principal
from exchange.core.applications import CLOSED, NOT_RENEWABLE, Application, ApplicationState
from exchange.core.proving import Renewal
from exchange.core.reading import Reading
from exchange.errors import REQUEST
from exchange.logs import note
from exchange.net.bodies import announced
from exchange.net.gate import Gate
from trust_store.enrol_answer import write_certificates_only
from trust_store.enrol_request import REQUEST_MALFORMED
from trust_store.errors import Refused

PREFIX: Final = "/.well-known/est"
REQUEST_TYPE: Final = "application/pkcs10"
ANSWER_TYPE: Final = "application/pkcs7-mime; smime-type=certs-only"
RETRY_SECONDS: Final = 60
MAX_BODY: Final = 32 * 1024
_LINE: Final = 64
_EC_KEY: Final = bytes.fromhex("06072a8648ce3d0201")
_P256: Final = bytes.fromhex("06082a8648ce3d030107")
_ECDSA_SHA256: Final = bytes.fromhex("06082a8648ce3d040302")
ATTRIBUTES: Final = b"\x30\x21" + b"\x30\x15" + _EC_KEY + b"\x31\x0a" + _P256 + _ECDSA_SHA256
"""RFC 7030, 4.5.2: a key on P-256, and a request signed by ECDSA with SHA-256."""
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Est:
    """Answer the four operations of RFC 7030 that this hub has."""

    def __init__(self, reading: Reading, gate: Gate, entrance: Entrance) -> None:
        self._reading, self._gate, self._entrance = reading, gate, entrance

    def mount(self, app: web.Application) -> None:
        """Add the operations to an application."""
        app.router.add_get(f"{PREFIX}/cacerts", _answering(self._authorities))
        app.router.add_get(f"{PREFIX}/csrattrs", _answering(self._attributes))
        app.router.add_post(f"{PREFIX}/simpleenroll", _answering(self._enrol))
        app.router.add_post(f"{PREFIX}/simplereenroll", _answering(self._renew))

    async def _authorities(self, _request: web.Request) -> web.StreamResponse:
        """4.1: the authority that issues, and those above it; whoever trusts it compares it by another way first."""
        authorities = self._reading.hub.enrolment.authority.certificates()
        return _base64(write_certificates_only(authorities), ANSWER_TYPE)

    async def _attributes(self, _request: web.Request) -> web.StreamResponse:
        """4.5: what a request should be like."""
        return _base64(ATTRIBUTES, "application/csrattrs")

    async def _enrol(self, request: web.Request) -> web.StreamResponse:
        """4.2.1: ask for a certificate, or ask again whether it is there."""
        return await self._apply(request, renews=False)

    async def _renew(self, request: web.Request) -> web.StreamResponse:
        """4.2.2: ask for the successor of the certificate that the client shows at the TLS handshake."""
        return await self._apply(request, renews=True)

    async def _apply(self, request: web.Request, *, renews: bool) -> web.StreamResponse:
        with self._gate.admission.slot() as slot:
            principal = await self._entrance.identify_basic(request)
            party = principal.party.id
            note(party=party)
            slot.claim(party)
            self._gate.rates.count_request(party)
            await self._entrance.permit(request, principal, Action.APPLY)
            with self._gate.admission.room(party, announced(request, MAX_BODY)):
                body = await self._gate.receive(request, party, MAX_BODY)
                return await self._gate.finish(self._take(request, principal, body, renews=renews))

    async def _take(
        self, request: web.Request, principal: Principal, body: bytes, *, renews: bool
    ) -> web.StreamResponse:
        if request.content_type != REQUEST_TYPE:
            raise Refused(REQUEST, f"The body must be {REQUEST_TYPE}", where="header Content-Type")
        if renews and not principal.certificate:
            raise Refused(NOT_RENEWABLE, "Show the certificate in force at the TLS handshake")
        renewal = Renewal(certificate=principal.certificate) if renews else None
        enrolment = self._reading.hub.enrolment
        application = await enrolment.request(applicant_of(principal), _decoded(body), renewal)
        if application.state is not ApplicationState.COMPLETED:
            return _waiting(application)
        chain = await enrolment.certificate_of(application)
        return _base64(write_certificates_only(chain[:1]), ANSWER_TYPE)


def _answering(handler: _Handler) -> _Handler:
    """Answer refusals as RFC 7030 (4.2.3) has it: a status, and a text for people."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refusal:
            note(code=refusal.reason.code)
            known = answer_refusal(refusal)
            headers = {name: known.headers[name] for name in ("Retry-After",) if name in known.headers}
            if known.status == 401:
                headers["WWW-Authenticate"] = 'Basic realm="congvan", charset="UTF-8"'
            text = f"{refusal.reason.code}: {refusal.text}\n"
            return web.Response(text=text, status=400 if known.status == 422 else known.status, headers=headers)

    return handle


def _waiting(application: Application) -> web.StreamResponse:
    """4.2.3: people have not decided yet; or they have, against it."""
    if application.state not in {ApplicationState.PENDING, ApplicationState.APPROVED}:
        raise Refused(CLOSED, f"The application is {application.state}. {application.why}".strip())
    text = (
        f"Application {application.id} of {application.party} waits for approval; send the same request again later.\n"
        f"Tell the administrator of the hub the SHA-256 of its key: {application.key_print}\n"
    )
    return web.Response(text=text, status=202, headers={"Retry-After": str(RETRY_SECONDS)})


def _base64(data: bytes, kind: str) -> web.Response:
    """Write base64 in lines, as clients of RFC 7030 read it (RFC 8951, 3.1)."""
    text = base64.b64encode(data)
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    headers = {"Content-Type": kind, "Content-Transfer-Encoding": "base64"}
    return web.Response(body=b"\n".join(lines) + b"\n", headers=headers)


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(REQUEST_MALFORMED, "The body is not PKCS#10 in base64") from None
