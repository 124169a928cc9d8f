"""Turn refusals into problem documents (RFC 9457), in one place, at the edge."""

from __future__ import annotations

from typing import Final

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from exchange.api.views import Problem
from exchange.errors import (
    CONFLICT,
    DAMAGED,
    FORBIDDEN,
    NOT_FOUND,
    PARTY_SUSPENDED,
    REQUEST,
    TOO_LARGE,
    TOO_SLOW,
    UNAUTHENTICATED,
    Rejected,
)
from trust_store.errors import Reason, Refused, reason

MEDIA_TYPE: Final = "application/problem+json"
INTERNAL = reason(
    "internal-error", "The hub failed", "Try again; nothing that was receipted is lost. Tell the operator"
)
METHOD = reason("method-not-allowed", "This address does not take this method", "Compare it with the API description")

STATUS: Final[dict[str, int]] = {
    UNAUTHENTICATED.code: 401,
    FORBIDDEN.code: 403,
    PARTY_SUSPENDED.code: 403,
    NOT_FOUND.code: 404,
    METHOD.code: 405,
    CONFLICT.code: 409,
    TOO_SLOW.code: 408,
    TOO_LARGE.code: 413,
    REQUEST.code: 400,
    DAMAGED.code: 500,
    INTERNAL.code: 500,
}
"""The HTTP status of a code; every other refusal is about the document and gives 422."""

_LOG = structlog.get_logger("congvan.api")


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal and every failure with a problem document, and log it with the same words."""
    try:
        return await handler(request)
    except Refused as refusal:
        return _answer(request, refusal)
    except web.HTTPException as error:
        response = _answer(request, _translated(error))
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        _LOG.exception("failed", method=request.method, path=request.path)
        return _answer(request, Refused(INTERNAL))


def problem(refusal: Refused) -> Problem:
    """Describe a refusal."""
    why: Reason = refusal.reason
    return Problem(
        type=f"urn:congvan:problem:{why.code}",
        title=why.title,
        status=STATUS.get(why.code, 422),
        code=why.code,
        detail=refusal.detail,
        fix=why.fix,
        where=refusal.where,
        evidence=refusal.evidence_id if isinstance(refusal, Rejected) else "",
    )


def _answer(request: web.Request, refusal: Refused) -> web.Response:
    body = problem(refusal)
    _LOG.info(
        "refused", method=request.method, path=request.path, status=body.status, code=body.code, detail=body.detail
    )
    headers = {"WWW-Authenticate": 'Bearer realm="congvan"'} if body.status == 401 else None
    return web.Response(body=msgspec.json.encode(body), status=body.status, content_type=MEDIA_TYPE, headers=headers)


def _translated(error: web.HTTPException) -> Refused:
    if error.status == 413:
        return Refused(TOO_LARGE)
    if error.status == 404:
        return Refused(NOT_FOUND, "There is no such address; see /openapi.json")
    return Refused(METHOD if error.status == 405 else REQUEST, error.reason)
