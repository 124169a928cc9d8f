"""Tell clients the units that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exchange.core.model import Party, PartyStatus
from exchange.core.particulars import CodeScheme
from exchange.core.snapshot import Snapshot
from exchange.errors import REQUEST
from exchange.ngsp.operations import Call, Operation
from trust_store.errors import Refused
from trust_store.identity import PartyKind


async def list_agencies(call: Call) -> Mapping[str, Any]:
    """List the units by their primary codes."""
    return {"data": await call.hub.workers.run(len(call.snapshot.parties) * 200, _plain, call.snapshot)}


async def list_new_agencies(call: Call) -> Mapping[str, Any]:
    """List the units by their codes after QĐ 20/2020, those of one level if one is named."""
    level = call.parameters.get("level").strip()
    if level and not (level.isascii() and level.isdecimal() and len(level) < 3):
        raise Refused(REQUEST, "level is a number from 1 on", where="XroadVnpt-level")
    return {
        "data": await call.hub.workers.run(len(call.snapshot.parties) * 200, _new, call.snapshot, int(level or "0"))
    }


async def synchronise(call: Call) -> Mapping[str, Any]:
    """List the units with what a client needs to follow changes."""
    work = len(call.snapshot.parties) * 200
    return {"data": await call.hub.workers.run(work, _followed, call.snapshot, call.hub.registrar.issuer.code)}


def _plain(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [
        {
            "id": party.id,
            "pid": party.parent or "",
            "code": party.id,
            "name": party.name,
            "mail": _mail(party),
            "oldCode": _coded(party, CodeScheme.OLD),
        }
        for party in _active(snapshot)
    ]


def _new(snapshot: Snapshot, level: int) -> list[dict[str, Any]]:
    return [
        {
            "id": party.id,
            "code": _coded(party, CodeScheme.QD20) or party.id,
            "name": party.name,
            "mail": _mail(party),
            "code102": party.id,
        }
        for party in _active(snapshot)
        if not level or sum(1 for _ in snapshot.lineage(party.id)) == level
    ]


def _followed(snapshot: Snapshot, center: str) -> list[dict[str, Any]]:
    return [
        {
            "id": party.id,
            "pid": party.parent or "",
            "code": party.id,
            "name": party.name,
            "mail": _mail(party),
            "centerCode": center,
            "version": snapshot.revision,
            "deleted": party.status is PartyStatus.SUSPENDED,
            "modifyDate": "",
            "isAgency": party.kind is PartyKind.AGENCY,
        }
        for _, party in sorted(snapshot.parties.items())
    ]


def _active(snapshot: Snapshot) -> list[Party]:
    return [party for _, party in sorted(snapshot.parties.items()) if party.status is PartyStatus.ACTIVE]


def _mail(party: Party) -> str:
    return next((contact.email for contact in party.contacts if contact.email), "")


def _coded(party: Party, scheme: CodeScheme) -> str:
    return next((alias.code for alias in party.aliases if alias.scheme is scheme), "")


_LIST: Final[Mapping[str, Any]] = {"data": []}
OPERATIONS: Final = (
    Operation(
        name="getAgenciesList",
        text="List the units by their primary codes.",
        handler=list_agencies,
        failing=_LIST,
    ),
    Operation(
        name="getAgenciesListQD20",
        text="List the units by their codes after QĐ 20/2020.",
        handler=list_new_agencies,
        failing=_LIST,
    ),
    Operation(
        name="getSynchronizeUnit",
        text="List the units with what a client needs to follow changes.",
        handler=synchronise,
        failing=_LIST,
    ),
)
