"""The one place where the listener asks which system a request comes from."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from exchange.auth.refusals import Refusals
from exchange.core.audit import AuditEntry, AuditEvent
from exchange.core.reading import Reading
from exchange.core.snapshot import Snapshot
from exchange.core.systems import System, SystemId, SystemStatus
from exchange.net.gate import Gate
from exchange.net.origin import client_of
from exchange.ngsp.headers import BAD_SECRET, HEADER_CUT, HEADER_DIFFERS, Parameters, Signed, read_signed
from trust_store.errors import Refused, reason

SYSTEM_SUSPENDED = reason(
    "system-suspended", "This system is suspended", "Ask the administrator of the hub why and until when"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Hold a system that was authenticated, what it says, and the directory of that moment."""

    system: System
    parameters: Parameters
    snapshot: Snapshot


class Entrance:
    """Let requests in, and audit those that are turned away."""

    def __init__(self, reading: Reading, gate: Gate) -> None:
        self._reading, self._gate = reading, gate
        self._refusals = Refusals(lambda: (reading.hub.store.audit, reading.hub.clock))

    async def identify(self, request: web.Request) -> Caller:
        """Find out which system is asking; an address that fails too often hears no more about it.

        Raises:
            Refused: a header is missing or wrong, the secret is another, the system is suspended, or `rate-limited`.
        """
        signed = read_signed(request.raw_headers)
        try:
            return await self._check(signed)
        except Refused as refusal:
            await self._note(request, signed.system, refusal)
            raise

    async def close(self, _app: web.Application) -> None:
        """Write what was counted and not written one by one."""
        await self._refusals.close()

    async def _check(self, signed: Signed) -> Caller:
        hub = self._reading.hub
        name, snapshot = SystemId(signed.system), await hub.store.directory.snapshot()
        system = snapshot.systems.get(name)
        keys = await hub.store.systems.secrets(name, hub.clock.now()) if system else ()
        parameters = signed.check(keys)
        if system is None:
            raise Refused(BAD_SECRET)
        if system.status is SystemStatus.SUSPENDED:
            raise Refused(SYSTEM_SUSPENDED, f"{system.name} is suspended")
        return Caller(system=system, parameters=parameters, snapshot=snapshot)

    async def _note(self, request: web.Request, claimed: str, refusal: Refused) -> None:
        """Audit a failure to authenticate, and count it against the address that it came from."""
        client = client_of(request, self._gate.proxies)
        actor = f"address {client}, as system {claimed[:64]}"
        resource = request.match_info.route.resource
        asked = f"{request.method} {resource.canonical if resource else ''}"
        detail = f"{refusal.reason.code}: {refusal.detail}"
        entry = AuditEntry(event=AuditEvent.AUTHENTICATION_FAILED, actor=actor, subject=asked, detail=detail)
        await self._refusals.note(entry)
        if refusal.reason in (BAD_SECRET, HEADER_CUT, HEADER_DIFFERS):
            self._gate.rates.count_failure(client)
