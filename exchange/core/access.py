"""What a credential may be used for, and what is known of a token; the secret itself is known to its holder alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from exchange.core.model import PartyId


class Scope(StrEnum):
    """Say what a credential opens: the first four are of parties, the last two of the hub's own people.

    `enrol` asks for certificates in the party's name. No token has it unless told: whoever finds a token that opens a mailbox
    must not be able to ask for the power to sign.
    """

    SEND = "send"
    RECEIVE = "receive"
    READ = "read"
    ENROL = "enrol"
    ADMINISTER = "administer"
    AUDIT = "audit"


PARTY_SCOPES: Final = frozenset({Scope.SEND, Scope.RECEIVE, Scope.READ})
"""What a token of a party has unless told."""
MAY_HAVE: Final = PARTY_SCOPES | {Scope.ENROL}
"""What a credential of a party may have at all; a client certificate has it."""
HUB_SCOPES: Final = frozenset({Scope.ADMINISTER, Scope.AUDIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Describe a token of a party, or of the hub itself when `party` is the hub's own code.

    `lifetime` is what it was made to last; once it is rotated it ends earlier. Unknown of tokens that are older than this.
    `person` is whom it stands for where two persons must decide: a token that somebody makes over the API stands for its
    maker, and only one made on the hub's machine stands for a new person. Empty: for itself.
    """

    id: str
    party: PartyId
    label: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    lifetime: timedelta | None = None
    person: str = ""

    @property
    def stands_for(self) -> str:
        """Name the person that the token stands for."""
        return self.person or self.id


def describe_scopes(scopes: frozenset[Scope]) -> str:
    """Name scopes in one order, with spaces between."""
    return " ".join(scope for scope in Scope if scope in scopes)
