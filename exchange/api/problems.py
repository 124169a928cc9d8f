"""Turn refusals into problem documents (RFC 9457), in one place, at the edge."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from envelopes.log.tiles import NOT_A_TILE
from exchange.api.ranges import NO_RANGE, Unsatisfiable
from exchange.api.stamps import NOT_STAMPED
from exchange.api.uploads import TUS_VERSION, UPLOAD_TYPE
from exchange.api.views import FaultView, Problem
from exchange.auth.principal import CREDENTIALS_DIFFER
from exchange.core.applications import (
    CERTIFICATES_TOO_MANY,
    CLOSED,
    KEY_TAKEN,
    LAST_CERTIFICATE,
    NO_AUTHORITY,
    NO_CHALLENGE,
    NOT_RENEWABLE,
)
from exchange.core.applications import TOO_MANY as TOO_MANY_APPLICATIONS
from exchange.core.audit import BROKEN as AUDIT_BROKEN
from exchange.core.groups import GROUP_IN_USE
from exchange.core.holding import QUARANTINED, WITHDRAWN
from exchange.core.ports.access import TOO_MANY as TOO_MANY_TOKENS
from exchange.core.revoking import OLDER
from exchange.core.sheet import BadTable
from exchange.core.stamping import UNAVAILABLE
from exchange.core.systems import SYSTEM_EXISTS
from exchange.core.writing import MAY_NOT_WRITE
from exchange.errors import (
    BUSY,
    CONFLICT,
    CONTENT_REMOVED,
    DAILY_QUOTA,
    DAMAGED,
    DIRECTORY_MOVED,
    DISK_FULL,
    FILE_TOO_LARGE,
    FORBIDDEN,
    INTERNAL,
    LOG_ENDED,
    LOG_UNUSABLE,
    METHOD,
    NO_LEASE,
    NOT_FOUND,
    PARTY_SUSPENDED,
    REQUEST,
    STORAGE_FAILING,
    TOO_LARGE,
    TOO_SLOW,
    UNAUTHENTICATED,
    UNSEALED,
    UPLOAD_LOCKED,
    UPLOAD_OFFSET,
    UPLOAD_QUOTA,
    UPLOADS_TOO_MANY,
    Elsewhere,
    Later,
    Rejected,
)
from exchange.logs import note, noted
from exchange.net.admission import STOPPING
from exchange.net.crowd import CROWDED
from exchange.net.gate import ABANDONED
from exchange.net.rates import RATE_LIMITED
from trust_store.errors import Reason, Refused
from trust_store.explain import as_record
from trust_store.revocation.reasons import NOT_KNOWN, STALE
from trust_store.verdict import NotBelieved

MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[dict[str, int]] = {
    UNAUTHENTICATED.code: 401,
    CREDENTIALS_DIFFER.code: 401,
    FORBIDDEN.code: 403,
    PARTY_SUSPENDED.code: 403,
    MAY_NOT_WRITE.code: 403,
    NOT_FOUND.code: 404,
    NO_LEASE.code: 404,
    METHOD.code: 405,
    CONFLICT.code: 409,
    DIRECTORY_MOVED.code: 409,
    GROUP_IN_USE.code: 409,
    SYSTEM_EXISTS.code: 409,
    OLDER.code: 409,
    TOO_SLOW.code: 408,
    TOO_LARGE.code: 413,
    REQUEST.code: 400,
    RATE_LIMITED.code: 429,
    DAILY_QUOTA.code: 429,
    BUSY.code: 503,
    NOT_KNOWN.code: 503,
    STALE.code: 503,
    UNAVAILABLE.code: 503,
    NOT_STAMPED.code: 404,
    NOT_A_TILE.code: 404,
    LOG_ENDED.code: 503,
    LOG_UNUSABLE.code: 503,
    STOPPING.code: 503,
    CROWDED.code: 503,
    ABANDONED.code: 503,
    CONTENT_REMOVED.code: 410,
    QUARANTINED.code: 409,
    WITHDRAWN.code: 410,
    UPLOAD_OFFSET.code: 409,
    UPLOADS_TOO_MANY.code: 409,
    UPLOAD_QUOTA.code: 409,
    TUS_VERSION.code: 412,
    FILE_TOO_LARGE.code: 413,
    UPLOAD_TYPE.code: 415,
    NO_RANGE.code: 416,
    UPLOAD_LOCKED.code: 423,
    STORAGE_FAILING.code: 503,
    UNSEALED.code: 503,
    DISK_FULL.code: 507,
    TOO_MANY_TOKENS.code: 409,
    CLOSED.code: 409,
    KEY_TAKEN.code: 409,
    TOO_MANY_APPLICATIONS.code: 409,
    CERTIFICATES_TOO_MANY.code: 409,
    LAST_CERTIFICATE.code: 409,
    NO_CHALLENGE.code: 409,
    NOT_RENEWABLE.code: 403,
    NO_AUTHORITY.code: 503,
    DAMAGED.code: 500,
    AUDIT_BROKEN.code: 500,
    INTERNAL.code: 500,
}
"""The HTTP status of a code; every other refusal is about the document and gives 422."""

_LOG = structlog.get_logger("congvan.api")


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal and every failure with a problem document, and have its code logged."""
    try:
        return await handler(request)
    except Refused as refusal:
        return _answer(refusal)
    except web.HTTPException as error:
        response = _answer(_translated(error))
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        _LOG.exception("failed")
        return _answer(Refused(INTERNAL))


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
        request=noted("request"),
        rows=_rows(refusal) if isinstance(refusal, BadTable) else [],
        verdict=_verdict(refusal),
    )


def answer_refusal(refusal: Refused) -> web.Response:
    """Answer with a problem document, and say when to come again if that is known."""
    body, headers = problem(refusal), {}
    if body.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="congvan"'
    if isinstance(refusal, Later):
        headers["Retry-After"] = str(refusal.seconds)
    if isinstance(refusal, Elsewhere):
        headers["Upload-Offset"] = str(refusal.offset)
    if isinstance(refusal, Unsatisfiable):
        headers["Content-Range"] = f"bytes */{refusal.size}"
    return web.Response(body=msgspec.json.encode(body), status=body.status, content_type=MEDIA_TYPE, headers=headers)


def _answer(refusal: Refused) -> web.Response:
    """Answer, and let the log line of the request say why; what was sent is not in it, and `detail` may quote that."""
    evidence = {"evidence": refusal.evidence_id} if isinstance(refusal, Rejected) else {}
    note(code=refusal.reason.code, **evidence)
    return answer_refusal(refusal)


def _rows(refusal: BadTable) -> list[FaultView]:
    return [FaultView(row=each.row, column=each.column, what=each.what, fix=each.fix) for each in refusal.faults]


def _verdict(refusal: BaseException | None) -> dict[str, Any]:
    """Find the verdict behind a refusal, which may have been attested or put off since."""
    if refusal is None or isinstance(refusal, NotBelieved):
        return as_record(refusal.verdict) if refusal else {}
    return _verdict(refusal.__cause__)


def _translated(error: web.HTTPException) -> Refused:
    if error.status == 413:
        return Refused(TOO_LARGE)
    if error.status == 404:
        return Refused(NOT_FOUND, "There is no such address; see /openapi.json")
    return Refused(METHOD if error.status == 405 else REQUEST, error.reason)
