"""Who is asking: by a bearer token, by a client certificate, or by both, which must then agree.

The hub's own people, its administrators and auditors, ask by tokens that belong to the hub's own code. They speak for no
party: what is a party's alone (sending, mailboxes) is not for them, and what is theirs is for no party.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from datetime import datetime

from envelopes.receipt import Actor
from exchange.auth import certificates, codes, tokens
from exchange.core.access import HUB_SCOPES, MAY_HAVE, Scope, Token
from exchange.core.applications import EnrolmentCode
from exchange.core.audit import Author
from exchange.core.model import Party
from exchange.core.ports import Clock, Store
from trust_store.errors import Refused, reason

CREDENTIALS_DIFFER = reason(
    "credentials-differ",
    "The token and the client certificate belong to different parties",
    "Use the token and the certificate of the same party, or only one of them",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Hold what a request says about who is asking: the Authorization header, the client's certificate (DER)."""

    authorization: str
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Say who is asking: a party, or the hub itself, and by which credential.

    `credential` names it without giving it away: the token by its id, the certificate by the beginning of its SHA-256.
    `token` is the token that was shown, if one was; `code` the one-time code; `certificate` the SHA-256 of the client's.
    """

    party: Party
    credential: str
    scopes: frozenset[Scope]
    token: Token | None = None
    code: EnrolmentCode | None = None
    certificate: str = ""

    @property
    def person(self) -> str:
        """Name the person that decides where two different ones must; see `Token.person`."""
        return self.token.stands_for if self.token else ""

    @property
    def label(self) -> str:
        """Tell what the token was made for; empty for a certificate."""
        return self.token.label if self.token else ""

    @property
    def administers(self) -> bool:
        """Tell whether this one administers the hub."""
        return Scope.ADMINISTER in self.scopes

    @property
    def actor(self) -> str:
        """Name the principal in the audit trail."""
        return f"{self.party.id} {self.credential}" + (f" ({self.label})" if self.label else "")

    def author(self, at: datetime) -> Author:
        """Make the author of a change at this moment."""
        return Author(actor=self.actor, at=at)


async def authenticate(credentials: Credentials, store: Store, clock: Clock, hub: Actor) -> Principal:
    """Return who is asking; with a token, its scopes decide.

    Raises:
        Refused: `unauthenticated`, `credentials-differ`, or `party-suspended`.
    """
    if credentials.certificate is None:
        return await _by_token(credentials.authorization, store, clock, hub)
    shown = await certificates.authenticate(credentials.certificate, store, clock)
    fingerprint = hashlib.sha256(credentials.certificate).hexdigest()
    named = f"certificate {fingerprint[:16]}"
    if not credentials.authorization:
        return Principal(party=shown, credential=named, scopes=MAY_HAVE, certificate=fingerprint)
    principal = await _by_token(credentials.authorization, store, clock, hub)
    if principal.party.id != shown.id:
        raise Refused(CREDENTIALS_DIFFER, f"The token is of {principal.party.id}, the client certificate of {shown.id}")
    both = f"{principal.credential} with {named}"
    return dataclasses.replace(principal, party=shown, credential=both, certificate=fingerprint)


async def _by_token(authorization: str, store: Store, clock: Clock, hub: Actor) -> Principal:
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() == "bearer" and codes.is_code(secret):
        code, party = await codes.authenticate(secret, store.enrolments, clock)
        return Principal(party=party, credential=f"code {code.id}", scopes=frozenset({Scope.ENROL}), code=code)
    token, party = await tokens.authenticate(authorization, store.tokens, clock, hub)
    scopes = token.scopes & (HUB_SCOPES if token.party == hub.code else MAY_HAVE)
    return Principal(party=party, credential=f"token {token.id}", scopes=scopes, token=token)
