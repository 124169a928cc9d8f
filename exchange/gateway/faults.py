"""What the gateway answers when it refuses: the fault of WSO2 for a call, the error of OAuth (RFC 6749) for a token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from exchange.api.problems import STATUS
from exchange.auth.passes import BAD_PASS
from exchange.errors import METHOD, NOT_FOUND, REQUEST, TOO_LARGE, Later
from exchange.gateway.forwarding import BAD_ANSWER, TIMED_OUT, UNREACHABLE
from exchange.gateway.routes import BAD_PATH, NOT_SUBSCRIBED
from exchange.logs import note
from exchange.net.rates import RATE_LIMITED
from exchange.ngsp.bearers import NO_PASS, WRONG_SECRET
from exchange.ngsp.entrance import SYSTEM_SUSPENDED
from trust_store.errors import Refused, reason

_FAULTS: Final[Mapping[str, tuple[int, int, str]]] = {
    NO_PASS.code: (401, 900902, "Missing Credentials"),
    BAD_PASS.code: (401, 900901, "Invalid Credentials"),
    WRONG_SECRET.code: (401, 900901, "Invalid Credentials"),
    SYSTEM_SUSPENDED.code: (403, 900909, "The subscription to the API is inactive"),
    NOT_SUBSCRIBED.code: (403, 900908, "Resource forbidden"),
    NOT_FOUND.code: (404, 900906, "No matching resource found in the API for the given request"),
    BAD_PATH.code: (404, 900906, "No matching resource found in the API for the given request"),
    METHOD.code: (405, 405, "Method not allowed"),
    REQUEST.code: (400, 400, "Bad Request"),
    TOO_LARGE.code: (413, 413, "Request Entity Too Large"),
    RATE_LIMITED.code: (429, 900800, "Message throttled out"),
    UNREACHABLE.code: (503, 101503, "Runtime Error"),
    TIMED_OUT.code: (503, 101504, "Runtime Error"),
    BAD_ANSWER.code: (503, 101500, "Runtime Error"),
}
BAD_GRANT = reason(
    "grant-unsupported", "Only client credentials are exchanged for a pass here", "Send grant_type=client_credentials"
)
UNCLASSIFIED: Final = 900900
_ERRORS: Final[Mapping[str, str]] = {
    WRONG_SECRET.code: "invalid_client",
    NO_PASS.code: "invalid_client",
    SYSTEM_SUSPENDED.code: "unauthorized_client",
    BAD_GRANT.code: "unsupported_grant_type",
}


def fail(refusal: Refused) -> web.Response:
    """Answer a call with a fault."""
    why = refusal.reason
    status, code, message = _FAULTS.get(why.code, (STATUS.get(why.code, 500), UNCLASSIFIED, why.title))
    fault = {"code": code, "message": message, "description": f"{why.code}: {refusal.text}"}
    return _answer({"fault": fault}, status, refusal, 'OAuth2 realm="congvan"')


def fail_token(refusal: Refused) -> web.Response:
    """Answer a request for a token with an error."""
    why = refusal.reason
    status = 401 if why in (WRONG_SECRET, NO_PASS) else STATUS.get(why.code, 400)
    usual = "invalid_request" if status < 429 else "temporarily_unavailable"
    members = {"error": _ERRORS.get(why.code, usual), "error_description": f"{why.code}: {refusal.text}"}
    return _answer(members, status, refusal, 'Basic realm="congvan"')


def respond(members: Mapping[str, Any], status: int = 200) -> web.Response:
    """Write JSON in ASCII."""
    body = json.dumps(members, ensure_ascii=True).encode()
    return web.Response(body=body, status=status, content_type="application/json")


def _answer(members: Mapping[str, Any], status: int, refusal: Refused, challenge: str) -> web.Response:
    note(code=refusal.reason.code)
    response = respond(members, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = challenge
    if isinstance(refusal, Later):
        response.headers["Retry-After"] = str(refusal.seconds)
    return response
