"""The shape of a route: what the server serves and the description describes come from one table of these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiohttp import web

from exchange.auth.permissions import Action
from exchange.auth.principal import Principal
from exchange.core.mailbox import Mailbox
from exchange.core.model import Party
from exchange.core.reading import Reading
from exchange.errors import REQUEST
from exchange.net.gate import Gate
from trust_store.errors import Refused

XML: Final = "application/xml"
MAX_LIMIT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Hold a request together with who makes it and the hub that answers, through `reading`.

    `gate` holds the limits, for a handler that reads the body itself. `admit` asks again who is asking and whether that one
    may, for a handler that waits; it raises `Refused` as at the beginning.
    """

    request: web.Request
    reading: Reading
    principal: Principal
    gate: Gate
    admit: Callable[[], Awaitable[object]]
    body: bytes = b""

    @property
    def party(self) -> Party:
        """Give the party that is asking."""
        return self.principal.party

    @property
    def by(self) -> str:
        """Name the credentials that were shown."""
        return self.principal.credential

    @property
    def mailbox(self) -> Mailbox:
        """Give what keeps the party's mailbox."""
        return Mailbox(hub=self.reading.hub)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Describe a query parameter; `kind` is its JSON Schema type, `rules` are what else its JSON Schema says."""

    name: str
    kind: str
    text: str
    rules: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Describe a header that a request must have; `rules` is its JSON Schema."""

    name: str
    text: str
    rules: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Describe one operation. `takes` and `gives` are views, None for XML bytes; `many`: a list of `gives`.

    `action` is what the permissions are asked for (see `exchange.auth.permissions`).

    `streams`: the handler reads the body itself, with `Gate.stream`, and takes the time that it needs.
    `takes_media`: what a body that streams is; `gives_media`: what comes without a view, empty for headers alone.
    `other_media`: what the body of a table may be as well, in and out.
    `waits`: the seconds that it may wait for news on purpose; meanwhile it does not count as being worked on.
    """

    method: str
    path: str
    name: str
    text: str
    action: Action
    handler: Callable[[Asked], Awaitable[web.StreamResponse]]
    gives: type | None
    takes: type | None = None
    takes_xml: bool = False
    many: bool = False
    status: int = 200
    queries: tuple[Query, ...] = ()
    headers: tuple[Header, ...] = ()
    streams: bool = False
    takes_media: str = ""
    gives_media: str = XML
    other_media: str = ""
    waits: float = 0.0


LIMIT = Query(
    name="limit",
    kind="integer",
    text=f"How many at most, 1 to {MAX_LIMIT}; 50 unless told",
    rules={"minimum": 1, "maximum": MAX_LIMIT},
)


def answer(view: msgspec.Struct | Sequence[msgspec.Struct], status: int = 200) -> web.Response:
    """Answer with a view as JSON."""
    return web.Response(body=msgspec.json.encode(view), status=status, content_type="application/json")


def limit_of(request: web.Request) -> int:
    """Read the `limit` of a request.

    Raises:
        Refused: `request-malformed`.
    """
    text = request.query.get("limit", "50")
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= MAX_LIMIT:
        raise Refused(REQUEST, f"limit must be a number from 1 to {MAX_LIMIT}", where="query parameter limit")
    return int(text)
