"""Show, register and change parties, one by one or as a table."""

from __future__ import annotations

import dataclasses

from aiohttp import web

from exchange.api.offices import AliasView, ContactView, ImportView, PartyDetailView, PartyRequest
from exchange.api.registration import find_party, read_json
from exchange.api.routes import Asked, Query, Route, answer
from exchange.auth.permissions import Action
from exchange.bulk import in_bulk
from exchange.core.importing import Plan, plan
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import Alias, CodeScheme, Contact, check_contacts, check_name
from exchange.core.registering import BAD_PARENT, decide, describe_party, keep_schemes, with_aliases
from exchange.core.sheet import write_sheet, write_table
from exchange.core.snapshot import Snapshot
from exchange.errors import REQUEST
from trust_store.errors import Refused
from trust_store.identity import PartyKind

TABLE = "text/csv"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_LARGE = 256 * 1024
DRY_RUN = Query(name="dry-run", kind="boolean", text="true: look at everything and write nothing")


async def show_party(asked: Asked) -> web.StreamResponse:
    """Show all that is known of a party."""
    return answer(_detail(await find_party(asked)))


async def put_party(asked: Asked) -> web.StreamResponse:
    """Register a party, or change what is stated of it."""
    wanted, hub = read_json(asked.body, PartyRequest), asked.reading.hub
    code = asked.request.match_info["party"]

    async def change(snapshot: Snapshot) -> Party:
        party = _stated(snapshot.resolve(code) or _new(code, wanted), wanted, snapshot)
        await hub.store.registry.put(party, asked.principal.author(hub.clock.now()), snapshot.revision)
        return party

    return answer(_detail(await decide(hub.store.directory, change)))


async def export_parties(asked: Asked) -> web.StreamResponse:
    """Hand all parties out as a table, as a workbook where the request says that it takes one."""
    hub = asked.reading.hub
    parties = await hub.store.directory.all()
    if WORKBOOK in asked.request.headers.get("Accept", ""):
        return web.Response(body=await hub.workers.run(len(parties) * 100, write_sheet, parties), content_type=WORKBOOK)
    body = await hub.workers.run(len(parties) * 100, write_table, parties)
    return web.Response(body=body, content_type=TABLE, charset="utf-8")


async def import_parties(asked: Asked) -> web.StreamResponse:
    """Take a table of parties in, whole or not at all."""
    hub, wanted = asked.reading.hub, asked.request.query.get("dry-run", "false")
    if wanted not in {"true", "false"}:
        raise Refused(REQUEST, "dry-run is true or false", where="query parameter dry-run")
    snapshot = await hub.store.directory.snapshot()
    code, weight = hub.registrar.issuer.code, len(asked.body) * 20 + len(snapshot.parties) * 100
    planned = await hub.workers.run(weight, _plan, asked.body, snapshot, code)
    written = wanted == "false"
    if written and planned.parties:
        author = asked.principal.author(hub.clock.now())
        await hub.store.registry.put_all(planned.parties, planned.revision, author)
    return answer(
        ImportView(
            written=written,
            registered=planned.registered,
            changed=planned.changed,
            unchanged=planned.unchanged,
        )
    )


def _plan(data: bytes, snapshot: Snapshot, own: str) -> Plan:
    return in_bulk(plan, data, snapshot, own) if len(data) > _LARGE else plan(data, snapshot, own)


def _new(code: str, wanted: PartyRequest) -> Party:
    if wanted.name is None or wanted.kind is None:
        raise Refused(REQUEST, "There is no such party yet; a new one needs name and kind", where="name, kind")
    return describe_party(code, wanted.name, PartyKind(wanted.kind))


def _stated(party: Party, wanted: PartyRequest, snapshot: Snapshot) -> Party:
    """Change what is stated; the kind of a party is for ever."""
    if wanted.kind not in {None, party.kind}:
        raise Refused(REQUEST, f"{party.id} is of kind {party.kind}, which does not change", where="kind")
    coded = _coded(party, wanted)
    contacts = (_contact(item) for item in wanted.contacts or ())
    return dataclasses.replace(
        coded,
        name=party.name if wanted.name is None else check_name(wanted.name),
        status=PartyStatus(wanted.status or party.status),
        parent=party.parent if wanted.parent is None else _parent(wanted.parent, snapshot),
        contacts=party.contacts if wanted.contacts is None else check_contacts(contacts),
    )


def _coded(party: Party, wanted: PartyRequest) -> Party:
    if wanted.aliases is not None and wanted.codes is not None:
        raise Refused(REQUEST, "State the further codes as aliases or as codes, not as both", where="aliases, codes")
    if wanted.aliases is not None:
        stated = (Alias(code=item.code, scheme=CodeScheme(item.scheme)) for item in wanted.aliases)
        return with_aliases(party, stated)
    return party if wanted.codes is None else with_aliases(party, keep_schemes(party, wanted.codes))


def _parent(code: str, snapshot: Snapshot) -> PartyId | None:
    found = snapshot.resolve(code) if code else None
    if code and found is None:
        raise Refused(BAD_PARENT, f"{code} is not registered", where="parent")
    return found.id if found else None


def _contact(view: ContactView) -> Contact:
    return Contact(name=view.name, role=view.role, email=view.email, phone=view.phone)


def _detail(party: Party) -> PartyDetailView:
    return PartyDetailView(
        id=party.id,
        name=party.name,
        kind=party.kind,
        codes=sorted(party.codes),
        status=party.status,
        aliases=[AliasView(code=item.code, scheme=item.scheme.value) for item in party.aliases],
        parent=party.parent or "",
        contacts=[
            ContactView(name=item.name, role=item.role, email=item.email, phone=item.phone) for item in party.contacts
        ],
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/parties/{party}",
        name="getParty",
        text="Show all that is known of a party: codes with their schemes, who is above it, contacts.",
        action=Action.ADMINISTER,
        handler=show_party,
        gives=PartyDetailView,
    ),
    Route(
        method="PUT",
        path="/v1/parties/{party}",
        name="putParty",
        text="Register a party, or change what is stated of it; what is not stated stays.",
        action=Action.ADMINISTER,
        handler=put_party,
        takes=PartyRequest,
        gives=PartyDetailView,
    ),
    Route(
        method="GET",
        path="/v1/directory",
        name="exportParties",
        text="Download all parties as a table that can be imported again: XLSX if the header Accept has its type, else CSV.",
        action=Action.ADMINISTER,
        handler=export_parties,
        gives=None,
        gives_media=TABLE,
        other_media=WORKBOOK,
    ),
    Route(
        method="POST",
        path="/v1/directory",
        name="importParties",
        text="Register and change the parties in a table (CSV or XLSX), all or none; a refusal names every wrong row.",
        action=Action.ADMINISTER,
        handler=import_parties,
        takes_media=TABLE,
        other_media=WORKBOOK,
        gives=ImportView,
        queries=(DRY_RUN,),
    ),
)
