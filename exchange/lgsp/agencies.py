"""Tell clients the units that there are: getAgenciesList."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from exchange.core.model import Party, PartyStatus
from exchange.core.snapshot import Snapshot
from exchange.lgsp.answers import succeed
from exchange.lgsp.operations import Asked, Operation


async def list_agencies(asked: Asked) -> web.Response:
    """List the units by their primary codes."""
    snapshot = asked.call.snapshot
    return await asked.call.hub.workers.run(len(snapshot.parties) * 200, _listed, snapshot)


def _listed(snapshot: Snapshot) -> web.Response:
    active = (party for _, party in sorted(snapshot.parties.items()) if party.status is PartyStatus.ACTIVE)
    return succeed({"data": [_unit(party) for party in active]})


def _unit(party: Party) -> dict[str, str]:
    return {
        "orgCode": party.id,
        "orgName": party.name,
        "parentCode": party.parent or "",
        "address": "",
        "email": next((contact.email for contact in party.contacts if contact.email), ""),
        "phone": next((contact.phone for contact in party.contacts if contact.phone), ""),
    }


OPERATIONS: Final = (
    Operation(
        method="GET", path="/v1/getAgenciesList", text="List the units by their primary codes.", handler=list_agencies
    ),
)
