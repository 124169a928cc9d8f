"""Read what a request searches a mailbox for, and point to the next page (RFC 8288)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from aiohttp import web

from exchange.api.routes import LIMIT, Query, limit_of
from exchange.core.finding import Box, Search
from exchange.core.lifecycle import State
from exchange.core.model import Kind
from exchange.errors import REQUEST
from trust_store.errors import Refused

MAX_TEXT: Final = 200
SEARCH: Final = (
    Query(name="box", kind="string", text=f"Which part: {', '.join(Box)}"),
    Query(name="kind", kind="string", text="letter or status"),
    Query(name="business", kind="integer", text="The document type: 0 new, 1 revoke, 2 update, 3 replace"),
    Query(name="number", kind="string", text="The number of the document's code"),
    Query(name="notation", kind="string", text="The notation of the document's code"),
    Query(name="document_id", kind="string", text="The document's own id"),
    Query(name="state", kind="string", text="Where the document stands at the receiver, as in the life-cycle"),
    Query(name="text", kind="string", text="A part of the subject; without diacritics it matches with and without"),
    Query(name="since", kind="string", text="Consigned (or sent) at this moment or later (RFC 3339)"),
    Query(name="until", kind="string", text="Consigned (or sent) before this moment (RFC 3339)"),
    Query(name="issued_since", kind="string", text="Issued on this day or later (YYYY-MM-DD)"),
    Query(name="issued_until", kind="string", text="Issued on this day or earlier (YYYY-MM-DD)"),
    Query(name="after", kind="string", text="The last line of the page before; the Link header has the next page"),
    LIMIT,
)
SENDER: Final = Query(name="sender", kind="string", text="Only from this party")
RECEIVER: Final = Query(name="receiver", kind="string", text="Only to this party")


def search_of(request: web.Request, other: str, box: Box, kind: str = "") -> Search:
    """Read a search; `other` names the parameter of the other side, `box` and `kind` say what is wanted when nothing is.

    Raises:
        Refused: `request-malformed`.
    """
    query = request.query
    business = _one_of(query, "business", ("0", "1", "2", "3"), "")
    return Search(
        box=Box(_one_of(query, "box", tuple(Box), box)),
        kind=_one_of(query, "kind", tuple(Kind), kind),
        business=int(business) if business else None,
        other=_short(query, other),
        number=_short(query, "number"),
        notation=_short(query, "notation"),
        document_id=_short(query, "document_id"),
        state=_one_of(query, "state", tuple(State), ""),
        text=_short(query, "text"),
        since=moment_of(query, "since"),
        until=moment_of(query, "until"),
        issued_since=_day(query, "issued_since"),
        issued_until=_day(query, "issued_until"),
        after=_short(query, "after"),
        limit=limit_of(request),
    )


def moment_of(query: Mapping[str, str], name: str) -> datetime | None:
    """Read a moment; it must say its time zone."""
    text = query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        in_range = moment.tzinfo is not None and 1970 <= moment.year <= 9000
    except ValueError:
        in_range = False
    if not in_range:
        raise Refused(REQUEST, f"{name} must be a moment with a time zone", where=f"query parameter {name}")
    return moment


def point_on(request: web.Request, response: web.Response, last: str, *, full: bool) -> web.Response:
    """Name the next page in the Link header, when this page is full."""
    if full:
        following = request.rel_url.update_query(after=last)
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def _short(query: Mapping[str, str], name: str) -> str:
    text = query.get(name, "")
    if len(text) > MAX_TEXT or "\0" in text or not text.isprintable():
        raise Refused(
            REQUEST, f"{name} must be plain text of at most {MAX_TEXT} characters", where=f"query parameter {name}"
        )
    return text


def _one_of(query: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    text = query.get(name, default)
    if text != default and text not in allowed:
        raise Refused(REQUEST, f"{name} must be one of {', '.join(allowed)}", where=f"query parameter {name}")
    return text


def _day(query: Mapping[str, str], name: str) -> str:
    text = query.get(name, "")
    if text:
        try:
            text = date.fromisoformat(text).isoformat()
        except ValueError:
            raise Refused(
                REQUEST, f"{name} must be a day such as 2026-11-24", where=f"query parameter {name}"
            ) from None
    return text
