"""Look up parties and evidence."""

from __future__ import annotations

from aiohttp import web

from exchange.api.routes import XML, Asked, Route, answer
from exchange.api.views import PartyView
from exchange.auth.permissions import Action
from exchange.core.model import EvidenceId, Party


async def whoami(asked: Asked) -> web.StreamResponse:
    """Say which party the token speaks for."""
    return answer(_view(asked.party))


async def parties(asked: Asked) -> web.StreamResponse:
    """List the parties."""
    return answer([_view(party) for party in await asked.reading.hub.store.directory.all()])


async def evidence(asked: Asked) -> web.StreamResponse:
    """Hand out a sealed receipt."""
    receipt = await asked.reading.evidence(asked.party, EvidenceId(asked.request.match_info["evidence"]))
    return web.Response(body=receipt.xml, content_type=XML)


def _view(party: Party) -> PartyView:
    return PartyView(id=party.id, name=party.name, kind=party.kind, codes=sorted(party.codes), status=party.status)


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
