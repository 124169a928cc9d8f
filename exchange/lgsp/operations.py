"""The shape of an operation of this dialect, and how what it is given is read."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import web

from envelopes.opened import VIETNAM
from exchange.core.model import DeliveryKey
from exchange.errors import REQUEST
from exchange.ngsp.operations import SMALL_BODY, Call
from trust_store.errors import Refused

MOMENT: Final = "%Y/%m/%d %H:%M:%S"
_DAY: Final = re.compile(r"(\d{4})/(\d{2})/(\d{2})")
_KEY: Final = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Hold a call as the axis knows it, with what this dialect says besides: how the body is written, and its fields."""

    call: Call
    content_type: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Describe one operation; `handler` gives the members of a good answer, or a whole one.

    `body` is how many bytes it takes, None for a document.
    """

    method: str
    path: str
    text: str
    handler: Callable[[Asked], Awaitable[Mapping[str, Any] | web.Response]]
    body: int | None = SMALL_BODY


def fields_of(request: web.Request) -> dict[str, str]:
    """Read the fields of the query, each once.

    Raises:
        Refused: `request-malformed`.
    """
    for name in request.query:
        if len(request.query.getall(name)) > 1:
            raise Refused(REQUEST, "It is given twice", where=name)
    return dict(request.query)


def document_of(text: object) -> DeliveryKey:
    """Read a docId.

    Raises:
        Refused: `request-malformed`.
    """
    if not isinstance(text, str) or not _KEY.fullmatch(text):
        raise Refused(REQUEST, "Give the docId that syncReceivedEdocList lists", where="docId")
    return DeliveryKey(text)


def day_of(fields: Mapping[str, str], name: str, *, after: bool = False) -> datetime | None:
    """Read a day of Vietnam as the moment that it begins, or with `after` the moment that it is over.

    Raises:
        Refused: `request-malformed`.
    """
    text = fields.get(name, "").strip()
    if not text:
        return None
    found = _DAY.fullmatch(text)
    try:
        year, month, day = (int(part) for part in found.groups()) if found else (0, 0, 0)
        return datetime(year, month, day, tzinfo=VIETNAM) + timedelta(days=1 if after else 0)
    except (ValueError, OverflowError):
        raise Refused(REQUEST, f"{name} is a day like 2023/01/31", where=name) from None


def tell(moment: datetime | None) -> str:
    """Write a moment in the time of Vietnam; empty when there is none."""
    return moment.astimezone(VIETNAM).strftime(MOMENT) if moment else ""
