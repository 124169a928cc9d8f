"""The shape of an operation: what the listener serves and what the documentation lists come from one table of these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from envelopes.opened import VIETNAM
from exchange.core.audit import Author
from exchange.core.hub import Hub
from exchange.core.model import Kind, Party, PartyId, PartyStatus
from exchange.core.reading import Reading
from exchange.core.snapshot import Snapshot
from exchange.core.systems import System
from exchange.core.units import UnitAnswer, Units
from exchange.errors import REQUEST
from exchange.ngsp.headers import Parameters
from trust_store.errors import Refused, reason

NOT_OF_SYSTEM = reason(
    "system-sender",
    "The system does not speak for this agency",
    "Name an agency that is registered for the system, or ask the administrator of the hub to add it",
)
SERVICE: Final = "eDoc"
SMALL_BODY: Final = 64 * 1024
MOMENT: Final = "%d/%m/%Y %H:%M:%S"
MAX_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Hold one request of a system that was authenticated: what it said, its body, and the hub that answers."""

    system: System
    parameters: Parameters
    snapshot: Snapshot
    reading: Reading
    units: Units
    body: bytes = b""

    @property
    def hub(self) -> Hub:
        """Give the hub."""
        return self.reading.hub

    @property
    def author(self) -> Author:
        """Make the author of a change that the system makes now."""
        return Author(actor=f"system {self.system.id}", at=self.hub.clock.now())

    @property
    def kind(self) -> Kind:
        """Read which kind of message is asked about; letters unless told."""
        text = self.parameters.get("messagetype").lower()
        if text not in {"", "edoc", "status"}:
            raise Refused(REQUEST, "messagetype is edoc or status", where="XroadVnpt-messagetype")
        return Kind.STATUS if text == "status" else Kind.LETTER

    def own(self, code: str) -> Party | None:
        """Find the party with a code if the system speaks for it."""
        found = self.snapshot.resolve(code)
        return found if found is not None and found.id in self.system.parties else None

    def party(self, key: PartyId) -> Party:
        """Return a party of the system that may take part.

        Raises:
            Refused: `system-sender`.
        """
        found = self.snapshot.parties.get(key)
        if found is None or found.status is PartyStatus.SUSPENDED:
            raise Refused(NOT_OF_SYSTEM, f"{key} is suspended")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Describe one operation; `handler` gives the members of a good answer, a list that is ready, or a whole answer.

    `failing` are the members that the client needs when it fails; `body` is how many bytes it takes, None for a document.
    """

    name: str
    text: str
    handler: Callable[[Call], Awaitable[Mapping[str, Any] | UnitAnswer | web.Response]]
    method: str = "POST"
    failing: Mapping[str, Any] = field(default_factory=dict)
    body: int | None = SMALL_BODY


def message_type(kind: Kind) -> str:
    """Name a kind of message as the dialect does."""
    return "status" if kind is Kind.STATUS else "edoc"


def tell(moment: datetime | None) -> str:
    """Write a moment as the dialect does, in the time of Vietnam; empty when there is none."""
    return moment.astimezone(VIETNAM).strftime(MOMENT) if moment else ""


def read_moment(parameters: Parameters, name: str) -> datetime | None:
    """Read a moment; None when there is none.

    Raises:
        Refused: `request-malformed`.
    """
    text = parameters.get(name).strip()
    if not text:
        return None
    try:
        return datetime.strptime(text, MOMENT).replace(tzinfo=VIETNAM)
    except ValueError:
        raise Refused(REQUEST, f"{name} is like 01/01/2020 00:00:00", where=f"XroadVnpt-{name}") from None


def read_page(parameters: Parameters) -> tuple[int, int]:
    """Read which page is wanted, as offset and limit; pages count from 1, and 0 is the first one too.

    Raises:
        Refused: `request-malformed`.
    """
    size, index = (_number(parameters, name, usual) for name, usual in (("pageSize", MAX_PAGE), ("pageIndex", 1)))
    limit = max(1, min(size, MAX_PAGE))
    return (max(1, index) - 1) * limit, limit


def _number(parameters: Parameters, name: str, usual: int) -> int:
    text = parameters.get(name).strip()
    if not text:
        return usual
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Refused(REQUEST, f"{name} is a number from 0 to 999999999", where=f"XroadVnpt-{name}")
    return int(text)
