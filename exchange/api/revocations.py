"""Bring a revocation list by hand, and see what is known of revocations."""

from __future__ import annotations

from datetime import datetime

import msgspec
from aiohttp import web

from exchange.api.routes import Asked, Route, answer
from exchange.auth.permissions import Action
from exchange.core.revoking import Kept
from exchange.errors import INTERNAL
from exchange.revocations import import_list, known
from trust_store.errors import Refused
from trust_store.policy import Freshness


class RevocationView(msgspec.Struct, frozen=True, kw_only=True):
    """A list or an answer that nothing newer replaced; `state` is fresh, grace (overdue, still decides) or stale."""

    digest: str
    kind: str
    authority: str
    issued_at: datetime
    next_update: datetime | None
    state: str
    source: str
    fetched_at: datetime


async def bring_list(asked: Asked) -> web.StreamResponse:
    """Take a revocation list that an administrator brings."""
    hub = asked.reading.hub
    datum, _ = await import_list(hub, asked.body, asked.principal.author(hub.clock.now()))
    kept = await hub.store.revocation.get(datum.digest)
    if kept is None:
        raise Refused(INTERNAL, "What was kept just now is not there")
    return answer(_view(kept, hub.policy.freshness, hub.clock.now()), 201)


async def list_revocations(asked: Asked) -> web.StreamResponse:
    """List what is known of revocations."""
    hub = asked.reading.hub
    freshness, now = hub.policy.freshness, hub.clock.now()
    return answer([_view(item, freshness, now) for item in await known(hub)])


def _view(kept: Kept, freshness: Freshness, now: datetime) -> RevocationView:
    datum = kept.datum
    return RevocationView(
        digest=datum.digest,
        kind=datum.kind.value,
        authority=datum.authority,
        issued_at=datum.this_update,
        next_update=datum.next_update,
        state=datum.state(freshness, now).value,
        source=kept.source,
        fetched_at=kept.fetched_at,
    )


ROUTES = (
    Route(
        method="POST",
        path="/v1/revocations",
        name="bringRevocationList",
        text="Bring a revocation list (DER or PEM) by hand: of an authority that is known, signed by it, and newer.",
        action=Action.ADMINISTER,
        handler=bring_list,
        takes_media="application/pkix-crl",
        gives=RevocationView,
        status=201,
    ),
    Route(
        method="GET",
        path="/v1/revocations",
        name="listRevocations",
        text="List the revocation lists and OCSP answers that decide now.",
        action=Action.ADMINISTER,
        handler=list_revocations,
        gives=RevocationView,
        many=True,
    ),
)
