"""Tokens are unguessable, kept as digests only, and speak for one active party until they expire."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from exchange.auth.tokens import PREFIX, authenticate, create, digest
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.machine import SystemEntropy
from trust_store.errors import Refused
from trust_store.identity import PartyKind

AT = datetime(2026, 11, 23, tzinfo=UTC)
PARTY = Party(id=PartyId("1"), name="Sở Tài chính", kind=PartyKind.AGENCY, codes=frozenset({"1"}))


class Still:
    """Stand still at one moment."""

    def now(self) -> datetime:
        return AT


class Zeros:
    """Give zeros, so that a token can be foretold."""

    def draw(self, count: int) -> bytes:
        return bytes(count)


@dataclass
class Holders:
    """Know parties by the digests of their tokens."""

    known: dict[bytes, Party] = field(default_factory=dict)

    async def holder(self, token_digest: bytes, now: datetime) -> Party | None:
        assert now == AT
        return self.known.get(token_digest)


def test_a_token_has_256_bits_in_letters_that_need_no_quoting() -> None:
    token, kept = create(Zeros())
    assert token == PREFIX + "A" * 43
    assert kept == digest(token) == hashlib.sha256(token.encode()).digest()


def test_tokens_differ() -> None:
    tokens = {create(SystemEntropy())[0] for _ in range(100)}
    assert len(tokens) == 100
    assert all(token.removeprefix(PREFIX).replace("-", "").replace("_", "").isalnum() for token in tokens)


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} "])
async def test_a_known_token_speaks_for_its_party(form: str) -> None:
    token, kept = create(SystemEntropy())
    assert await authenticate(form.format(token), Holders({kept: PARTY}), Still()) == PARTY


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic {}", "{}", "Bearer {}x", "Bearer \udcff", "Bearer x {}", "Bearer\t{}"]
)
async def test_everything_else_speaks_for_nobody(header: str) -> None:
    token, kept = create(SystemEntropy())
    with pytest.raises(Refused) as refusal:
        await authenticate(header.format(token), Holders({kept: PARTY}), Still())
    assert refusal.value.reason.code == "unauthenticated"
    assert token not in str(refusal.value)


async def test_a_suspended_party_is_told_so() -> None:
    token, kept = create(SystemEntropy())
    suspended = replace(PARTY, status=PartyStatus.SUSPENDED)
    with pytest.raises(Refused) as refusal:
        await authenticate(f"Bearer {token}", Holders({kept: suspended}), Still())
    assert refusal.value.reason.code == "party-suspended"
