"""What the hub answers in this dialect: always HTTP 200, always JSON in ASCII, always status, ErrorCode and ErrorDesc."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from exchange.errors import Later
from exchange.ngsp.numbers import OK, number_of
from trust_store.errors import Refused

Members = Mapping[str, Any]
MEDIA_TYPE: Final = "application/json"


def succeed(members: Members) -> web.Response:
    """Answer that it was done."""
    return _respond({"status": "OK", "ErrorCode": str(OK), "ErrorDesc": "", **members})


def fail(refusal: Refused, members: Members | None = None) -> web.Response:
    """Answer with the reason of a refusal: its number, its stable code, what failed and what to do."""
    why = refusal.reason
    response = _respond(
        {
            "status": "FAIL",
            "ErrorCode": str(number_of(why.code)),
            "ErrorDesc": f"{why.code}: {refusal.text}",
            **(members or {}),
        }
    )
    if isinstance(refusal, Later):
        response.headers["Retry-After"] = str(refusal.seconds)
    return response


def _respond(members: Members) -> web.Response:
    """Write JSON in ASCII: the official client reads it so, line by line."""
    return web.Response(body=json.dumps(members, ensure_ascii=True).encode(), content_type=MEDIA_TYPE)
