"""What a credential may be used for, and what is known of a token; the secret itself is known to its holder alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from exchange.core.model import PartyId


class Scope(StrEnum):
    """Say what a credential opens: the first three are of parties, the last two of the hub's own people."""

    SEND = "send"
    RECEIVE = "receive"
    READ = "read"
    ADMINISTER = "administer"
    AUDIT = "audit"


PARTY_SCOPES: Final = frozenset({Scope.SEND, Scope.RECEIVE, Scope.READ})
HUB_SCOPES: Final = frozenset({Scope.ADMINISTER, Scope.AUDIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Describe a token of a party, or of the hub itself when `party` is the hub's own code.

    `lifetime` is what it was made to last; once it is rotated it ends earlier. Unknown of tokens that are older than this.
    """

    id: str
    party: PartyId
    label: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    lifetime: timedelta | None = None


def describe_scopes(scopes: frozenset[Scope]) -> str:
    """Name scopes in one order, with spaces between."""
    return " ".join(scope for scope in Scope if scope in scopes)
