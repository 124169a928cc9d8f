"""The one place where requests are asked who they come from and whether that one may do what they ask."""

from __future__ import annotations

from aiohttp import web

from exchange.auth.basic import read_basic
from exchange.auth.permissions import Action, permit
from exchange.auth.principal import CREDENTIALS_DIFFER, Credentials, Principal, authenticate
from exchange.auth.refusals import Refusals
from exchange.core.audit import AuditEntry, AuditEvent
from exchange.core.reading import Reading
from exchange.errors import UNAUTHENTICATED
from exchange.net.gate import Gate
from exchange.net.origin import client_of
from exchange.net.tls import peer_certificate
from trust_store.errors import Refused
from trust_store.identity import names


class Entrance:
    """Let requests in, and audit those that are turned away."""

    def __init__(self, reading: Reading, gate: Gate) -> None:
        self._reading, self._gate = reading, gate
        self._refusals = Refusals(lambda: (reading.hub.store.audit, reading.hub.clock))

    async def identify(self, request: web.Request) -> Principal:
        """Find out who is asking; an address that fails too often hears no more about it.

        Raises:
            Refused: `unauthenticated`, `credentials-differ`, `party-suspended`, or `rate-limited`.
        """
        return await self._identify(request, request.headers.get("Authorization", ""))

    async def identify_basic(self, request: web.Request) -> Principal:
        """Find out who is asking by HTTP Basic (RFC 7617): a code of the party as the name, its code or token as password.

        Raises:
            Refused: as `identify`.
        """
        name, secret = read_basic(request.headers.get("Authorization", ""))
        return await self._identify(request, f"Bearer {secret}" if secret else "", name)

    async def _identify(self, request: web.Request, authorization: str, name: str = "") -> Principal:
        hub, certificate = self._reading.hub, peer_certificate(request)
        credentials = Credentials(authorization=authorization, certificate=certificate)
        try:
            principal = await authenticate(credentials, hub.store, hub.clock, hub.registrar.issuer)
            if name and not names(principal.party.identity, name):
                raise Refused(UNAUTHENTICATED, "The name and the password belong to different parties")
            return principal
        except Refused as refusal:
            if authorization or certificate:
                client = client_of(request, self._gate.proxies)
                await self._note(AuditEvent.AUTHENTICATION_FAILED, f"address {client}", request, refusal)
                if refusal.reason in (UNAUTHENTICATED, CREDENTIALS_DIFFER):
                    self._gate.rates.count_failure(client)
            raise

    async def permit(self, request: web.Request, principal: Principal, action: Action) -> None:
        """Let a principal do what it asks.

        Raises:
            Refused: `forbidden`.
        """
        try:
            permit(principal, action)
        except Refused as refusal:
            await self._note(AuditEvent.PERMISSION_REFUSED, principal.actor, request, refusal)
            raise

    async def close(self, _app: web.Application) -> None:
        """Write what was counted and not written one by one."""
        await self._refusals.close()

    async def _note(self, event: AuditEvent, actor: str, request: web.Request, refusal: Refused) -> None:
        """Audit a refusal, by the pattern of the address: what was asked in particular may be anything."""
        resource = request.match_info.route.resource
        asked = f"{request.method} {resource.canonical if resource else ''}"
        entry = AuditEntry(event=event, actor=actor, subject=asked, detail=f"{refusal.reason.code}: {refusal.detail}")
        await self._refusals.note(entry)
