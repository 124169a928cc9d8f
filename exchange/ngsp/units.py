"""Register and suspend units below those that a system speaks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import Contact, check_contacts, check_name
from exchange.core.registering import BAD_PARENT, describe_party
from exchange.core.systems import Link
from exchange.errors import NOT_FOUND, REQUEST
from exchange.ngsp.operations import NOT_OF_SYSTEM, Call, Operation
from trust_store.errors import Refused
from trust_store.identity import PartyKind


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a unit; `id` is its own and is not kept."""

    code: str
    pcode: str
    name: str
    id: str = ""
    mail: str = ""
    mobile: str = ""
    fax: str = ""


async def register(call: Call) -> Mapping[str, Any]:
    """Register a unit, or change its name and how to reach it, and let the system speak for it."""
    unit = _read(call.body)
    parent, known = _parent(call, unit.pcode), call.snapshot.resolve(unit.code)
    if known is not None and not _is_below(call, known.id):
        raise Refused(NOT_OF_SYSTEM, f"{unit.code} is registered elsewhere", where="code")
    party = known or describe_party(unit.code, unit.name, PartyKind.AGENCY)
    changed = dataclasses.replace(
        party,
        name=check_name(unit.name),
        parent=parent.id,
        status=PartyStatus.ACTIVE,
        contacts=_contacts(unit) or party.contacts,
    )
    await call.hub.store.registry.put(changed, call.author)
    if changed.id not in call.system.parties:
        links = (*call.system.links, Link(party=changed.id))
        await call.hub.store.systems.put(dataclasses.replace(call.system, links=links), call.author)
    return {}


async def delete(call: Call) -> Mapping[str, Any]:
    """Suspend a unit: it receives nothing from then on, and what it exchanged stays."""
    code = call.parameters.get("AgencyCode").strip()
    party = call.snapshot.resolve(code)
    if party is None:
        raise Refused(NOT_FOUND, f"There is no unit {code}", where="XroadVnpt-AgencyCode")
    if not _is_below(call, party.id):
        text = f"{code} is not below an agency of this system; only the administrator of the hub can suspend it"
        raise Refused(NOT_OF_SYSTEM, text, where="XroadVnpt-AgencyCode")
    if party.status is PartyStatus.ACTIVE:
        await call.hub.store.registry.put(dataclasses.replace(party, status=PartyStatus.SUSPENDED), call.author)
    return {}


def _read(body: bytes) -> Unit:
    try:
        return msgspec.json.decode(body, type=Unit)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = f'The body is not {{"id","pcode","code","name","mail","mobile","fax"}} as JSON in UTF-8: {error}'
        raise Refused(REQUEST, text, where="body") from None


def _parent(call: Call, code: str) -> Party:
    found = call.snapshot.resolve(code)
    if found is None:
        raise Refused(BAD_PARENT, f"{code} is not registered", where="pcode")
    if found.id not in call.system.parties and not _is_below(call, found.id):
        raise Refused(NOT_OF_SYSTEM, f"{code} is neither an agency of this system nor below one", where="pcode")
    return found


def _is_below(call: Call, party: PartyId) -> bool:
    """Tell whether a party is somewhere below one that the system speaks for, not being the topmost of these itself."""
    return any(above in call.system.parties for above in call.snapshot.lineage(party) if above != party)


def _contacts(unit: Unit) -> tuple[Contact, ...]:
    if not (unit.mail or unit.mobile):
        return ()
    return check_contacts([Contact(name=check_name(unit.name), email=unit.mail, phone=unit.mobile or unit.fax)])


OPERATIONS: Final = (
    Operation(name="registerAgency", text="Register a unit below an agency of the system.", handler=register),
    Operation(name="deleteAgency", text="Suspend a unit below an agency of the system.", handler=delete),
)
