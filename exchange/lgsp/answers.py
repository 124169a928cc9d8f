"""What the hub answers in this dialect: `success` and `message`, and for a refusal the number and text in `data`.

The HTTP status is the true one: the dialect itself has 401 for bad keys, and clients repeat what failed with 5xx or 429.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from exchange.api.problems import STATUS
from exchange.auth.passes import BAD_PASS
from exchange.errors import Later, Rejected
from exchange.logs import note
from exchange.ngsp.bearers import NO_PASS, WRONG_SECRET
from exchange.ngsp.entrance import SYSTEM_SUSPENDED
from exchange.ngsp.numbers import OK, number_of
from exchange.ngsp.operations import NOT_OF_SYSTEM
from trust_store.errors import Refused

DONE: Final = "OK"
BAD_KEYS: Final = "licenseInfo: invalid"
"""The words that clients of this dialect know for wrong keys; a pass that ended is told in others: log in again."""
AXIS_HEADER: Final = "XroadVnpt-"
UNAUTHORISED: Final = frozenset({WRONG_SECRET.code, BAD_PASS.code, NO_PASS.code})
FORBIDDEN: Final = frozenset({SYSTEM_SUSPENDED.code, NOT_OF_SYSTEM.code})


def succeed(members: Mapping[str, Any]) -> web.Response:
    """Answer that it was done."""
    return respond({"success": True, "message": DONE, **members})


def welcome(data: Mapping[str, str]) -> web.Response:
    """Answer a login, which has a form of its own."""
    return respond({"code": OK, "message": DONE, "data": data})


def fail(refusal: Refused, document: str = "", *, login: bool = False) -> web.Response:
    """Answer with the reason of a refusal; `document` is the docId that was asked for."""
    why, status = refusal.reason, status_of(refusal)
    note(code=why.code, **({"evidence": refusal.evidence_id} if isinstance(refusal, Rejected) else {}))
    number, text = str(number_of(why.code)), f"{why.code}: {tell(refusal)}"
    data = {"docId": document, "status": "error", "errorCode": number, "errorDesc": text}
    members: dict[str, Any] = {"success": False, "message": text, "data": data}
    if why is WRONG_SECRET:
        members |= {"message": BAD_KEYS, "licenseInfo": "invalid"}
    if login:
        members = {"code": int(number), "message": text, "data": {}}
    response = respond(members, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="congvan"'
    if isinstance(refusal, Later):
        response.headers["Retry-After"] = str(refusal.seconds)
    return response


def status_of(refusal: Refused) -> int:
    """Give the HTTP status of a refusal."""
    code = refusal.reason.code
    if code in UNAUTHORISED:
        return 401
    return 403 if code in FORBIDDEN else STATUS.get(code, 422)


def tell(refusal: Refused) -> str:
    """Tell a person what failed, where, and what to do, without the names that only the axis has."""
    return refusal.text.replace(AXIS_HEADER, "")


def respond(members: Mapping[str, Any], status: int = 200) -> web.Response:
    """Write JSON in ASCII, which every client reads whatever charset it takes for granted."""
    body = json.dumps(members, ensure_ascii=True).encode()
    return web.Response(body=body, status=status, content_type="application/json")
