"""Administer tokens, and read the audit trail; the routes of parties, groups and rules are joined on here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web

from exchange.api import groups, parties
from exchange.api.accounts import AuditView, NewTokenView, RotationRequest, TokenRequest, TokenView
from exchange.api.registration import find_party, read_json
from exchange.api.routes import LIMIT, Asked, Query, Route, answer, limit_of
from exchange.auth import tokens
from exchange.auth.permissions import Action
from exchange.core.access import PARTY_SCOPES, Scope, Token
from exchange.core.audit import AuditRecord
from exchange.core.model import PartyId
from exchange.errors import REQUEST
from trust_store.errors import Refused, reason

NO_TOKEN = reason(
    "token-missing", "Only a request with a token can rotate it", "Send the header 'Authorization: Bearer <token>'"
)
AFTER_NUMBER = Query(
    name="after",
    kind="integer",
    text="The number of the last row of the page before",
    rules={"minimum": 0, "maximum": 10**18 - 1},
)
_DAY = timedelta(days=1)


async def own_tokens(asked: Asked) -> web.StreamResponse:
    """List the tokens of whoever asks."""
    found = await asked.reading.hub.store.tokens.all(asked.party.id)
    return answer([_token(item) for item in found])


async def rotate_token(asked: Asked) -> web.StreamResponse:
    """Replace the token in use."""
    wanted, hub = read_json(asked.body, RotationRequest), asked.reading.hub
    if asked.principal.token is None:
        raise Refused(NO_TOKEN)
    secret, new, old = await tokens.rotate(
        hub.store.tokens,
        hub.registrar.entropy,
        asked.principal.author(hub.clock.now()),
        asked.principal.token,
        _overlap(wanted.overlap_seconds),
    )
    return answer(_new(secret, new, old), 201)


async def create_token(asked: Asked) -> web.StreamResponse:
    """Give a party, or the hub's own people, a token."""
    wanted, hub = read_json(asked.body, TokenRequest), asked.reading.hub
    party, issuer = PartyId(asked.request.match_info["party"]), hub.registrar.issuer
    if party != issuer.code:
        party = (await find_party(asked)).id
    scopes = _scopes(wanted.scopes)
    tokens.check_scopes(scopes, party, issuer, asked.principal.scopes)
    secret, token = await tokens.issue(
        hub.store.tokens,
        hub.registrar.entropy,
        asked.principal.author(hub.clock.now()),
        party=party,
        label=wanted.label,
        scopes=scopes,
        lifetime=_lifetime(wanted.days),
        person=asked.principal.person if party == issuer.code else "",
    )
    return answer(_new(secret, token), 201)


async def revoke_token(asked: Asked) -> web.StreamResponse:
    """End a token now."""
    hub, key = asked.reading.hub, asked.request.match_info["token"]
    return answer(_token(await hub.store.tokens.revoke(key, asked.principal.author(hub.clock.now()))))


async def audit(asked: Asked) -> web.StreamResponse:
    """Show rows of the audit trail."""
    text = asked.request.query.get("after") or "0"
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise Refused(REQUEST, "after must be the number of a row", where="query parameter after")
    found = await asked.reading.hub.store.audit.page(int(text), limit_of(asked.request))
    return answer([_row(item) for item in found])


def _scopes(names: Sequence[str]) -> frozenset[Scope]:
    unknown = [name for name in names if name not in list(Scope)]
    if unknown:
        raise Refused(tokens.BAD_SCOPE, f"There is no scope {unknown[0]}", where="scopes")
    return frozenset(Scope(name) for name in names) or PARTY_SCOPES


def _overlap(seconds: float) -> timedelta:
    """Read an overlap; bounds are asked before it is rounded to what a clock has."""
    most = tokens.MAX_OVERLAP.total_seconds()
    if not 0 <= seconds <= most:
        raise Refused(REQUEST, f"An overlap lasts from 0 to {most:,.0f} seconds", where="overlap_seconds")
    return timedelta(seconds=seconds)


def _lifetime(days: float) -> timedelta:
    """Read a lifetime; bounds are asked before it is rounded to what a clock has."""
    if not tokens.SHORTEST / _DAY <= days <= tokens.LONGEST / _DAY:
        raise Refused(tokens.BAD_LIFETIME, f"{days:g} days is not from an hour to {tokens.LONGEST.days}", where="days")
    return timedelta(days=days)


def _token(token: Token) -> TokenView:
    return TokenView(
        id=token.id,
        party=token.party,
        label=token.label,
        scopes=sorted(token.scopes),
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )


def _new(secret: str, token: Token, replaced: Token | None = None) -> NewTokenView:
    return NewTokenView(secret=secret, token=_token(token), replaced=_token(replaced) if replaced else None)


def _row(record: AuditRecord) -> AuditView:
    return AuditView(
        number=record.number,
        at=record.at,
        event=record.event,
        actor=record.actor,
        subject=record.subject,
        detail=record.detail,
        previous=record.previous.hex(),
        digest=record.digest.hex(),
    )


ROUTES = (
    *parties.ROUTES,
    *groups.ROUTES,
    Route(
        method="GET",
        path="/v1/tokens",
        name="listTokens",
        text="List the tokens of whoever asks, without their secrets, oldest first.",
        action=Action.IDENTIFY,
        handler=own_tokens,
        gives=TokenView,
        many=True,
    ),
    Route(
        method="POST",
        path="/v1/tokens/rotation",
        name="rotateToken",
        text="Replace the token in use by a new one, shown now and never again; the old one ends after the overlap.",
        action=Action.ROTATE,
        handler=rotate_token,
        takes=RotationRequest,
        gives=NewTokenView,
        status=201,
    ),
    Route(
        method="POST",
        path="/v1/parties/{party}/tokens",
        name="createToken",
        text="Give a party, or with the hub's own code its own people, a token, shown now and never again.",
        action=Action.ADMINISTER,
        handler=create_token,
        takes=TokenRequest,
        gives=NewTokenView,
        status=201,
    ),
    Route(
        method="DELETE",
        path="/v1/tokens/{token}",
        name="revokeToken",
        text="End a token now; again changes nothing.",
        action=Action.ADMINISTER,
        handler=revoke_token,
        gives=TokenView,
    ),
    Route(
        method="GET",
        path="/v1/audit",
        name="listAudit",
        text="Show the audit trail, oldest first, from behind a row.",
        action=Action.AUDIT,
        handler=audit,
        gives=AuditView,
        many=True,
        queries=(AFTER_NUMBER, LIMIT),
    ),
)
