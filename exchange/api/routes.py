"""The shape of a route: what the server serves and the description describes come from one table of these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web

from exchange.core.model import Party
from exchange.core.reading import Reading
from exchange.errors import REQUEST
from trust_store.errors import Refused

XML: Final = "application/xml"
MAX_LIMIT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Hold a request together with the party that makes it and the hub that answers, through `reading`."""

    request: web.Request
    reading: Reading
    party: Party
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Describe a query parameter; `kind` is its JSON Schema type."""

    name: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Describe one operation. `takes` and `gives` are views, None for XML bytes; `many`: a list of `gives`."""

    method: str
    path: str
    name: str
    text: str
    handler: Callable[[Asked], Awaitable[web.StreamResponse]]
    gives: type | None
    takes: type | None = None
    takes_xml: bool = False
    many: bool = False
    status: int = 200
    queries: tuple[Query, ...] = ()


LIMIT = Query(name="limit", kind="integer", text=f"How many at most, 1 to {MAX_LIMIT}; 50 unless told")
AFTER = Query(name="after", kind="string", text="The key of the last delivery of the page before")
BEFORE = Query(name="before", kind="string", text="Only those submitted before this moment (RFC 3339)")
WAITING = Query(name="waiting", kind="boolean", text="Only deliveries that were not acknowledged yet; true unless told")


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


def flag_of(request: web.Request, name: str, *, default: bool) -> bool:
    """Read a true/false parameter.

    Raises:
        Refused: `request-malformed`.
    """
    text = request.query.get(name, str(default).lower())
    if text not in {"true", "false"}:
        raise Refused(REQUEST, f"{name} must be true or false", where=f"query parameter {name}")
    return text == "true"
