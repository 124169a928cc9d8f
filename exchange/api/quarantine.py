"""Declare a key compromised, and decide about what is held back since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web

from exchange.api.outlooks import CompromiseRequest, CompromiseView, DecisionRequest, HeldView
from exchange.api.registration import read_json
from exchange.api.routes import LIMIT, Asked, Query, Route, answer, limit_of
from exchange.api.searching import point_on
from exchange.auth.permissions import Action
from exchange.core import compromise
from exchange.core.model import MessageKey
from exchange.core.quarantine import Affected, Compromise, Declaration
from exchange.errors import REQUEST
from trust_store.errors import Refused

MOST = 200
DRY_RUN = Query(name="dry-run", kind="boolean", text="true: tell what would happen and do nothing")
AFTER_MESSAGE = Query(name="after", kind="string", text="The message of the last line of the page before")


async def declare(asked: Asked) -> web.StreamResponse:
    """Declare the key of a certificate compromised; a party only of its own."""
    hub, dry = asked.reading.hub, asked.request.query.get("dry-run", "false")
    if dry not in {"true", "false"}:
        raise Refused(REQUEST, "dry-run is true or false", where="query parameter dry-run")
    given = read_json(asked.body, CompromiseRequest)
    wanted = Declaration(
        certificate=asked.request.match_info["certificate"].lower(),
        since=_in_utc(given.since),
        why=given.why,
        party=None if asked.principal.administers else asked.party.id,
    )
    if dry == "true":
        return answer(compromise_view(await compromise.preview(hub, wanted), written=False))
    found = await compromise.declare(hub, wanted, asked.principal.author(hub.clock.now()))
    return answer(compromise_view(found, written=found.is_news))


def _in_utc(since: datetime) -> datetime:
    """Write a moment in UTC, as the audit trail and everybody who is told read it."""
    if since.tzinfo is None:
        raise Refused(REQUEST, "since needs its time zone, as in 2026-11-25T08:00:00Z", where="since")
    try:
        return since.astimezone(UTC)
    except OverflowError:
        raise Refused(REQUEST, "since is before all time, or after it", where="since") from None


async def held(asked: Asked) -> web.StreamResponse:
    """List what is held back, to be looked into; a page has whole messages."""
    after, limit = MessageKey(asked.request.query.get("after", "")), limit_of(asked.request)
    found = await asked.reading.hub.store.quarantine.page(after or None, limit)
    messages = {item.message for item in found}
    last = found[-1].message if found else ""
    return point_on(asked.request, answer(affected_views(found)), last, full=len(messages) == limit)


async def release(asked: Asked) -> web.StreamResponse:
    """Let a message go on."""
    why, hub = read_json(asked.body, DecisionRequest).why, asked.reading.hub
    by = asked.principal.author(hub.clock.now())
    return answer(affected_views(await compromise.release(hub, _key(asked), why, by)))


async def withdraw(asked: Asked) -> web.StreamResponse:
    """Never hand a message out."""
    why, hub = read_json(asked.body, DecisionRequest).why, asked.reading.hub
    by = asked.principal.author(hub.clock.now())
    return answer(affected_views(await compromise.withdraw(hub, _key(asked), why, by)))


def compromise_view(found: Compromise, *, written: bool) -> CompromiseView:
    """Show what a declaration did, or would do."""
    return CompromiseView(
        certificate=found.certificate,
        subject=found.subject,
        parties=list(found.parties),
        since=found.since,
        revoked_at=found.revoked_at,
        written=written,
        held=len(found.held),
        handed_over=len(found.handed),
        held_list=affected_views(found.held[:MOST]),
        handed_over_list=affected_views(found.handed[:MOST]),
    )


def _key(asked: Asked) -> MessageKey:
    return MessageKey(asked.request.match_info["held"])


def affected_views(found: Sequence[Affected]) -> list[HeldView]:
    """Show deliveries that are concerned."""
    return [
        HeldView(
            message=item.message,
            message_id=item.message_id,
            sender=item.sender,
            receiver=item.receiver,
            number=item.number,
            notation=item.notation,
            subject=item.subject,
            digest=item.digest,
            certificate=item.certificate,
            submitted_at=item.submitted_at,
            fetched_at=item.fetched_at,
            handed_over_at=item.handed_over_at,
            held=item.held,
        )
        for item in found
    ]


ROUTES = (
    Route(
        method="POST",
        path="/v1/certificates/{certificate}/compromise",
        name="declareCompromise",
        text="Declare a key compromised: revoke its certificate (SHA-256), hold back what it signed since, tell everybody.",
        action=Action.DECLARE,
        handler=declare,
        takes=CompromiseRequest,
        gives=CompromiseView,
        queries=(DRY_RUN,),
    ),
    Route(
        method="GET",
        path="/v1/quarantine",
        name="listQuarantine",
        text="List the deliveries that are held back, message by message.",
        action=Action.ADMINISTER,
        handler=held,
        gives=HeldView,
        many=True,
        queries=(AFTER_MESSAGE, LIMIT),
    ),
    Route(
        method="POST",
        path="/v1/quarantine/{held}/release",
        name="releaseMessage",
        text="Let a message go on that was looked into: hand it out again, take the marks away, tell those concerned.",
        action=Action.ADMINISTER,
        handler=release,
        takes=DecisionRequest,
        gives=HeldView,
        many=True,
    ),
    Route(
        method="POST",
        path="/v1/quarantine/{held}/withdrawal",
        name="withdrawMessage",
        text="Never hand a quarantined message out, with evidence for each receiver, and tell those concerned.",
        action=Action.ADMINISTER,
        handler=withdraw,
        takes=DecisionRequest,
        gives=HeldView,
        many=True,
    ),
)
