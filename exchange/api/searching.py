"""Read what a request searches a mailbox for, and point to the next page (RFC 8288)."""

from __future__ import annotations

import re
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
_TEXT: Final = {"maxLength": MAX_TEXT, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}
_MOMENT: Final = {"format": "date-time"}
_DAY: Final = {"format": "date"}
_BAD: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def words(name: str, text: str) -> Query:
    """Describe a parameter that `short` reads."""
    return Query(name=name, kind="string", text=text, rules=_TEXT)


SEARCH: Final = (
    Query(name="box", kind="string", text=f"Which part: {', '.join(Box)}", rules={"enum": list(Box)}),
    Query(name="kind", kind="string", text="letter or status", rules={"enum": list(Kind)}),
    Query(
        name="business",
        kind="integer",
        text="The document type: 0 new, 1 revoke, 2 update, 3 replace",
        rules={"minimum": 0, "maximum": 3},
    ),
    words("number", "The number of the document's code"),
    words("notation", "The notation of the document's code"),
    words("document_id", "The document's own id"),
    Query(
        name="state",
        kind="string",
        text="Where the document stands at the receiver, as in the life-cycle",
        rules={"enum": list(State)},
    ),
    words("text", "A part of the subject; without diacritics it matches with and without"),
    Query(name="since", kind="string", text="Consigned (or sent) at this moment or later (RFC 3339)", rules=_MOMENT),
    Query(name="until", kind="string", text="Consigned (or sent) before this moment (RFC 3339)", rules=_MOMENT),
    Query(name="issued_since", kind="string", text="Issued on this day or later (YYYY-MM-DD)", rules=_DAY),
    Query(name="issued_until", kind="string", text="Issued on this day or earlier (YYYY-MM-DD)", rules=_DAY),
    words("after", "The last line of the page before; the Link header has the next page"),
    LIMIT,
)
SENDER: Final = words("sender", "Only from this party")
RECEIVER: Final = words("receiver", "Only to this party")


def search_of(request: web.Request, other: str, box: Box, kind: str = "") -> Search:
    """Read a search; `other` names the parameter of the other side, `box` and `kind` say what is wanted when nothing is.

    Raises:
        Refused: `request-malformed`.
    """
    query = request.query
    business = one_of(query, "business", ("0", "1", "2", "3"), "")
    return Search(
        box=Box(one_of(query, "box", tuple(Box), box)),
        kind=one_of(query, "kind", tuple(Kind), kind),
        business=int(business) if business else None,
        other=short(query, other),
        number=short(query, "number"),
        notation=short(query, "notation"),
        document_id=short(query, "document_id"),
        state=one_of(query, "state", tuple(State), ""),
        text=short(query, "text"),
        since=moment_of(query, "since"),
        until=moment_of(query, "until"),
        issued_since=_day_of(query, "issued_since"),
        issued_until=_day_of(query, "issued_until"),
        after=short(query, "after"),
        limit=limit_of(request),
    )


def moment_of(query: Mapping[str, str], name: str) -> datetime | None:
    """Read a moment; it must say its time zone."""
    text = query.get(name)
    if text is None:
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


def short(query: Mapping[str, str], name: str) -> str:
    """Read a short text.

    Raises:
        Refused: `request-malformed`.
    """
    text = query.get(name, "")
    if len(text) > MAX_TEXT or _BAD.search(text):
        detail = f"{name} must be text of at most {MAX_TEXT} characters, without control characters"
        raise Refused(REQUEST, detail, where=f"query parameter {name}")
    return text


def one_of(query: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    """Read one of the allowed words.

    Raises:
        Refused: `request-malformed`.
    """
    text = query.get(name)
    if text is None:
        return default
    if text not in allowed:
        raise Refused(REQUEST, f"{name} must be one of {', '.join(allowed)}", where=f"query parameter {name}")
    return text


def _day_of(query: Mapping[str, str], name: str) -> str:
    text = query.get(name)
    if text is None:
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        detail = f"{name} must be a day such as 2026-11-24"
        raise Refused(REQUEST, detail, where=f"query parameter {name}") from None
