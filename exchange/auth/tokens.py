"""Bearer tokens: shown once, kept as SHA-256 only, looked up by that digest so that no comparison leaks time."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from datetime import timedelta
from typing import Final

from envelopes.receipt import Actor
from exchange.core.access import HUB_SCOPES, MAY_HAVE, PARTY_SCOPES, Scope, Token, describe_scopes
from exchange.core.audit import Author
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.ports import Clock, Entropy, Tokens
from exchange.errors import PARTY_SUSPENDED, REQUEST, UNAUTHENTICATED
from trust_store.errors import Refused, reason
from trust_store.identity import PartyKind

BAD_LIFETIME = reason(
    "token-lifetime", "A token lasts at least an hour and at most two years", "Ask for another lifetime"
)
BAD_SCOPE = reason(
    "token-scope",
    "A token of this holder cannot have this scope",
    "Parties have send, receive, read and enrol; the hub's own code has administer and audit, as its administrator has them",
)
PREFIX: Final = "cv_"
LIFETIME: Final = timedelta(days=365)
LONGEST: Final = timedelta(days=2 * 365)
SHORTEST: Final = timedelta(hours=1)
OVERLAP: Final = timedelta(hours=24)
MAX_OVERLAP: Final = timedelta(days=7)
MAX_LABEL: Final = 100
_SECRET_BYTES: Final = 32


def create(entropy: Entropy) -> tuple[str, bytes]:
    """Create a token of 256 random bits; return it with the digest that is kept."""
    token = PREFIX + base64.urlsafe_b64encode(entropy.draw(_SECRET_BYTES)).decode().rstrip("=")
    return token, digest(token)


def digest(token: str) -> bytes:
    """Digest a token as it is kept; bytes of a header that are no text are digested as they came."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


async def authenticate(header: str, tokens: Tokens, clock: Clock, hub: Actor) -> tuple[Token, Party]:
    """Return the token in an Authorization header (RFC 6750) with the party, or the hub itself, that it speaks for.

    Raises:
        Refused: `unauthenticated`, or `party-suspended`.
    """
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Refused(UNAUTHENTICATED, "The request carries no bearer token")
    found = await tokens.holder(digest(secret.strip()), clock.now())
    if found is not None and found[0].party == hub.code:
        return found[0], hub_itself(hub)
    if found is None or found[1] is None:
        raise Refused(UNAUTHENTICATED, "The token is unknown, expired or revoked")
    token, party = found[0], found[1]
    if party.status is PartyStatus.SUSPENDED:
        raise Refused(PARTY_SUSPENDED, f"{party.name} is suspended")
    return token, party


def hub_itself(hub: Actor) -> Party:
    """Describe the hub as the party that its administrators and auditors ask for; it is not registered."""
    return Party(id=PartyId(hub.code), name=hub.name, kind=PartyKind.AGENCY, codes=frozenset({hub.code}))


async def issue(
    tokens: Tokens,
    entropy: Entropy,
    by: Author,
    *,
    party: PartyId,
    label: str,
    scopes: frozenset[Scope] = PARTY_SCOPES,
    lifetime: timedelta = LIFETIME,
    person: str = "",
) -> tuple[str, Token]:
    """Give out a token: the secret, which is known now and never again, and what is known of it.

    `person` is whom it stands for; itself unless told.

    Raises:
        Refused: `token-scope`, `token-lifetime`, `request-malformed`, or `tokens-too-many`.
    """
    if not (scopes <= MAY_HAVE or scopes <= HUB_SCOPES) or not scopes:
        raise Refused(BAD_SCOPE, f"No token has the scopes {describe_scopes(scopes) or '(none)'}", where="scopes")
    if not SHORTEST <= lifetime <= LONGEST:
        raise Refused(BAD_LIFETIME, f"{lifetime / timedelta(days=1):g} days is not from an hour to {LONGEST.days} days")
    if not 1 <= len(label) <= MAX_LABEL or not label.isprintable():
        raise Refused(REQUEST, f"A label has 1 to {MAX_LABEL} printable characters", where="label")
    secret, kept = create(entropy)
    token = Token(
        id=kept.hex()[:12],
        party=party,
        label=label,
        scopes=scopes,
        created_at=by.at,
        expires_at=by.at + lifetime,
        lifetime=lifetime,
        person=person,
    )
    await tokens.add(token, kept, by)
    return secret, token


async def rotate(
    tokens: Tokens, entropy: Entropy, by: Author, old: Token, overlap: timedelta = OVERLAP
) -> tuple[str, Token, Token]:
    """Replace a token by a new one that opens the same for as long; return its secret, what is known of it, and the old.

    The old one ends after the overlap, or when it would have. If the answer is lost, the old one can rotate again.

    Raises:
        Refused: `request-malformed`, `not-found` (the old one has ended), or `tokens-too-many`.
    """
    if not timedelta() <= overlap <= MAX_OVERLAP:
        raise Refused(REQUEST, f"An overlap lasts from 0 to {MAX_OVERLAP.days} days", where="overlap")
    secret, kept = create(entropy)
    lifetime = max(SHORTEST, min(old.lifetime or old.expires_at - old.created_at, LONGEST))
    new = dataclasses.replace(
        old,
        id=kept.hex()[:12],
        created_at=by.at,
        expires_at=by.at + lifetime,
        revoked_at=None,
        lifetime=lifetime,
        person=old.stands_for,
    )
    ending = await tokens.rotate(old, new, kept, by.at + overlap, by)
    return secret, new, ending


def check_scopes(scopes: frozenset[Scope], party: PartyId, hub: Actor, held: frozenset[Scope] = HUB_SCOPES) -> None:
    """Hold the scopes of a new token to its holder: parties have theirs, the hub's own people no more than who gives.

    Raises:
        Refused: `token-scope`.
    """
    allowed = HUB_SCOPES & held if party == hub.code else MAY_HAVE
    if not scopes <= allowed:
        over = describe_scopes(scopes - allowed)
        raise Refused(
            BAD_SCOPE, f"{party} cannot be given {over}; it can have {describe_scopes(allowed)}", where="scopes"
        )
