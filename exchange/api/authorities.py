"""Administer the authorities that are trusted: list them, see what a change would mean, and make it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from aiohttp import web

from exchange.api.registration import read_json
from exchange.api.routes import Asked, Route, answer
from exchange.auth.permissions import Action
from exchange.authorities import show
from exchange.core.authorities import Affected, Authority, Change, Preview, Role, check_changes
from exchange.errors import REQUEST
from trust_store.certificate import load_many
from trust_store.errors import Refused
from trust_store.evidence import USUAL, Asking, Terms
from trust_store.identity import PartyKind
from trust_store.policy import Use

_Kind = Literal["agency", "enterprise"]
_Use = Literal["documents", "timestamps"]
_Asking = Literal["required", "named", "local"]


class AuthorityView(msgspec.Struct, frozen=True, kw_only=True):
    """An authority that is known; `kinds` and `uses` that are empty mean all, `since` and `until` that are null no limit."""

    fingerprint: str
    role: Literal["anchor", "intermediate"]
    subject: str
    not_before: datetime
    not_after: datetime
    kinds: list[_Kind]
    uses: list[_Use]
    revocation: _Asking
    since: datetime | None
    until: datetime | None


class AuthorityRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Authorities (PEM, of several all) that are to be known as this from now on; `none`: no longer.

    The terms are an anchor's. `apply` makes the change; without it, only what it would mean is told.
    """

    pem: str
    role: Literal["anchor", "intermediate", "none"] = "anchor"
    kinds: list[_Kind] = []
    uses: list[_Use] = []
    revocation: _Asking = "named"
    since: datetime | None = None
    until: datetime | None = None
    apply: bool = False


class AffectedView(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate of a party that would be judged otherwise, and what would then be said of it."""

    party: str
    subject: str
    fingerprint: str
    text: str


class PreviewView(msgspec.Struct, frozen=True, kw_only=True):
    """What a change means at the moment when it takes effect; `judged` counts the certificates that were asked about."""

    applied: bool
    at: datetime
    warnings: list[str]
    lost: list[AffectedView]
    gained: list[AffectedView]
    judged: int


async def list_authorities(asked: Asked) -> web.StreamResponse:
    """List the authorities."""
    return answer([_view(item) for item in await asked.reading.hub.store.authorities.all()])


async def change_authorities(asked: Asked) -> web.StreamResponse:
    """Show what a change would mean, or make it."""
    wanted, hub = read_json(asked.body, AuthorityRequest), asked.reading.hub
    changes = _changes(wanted)
    check_changes(changes, await hub.store.authorities.all())
    seen = await show(hub, changes)
    if wanted.apply:
        await hub.store.authorities.apply(changes, asked.principal.author(hub.clock.now()))
    return answer(_preview(seen, applied=wanted.apply))


def _changes(wanted: AuthorityRequest) -> Sequence[Change]:
    role = None if wanted.role == "none" else Role(wanted.role)
    terms = USUAL
    if role is Role.ANCHOR:
        terms = Terms(
            kinds=frozenset(PartyKind(each) for each in wanted.kinds),
            uses=frozenset(Use(each) for each in wanted.uses),
            asking=Asking(wanted.revocation),
            since=_zoned(wanted.since, "since"),
            until=_zoned(wanted.until, "until"),
        )
    certificates = dict.fromkeys(load_many(wanted.pem.encode()))
    return [Change(certificate=each, role=role, terms=terms) for each in certificates]


def _zoned(moment: datetime | None, where: str) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise Refused(REQUEST, "A moment needs its time zone, such as Z or +07:00", where=where)
    return moment


def _view(authority: Authority) -> AuthorityView:
    certificate, terms = authority.certificate, authority.terms
    return AuthorityView(
        fingerprint=certificate.fingerprint,
        role=authority.role.value,
        subject=certificate.subject,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        kinds=[each.value for each in sorted(terms.kinds)],
        uses=[each.value for each in sorted(terms.uses)],
        revocation=terms.asking.value,
        since=terms.since,
        until=terms.until,
    )


def _preview(seen: Preview, *, applied: bool) -> PreviewView:
    return PreviewView(
        applied=applied,
        at=seen.at,
        warnings=list(seen.warnings),
        lost=_affected(seen.lost),
        gained=_affected(seen.gained),
        judged=seen.judged,
    )


def _affected(affected: Sequence[Affected]) -> list[AffectedView]:
    return [
        AffectedView(party=each.party, subject=each.subject, fingerprint=each.fingerprint, text=each.text)
        for each in affected
    ]


ROUTES = (
    Route(
        method="GET",
        path="/v1/authorities",
        name="listAuthorities",
        text="List the authorities that are trusted or known, with the terms of the anchors.",
        action=Action.ADMINISTER,
        handler=list_authorities,
        gives=AuthorityView,
        many=True,
    ),
    Route(
        method="POST",
        path="/v1/authorities/changes",
        name="changeAuthorities",
        text="Tell what a change of the authorities means and whose certificates are believed then or no more; or make it.",
        action=Action.ADMINISTER,
        handler=change_authorities,
        takes=AuthorityRequest,
        gives=PreviewView,
    ),
)
