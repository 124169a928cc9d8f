"""The async client: adapters, the command line, tests and customers use this and nothing deeper."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import msgspec

from exchange.api.views import (
    DeliveryView,
    LeaseRequest,
    MessageView,
    MomentView,
    PartyView,
    Problem,
    ReceiptView,
    SubmissionView,
    TrustView,
)
from trust_store.errors import Reason, Refused, reason

UNREACHABLE = reason(
    "hub-unreachable", "The hub does not answer", "Check the address and the network; sending again is always safe"
)
_T = TypeVar("_T")


class HubRefused(Refused):
    """The hub refused a request: reason, detail and place as the hub gave them.

    `status` is the HTTP status; `evidence` names the hub's SubmissionRejection, empty when there is none.
    """

    def __init__(self, problem: Problem) -> None:
        why = Reason(code=problem.code, title=problem.title, fix=problem.fix)
        super().__init__(why, problem.detail, where=problem.where)
        self.status, self.evidence = problem.status, problem.evidence


class Client:
    """Talk to one hub on behalf of one party; use it as an async context manager.

    Every method raises `HubRefused` when the hub refuses, and `Refused` (hub-unreachable) when it does not answer.
    """

    def __init__(self, url: str, token: str = "", *, timeout: float = 120.0) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        limits = aiohttp.ClientTimeout(total=timeout)
        try:
            self._session = aiohttp.ClientSession(url.rstrip("/") + "/", headers=headers, timeout=limits)
        except ValueError:
            raise Refused(UNREACHABLE, f"{url} is not an address such as http://127.0.0.1:8800") from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def submit(self, document: bytes) -> SubmissionView:
        """Send a signed document; sending the same bytes again gives the same receipt."""
        headers = {"Content-Type": "application/xml"}
        return _decoded(await self._bytes("POST", "v1/messages", data=document, headers=headers), SubmissionView)

    async def sent(self, *, before: str = "", limit: int = 50) -> list[MessageView]:
        """List what was sent, newest first, submitted before a moment (RFC 3339)."""
        query = {"limit": str(limit)} | ({"before": before} if before else {})
        return _decoded(await self._bytes("GET", "v1/messages", params=query), list[MessageView])

    async def message(self, key: str) -> MessageView:
        """Show a message that was sent or received."""
        return _decoded(await self._bytes("GET", f"v1/messages/{key}"), MessageView)

    async def content(self, key: str) -> bytes:
        """Download the very bytes that the sender signed."""
        return await self._bytes("GET", f"v1/messages/{key}/content")

    async def timeline(self, key: str) -> list[MomentView]:
        """Tell what happened to a message so far."""
        return _decoded(await self._bytes("GET", f"v1/messages/{key}/timeline"), list[MomentView])

    async def inbox(self, *, waiting: bool = True, after: str = "", limit: int = 50) -> list[DeliveryView]:
        """List the mailbox, oldest first, from behind the delivery `after`."""
        query = {"waiting": str(waiting).lower(), "limit": str(limit)} | ({"after": after} if after else {})
        return _decoded(await self._bytes("GET", "v1/inbox", params=query), list[DeliveryView])

    async def lease(self, *, limit: int = 10, lease: float = 60.0, wait: float = 0.0) -> list[DeliveryView]:
        """Lease waiting deliveries for `lease` seconds, waiting up to `wait` seconds for one."""
        wanted = LeaseRequest(limit=limit, lease_seconds=lease, wait_seconds=wait)
        body = msgspec.json.encode(wanted)
        return _decoded(await self._bytes("POST", "v1/inbox/leases", data=body), list[DeliveryView])

    async def acknowledge(self, delivery: str) -> ReceiptView:
        """Say that a message is safely received; the same receipt comes at every repetition."""
        return _decoded(await self._bytes("POST", f"v1/inbox/{delivery}/acknowledgement"), ReceiptView)

    async def evidence(self, key: str) -> bytes:
        """Download a receipt (sealed XML)."""
        return await self._bytes("GET", f"v1/evidence/{key}")

    async def whoami(self) -> PartyView:
        """Show the party that the token speaks for."""
        return _decoded(await self._bytes("GET", "v1/whoami"), PartyView)

    async def parties(self) -> list[PartyView]:
        """List the parties that can be written to."""
        return _decoded(await self._bytes("GET", "v1/parties"), list[PartyView])

    async def trust(self) -> TrustView:
        """Show what to verify the hub's receipts with; compare it once with what the operator published elsewhere."""
        return _decoded(await self._bytes("GET", "v1/trust"), TrustView)

    async def _bytes(self, method: str, path: str, **options: Any) -> bytes:
        try:
            async with self._session.request(method, path, **options) as response:
                body = await response.read()
                if response.status < 400:
                    return body
                raise HubRefused(_problem(response.status, body))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Refused(UNREACHABLE, f"The hub does not answer: {type(error).__name__}") from None


def _decoded(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:
        raise Refused(UNREACHABLE, "What answers at this address is not a hub of this kind") from None


def _problem(status: int, body: bytes) -> Problem:
    try:
        return msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem(
            type="about:blank",
            title=UNREACHABLE.title,
            status=status,
            code=UNREACHABLE.code,
            detail=f"HTTP {status} without an explanation",
            fix=UNREACHABLE.fix,
        )
