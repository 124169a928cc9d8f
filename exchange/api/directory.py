"""Look up parties and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import web

from exchange.api.routes import MAX_LIMIT, XML, Asked, Query, Route, answer, limit_of
from exchange.api.searching import one_of, point_on, short, words
from exchange.api.views import PartyView
from exchange.auth.permissions import Action
from exchange.core.listing import PartySearch, find_parties
from exchange.core.model import EvidenceId, Party, PartyStatus
from exchange.core.snapshot import Snapshot
from trust_store.identity import PartyKind

_AT_ONCE: Final = 500


async def whoami(asked: Asked) -> web.StreamResponse:
    """Say which party the token speaks for."""
    return answer(_view(asked, asked.party, await asked.reading.hub.store.directory.snapshot()))


async def parties(asked: Asked) -> web.StreamResponse:
    """List the parties, or those that are asked for."""
    hub, search = asked.reading.hub, _search(asked.request)
    snapshot = await hub.store.directory.snapshot()
    weight = (search.limit if search.is_page else len(snapshot.parties)) * 100
    found, body = await hub.workers.run(weight, _listed, asked, snapshot, search)
    full = 0 < search.limit == len(found)
    response = web.Response(body=body, content_type="application/json")
    return point_on(asked.request, response, found[-1].id if found else "", full=full)


def _listed(asked: Asked, snapshot: Snapshot, search: PartySearch) -> tuple[Sequence[Party], bytes]:
    """Find parties and write them as JSON, some at a time, so that other threads get their turn."""
    found = find_parties(snapshot, search)
    parts = (found[start : start + _AT_ONCE] for start in range(0, len(found), _AT_ONCE))
    written = (msgspec.json.encode([_view(asked, party, snapshot) for party in part])[1:-1] for part in parts)
    return found, b"[" + b",".join(written) + b"]"


async def evidence(asked: Asked) -> web.StreamResponse:
    """Hand out a sealed receipt."""
    receipt = await asked.reading.evidence(asked.party, EvidenceId(asked.request.match_info["evidence"]))
    return web.Response(body=receipt.xml, content_type=XML)


def _search(request: web.Request) -> PartySearch:
    query = request.query
    return PartySearch(
        kind=one_of(query, "kind", tuple(PartyKind), ""),
        status=one_of(query, "status", tuple(PartyStatus), ""),
        text=short(query, "text"),
        parent=short(query, "parent"),
        after=short(query, "after"),
        limit=limit_of(request) if "limit" in query else 0,
    )


def _view(asked: Asked, party: Party, snapshot: Snapshot) -> PartyView:
    ways = {"api": party.id not in snapshot.bound, "ngsp": party.id in snapshot.served}
    return PartyView(
        id=party.id,
        name=party.name,
        kind=party.kind,
        codes=sorted(party.codes),
        status=party.status,
        reached_by=[way for way, is_open in ways.items() if is_open],
        max_bytes=asked.reading.hub.sizes.limit(party.id, snapshot),
        files_beside=party.id not in snapshot.bound,
    )


FILTERS = (
    Query(name="kind", kind="string", text="agency or enterprise", rules={"enum": list(PartyKind)}),
    Query(name="status", kind="string", text="active or suspended", rules={"enum": list(PartyStatus)}),
    words("text", "A part of the name or of a code; without diacritics it matches with and without"),
    words("parent", "Only those right under this party"),
    words("after", "The last party of the page before; the Link header has the next page"),
    Query(
        name="limit",
        kind="integer",
        text=f"How many at most, 1 to {MAX_LIMIT}; all unless told",
        rules={"minimum": 1, "maximum": MAX_LIMIT},
    ),
)
ROUTES = (
    Route(
        method="GET",
        path="/v1/whoami",
        name="whoAmI",
        action=Action.IDENTIFY,
        text="Show the party that the token speaks for.",
        handler=whoami,
        gives=PartyView,
    ),
    Route(
        method="GET",
        path="/v1/parties",
        name="listParties",
        action=Action.FIND,
        text="List the parties that can be written to.",
        handler=parties,
        gives=PartyView,
        many=True,
        queries=FILTERS,
    ),
    Route(
        method="GET",
        path="/v1/evidence/{evidence}",
        name="getEvidence",
        action=Action.LOOK,
        text="Download a receipt (sealed XML).",
        handler=evidence,
        gives=None,
    ),
)
