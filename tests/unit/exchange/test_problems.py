"""A refusal becomes a problem document with the same words, and its status follows from its code."""

from __future__ import annotations

import pytest

from exchange.api.problems import INTERNAL, METHOD, STATUS, problem
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
    UNKNOWN_RECEIVER,
    Rejected,
)
from trust_store.errors import CATALOGUE, Reason, Refused

EXPECTED = [
    (UNAUTHENTICATED, 401),
    (FORBIDDEN, 403),
    (PARTY_SUSPENDED, 403),
    (NOT_FOUND, 404),
    (METHOD, 405),
    (TOO_SLOW, 408),
    (CONFLICT, 409),
    (TOO_LARGE, 413),
    (REQUEST, 400),
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


def test_only_a_declared_reason_has_a_status_of_its_own() -> None:
    assert set(STATUS) <= set(CATALOGUE)
    assert {reason.code for reason, _ in EXPECTED} >= set(STATUS)


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
