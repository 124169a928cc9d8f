"""Let systems in that show their secret, or a pass that they were given for it; the dialects beside the axis ask here."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from exchange.auth import passes
from exchange.auth.passes import BAD_PASS, Audience
from exchange.auth.refusals import Refusals
from exchange.core.audit import AuditEntry, AuditEvent
from exchange.core.particulars import CODE
from exchange.core.reading import Reading
from exchange.core.snapshot import Snapshot
from exchange.core.systems import System, SystemId, SystemStatus
from exchange.errors import REQUEST
from exchange.logs import note
from exchange.net.bodies import announced
from exchange.net.gate import Gate
from exchange.net.origin import client_of
from exchange.ngsp.entrance import SYSTEM_SUSPENDED
from trust_store.errors import Refused, reason

WRONG_SECRET = reason(
    "system-login",
    "There is no such system, or this is not its secret",
    "Compare systemid and secret with what the administrator of the hub gave",
)
NO_PASS = reason(
    "pass-missing",
    "The request carries no pass",
    "Log in with systemid and secret, and send 'Authorization: Bearer <pass>'",
)
FAILURES: Final = (WRONG_SECRET, BAD_PASS)
"""What counts against the address that it came from."""
_NO_KEY: Final = b"nobody has this secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Hold a system that may speak, the directory of that moment, and the secret that it showed, if it showed one."""

    system: System
    snapshot: Snapshot
    secret: bytes = b""


class Bearers:
    """Find out which system is asking, and audit what is turned away."""

    def __init__(self, reading: Reading, gate: Gate) -> None:
        self.reading, self.gate = reading, gate
        self._refusals = Refusals(lambda: (reading.hub.store.audit, reading.hub.clock))

    async def by_secret(self, request: web.Request, system: str, secret: str) -> Bearer:
        """Let a system in by its secret, which is compared in constant time.

        Raises:
            Refused: `system-login`, `system-suspended`, or `rate-limited`.
        """
        async with self._noting(request, system):
            return (await self._by_secret(SystemId(system), secret))[0]

    async def by_pass(self, request: web.Request, audience: Audience) -> Bearer:
        """Let a system in by its pass alone.

        Raises:
            Refused: `pass-missing`, `pass-invalid`, `system-suspended`, or `rate-limited`.
        """
        token = bearer_of(request)
        async with self._noting(request, ""):
            shown = passes.read(token)
        async with self._noting(request, shown.system):
            keys, snapshot = await self._keys(shown.system)
            shown.check(keys, audience, self.reading.hub.clock.now())
            return Bearer(system=_active(snapshot, shown.system), snapshot=snapshot)

    async def by_both(self, request: web.Request, audience: Audience, system: str, secret: str) -> Bearer:
        """Let a system in that shows its secret and a pass of its own.

        Raises:
            Refused: as `by_secret` and `by_pass`.
        """
        async with self._noting(request, system):
            bearer, keys = await self._by_secret(SystemId(system), secret)
            shown = passes.read(bearer_of(request))
            if shown.system != bearer.system.id:
                raise Refused(BAD_PASS, "The pass is another system's")
            shown.check(keys, audience, self.reading.hub.clock.now())
            return bearer

    @contextlib.asynccontextmanager
    async def let_in(
        self, request: web.Request, identify: Callable[[], Awaitable[Bearer]], limit: int
    ) -> AsyncIterator[tuple[Bearer, bytes]]:
        """Work for a system while the block runs: nothing of the body is read before it is known who sends it.

        Raises:
            Refused: as `identify`; the body is too large, too slow or compressed; the hub is busy or stopping.
        """
        with self.gate.admission.slot() as slot:
            bearer = await identify()
            owner = f"system {bearer.system.id}"
            note(system=bearer.system.id)
            slot.claim(owner)
            self.gate.rates.count_request(owner)
            if request.headers.get("Content-Encoding", "identity") != "identity":
                raise Refused(REQUEST, "Compressed bodies are not taken", where="header Content-Encoding")
            with self.gate.admission.room(owner, announced(request, limit)) as room:
                body = await self.gate.receive(request, owner, limit)
                room.shrink(len(body))
                yield bearer, body

    async def close(self, _app: web.Application) -> None:
        """Write what was counted and not written one by one."""
        await self._refusals.close()

    async def _by_secret(self, name: SystemId, secret: str) -> tuple[Bearer, Sequence[bytes]]:
        keys, snapshot = await self._keys(name)
        shown = _digest(secret.encode(errors="surrogateescape"))
        matches = [key for key in keys or (_NO_KEY,) if hmac.compare_digest(_digest(key), shown)]
        if not keys or not matches:
            raise Refused(WRONG_SECRET)
        return Bearer(system=_active(snapshot, name), snapshot=snapshot, secret=matches[0]), keys

    async def _keys(self, name: SystemId) -> tuple[Sequence[bytes], Snapshot]:
        hub = self.reading.hub
        snapshot = await hub.store.directory.snapshot()
        keys = await hub.store.systems.secrets(name, hub.clock.now()) if name in snapshot.systems else ()
        return keys, snapshot

    @contextlib.asynccontextmanager
    async def _noting(self, request: web.Request, claimed: str) -> AsyncIterator[None]:
        """Audit a refusal by the pattern of the address, and count it against where it came from."""
        try:
            yield
        except Refused as refusal:
            client, resource = client_of(request, self.gate.proxies), request.match_info.route.resource
            named = claimed if CODE.fullmatch(claimed) else "(no systemid)"
            entry = AuditEntry(
                event=AuditEvent.AUTHENTICATION_FAILED,
                actor=f"address {client}, as system {named}",
                subject=f"{request.method} {resource.canonical if resource else ''}",
                detail=f"{refusal.reason.code}: {refusal.detail}",
            )
            await self._refusals.note(entry)
            if refusal.reason in FAILURES:
                self.gate.rates.count_failure(client)
            raise


def bearer_of(request: web.Request) -> str:
    """Give what stands after Bearer in the one Authorization header (RFC 6750).

    Raises:
        Refused: `pass-missing`.
    """
    shown = request.headers.getall("Authorization", [])
    scheme, _, token = (shown[0] if len(shown) == 1 else "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(NO_PASS)
    return token.strip()


def _digest(secret: bytes) -> bytes:
    """Make secrets equally long, so that comparing them tells nothing of their length either."""
    return hashlib.sha256(secret).digest()


def _active(snapshot: Snapshot, name: SystemId) -> System:
    """Give the system if it may speak; told only to whoever showed that it is this system."""
    system = snapshot.systems[name]
    if system.status is SystemStatus.SUSPENDED:
        raise Refused(SYSTEM_SUSPENDED, f"{system.name} is suspended")
    return system
