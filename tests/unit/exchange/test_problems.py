"""A refusal becomes a problem document with the same words, and its status follows from its code."""

from __future__ import annotations

import pytest

from exchange.api.problems import INTERNAL, METHOD, STATUS, problem
from exchange.auth.principal import CREDENTIALS_DIFFER
from exchange.core.audit import BROKEN as AUDIT_BROKEN
from exchange.core.groups import GROUP_IN_USE
from exchange.core.ports.access import TOO_MANY as TOO_MANY_TOKENS
from exchange.core.systems import SYSTEM_EXISTS
from exchange.core.writing import MAY_NOT_WRITE
from exchange.errors import (
    BUSY,
    CONFLICT,
    CONTENT_REMOVED,
    DAMAGED,
    DIRECTORY_MOVED,
    FORBIDDEN,
    NO_LEASE,
    NOT_FOUND,
    PARTY_SUSPENDED,
    REQUEST,
    TOO_LARGE,
    TOO_SLOW,
    UNAUTHENTICATED,
    UNKNOWN_RECEIVER,
    Rejected,
)
from exchange.net.admission import STOPPING
from exchange.net.crowd import CROWDED
from exchange.net.gate import ABANDONED
from exchange.net.rates import RATE_LIMITED
from trust_store.errors import CATALOGUE, Reason, Refused

EXPECTED = [
    (UNAUTHENTICATED, 401),
    (FORBIDDEN, 403),
    (PARTY_SUSPENDED, 403),
    (MAY_NOT_WRITE, 403),
    (DIRECTORY_MOVED, 409),
    (GROUP_IN_USE, 409),
    (SYSTEM_EXISTS, 409),
    (NOT_FOUND, 404),
    (NO_LEASE, 404),
    (BUSY, 503),
    (CREDENTIALS_DIFFER, 401),
    (RATE_LIMITED, 429),
    (STOPPING, 503),
    (AUDIT_BROKEN, 500),
    (TOO_MANY_TOKENS, 409),
    (CROWDED, 503),
    (ABANDONED, 503),
    (METHOD, 405),
    (TOO_SLOW, 408),
    (CONFLICT, 409),
    (TOO_LARGE, 413),
    (REQUEST, 400),
    (CONTENT_REMOVED, 410),
    (DAMAGED, 500),
    (INTERNAL, 500),
    (UNKNOWN_RECEIVER, 422),
]


@pytest.mark.parametrize(("reason", "status"), EXPECTED)
def test_a_code_has_its_status(reason: Reason, status: int) -> None:
    found = problem(Refused(reason, "what failed", where="To/OrganId"))
    assert (found.status, found.code, found.type) == (status, reason.code, f"urn:congvan:problem:{reason.code}")
    assert (found.title, found.fix) == (reason.title, reason.fix)
    assert (found.detail, found.where, found.evidence) == ("what failed", "To/OrganId", "")


OTHERS = {
    "upload-offset": 409,
    "uploads-too-many": 409,
    "upload-quota": 409,
    "tus-version": 412,
    "file-too-large": 413,
    "upload-type": 415,
    "range-unsatisfiable": 416,
    "upload-locked": 423,
    "storage-failing": 503,
    "disk-full": 507,
    "daily-quota": 429,
    "revocation-not-known": 503,
    "revocation-stale": 503,
    "application-closed": 409,
    "application-key": 409,
    "application-renewal": 403,
    "applications-too-many": 409,
    "authority-missing": 503,
    "certificate-last": 409,
    "certificates-too-many": 409,
    "proof-challenge": 409,
    "revocation-older": 409,
    "message-quarantined": 409,
    "message-withdrawn": 410,
    "receipt-not-stamped": 404,
    "tile-unknown": 404,
    "log-ended": 503,
    "log-unusable": 503,
    "receipt-waits": 503,
    "timestamp-unavailable": 503,
}
"""The codes of trust, enrolment, uploads, downloads, disks and quotas, with the statuses that tus 1.0.0 and RFC 9110 give them."""


@pytest.mark.parametrize(("code", "status"), OTHERS.items())
def test_a_code_of_a_transfer_has_its_status(code: str, status: int) -> None:
    assert problem(Refused(CATALOGUE[code])).status == status


def test_only_a_declared_reason_has_a_status_of_its_own() -> None:
    assert set(STATUS) <= set(CATALOGUE)
    assert {reason.code for reason, _ in EXPECTED} | set(OTHERS) >= set(STATUS)


@pytest.mark.parametrize("reason", CATALOGUE.values(), ids=CATALOGUE)
def test_every_reason_says_something_without_a_detail(reason: Reason) -> None:
    found = problem(Refused(reason))
    assert found.detail == reason.title
    assert found.fix
    assert 400 <= found.status < 600


def test_a_rejection_names_its_evidence_and_keeps_the_words() -> None:
    refusal = Refused(UNKNOWN_RECEIVER, "1 is not registered", where="To/OrganId")
    found = problem(Rejected(refusal, "evidence-1"))
    assert (found.evidence, found.detail, found.where) == ("evidence-1", refusal.detail, refusal.where)
