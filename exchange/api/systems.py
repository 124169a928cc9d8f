"""Administer connected systems."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from aiohttp import web

from exchange.api.connections import (
    LinkView,
    NewSystemRequest,
    SecretView,
    SystemRequest,
    SystemRotationRequest,
    SystemSecretView,
    SystemView,
)
from exchange.api.registration import read_json
from exchange.api.routes import Asked, Route, answer
from exchange.auth import systems
from exchange.auth.permissions import Action
from exchange.core.snapshot import Snapshot
from exchange.core.systems import MAX_OVERLAP, UNSIGNED, Link, System, SystemId, SystemStatus, describe_system
from exchange.errors import NOT_FOUND, REQUEST
from trust_store.errors import Refused


async def list_systems(asked: Asked) -> web.StreamResponse:
    """List the connected systems."""
    found = (await asked.reading.hub.store.directory.snapshot()).systems
    return answer([await _view(asked, found[key]) for key in sorted(found)])


async def show_system(asked: Asked) -> web.StreamResponse:
    """Show a connected system."""
    return answer(await _view(asked, _found(asked, await asked.reading.hub.store.directory.snapshot())))


async def add_system(asked: Asked) -> web.StreamResponse:
    """Connect a system, and show its secret once."""
    wanted, hub = read_json(asked.body, NewSystemRequest), asked.reading.hub
    if wanted.name is None:
        raise Refused(REQUEST, "A new system needs a name", where="name")
    snapshot = await hub.store.directory.snapshot()
    system = describe_system(
        wanted.systemid,
        wanted.name,
        _links(wanted.agencies or (), snapshot),
        unsigned=bool(wanted.unsigned),
        status=SystemStatus(wanted.status or SystemStatus.ACTIVE),
    )
    by = asked.principal.author(hub.clock.now())
    secret = await systems.connect(hub.store.systems, hub.registrar.entropy, by, system)
    return answer(SystemSecretView(systemid=system.id, secret=secret, old_ends_at=None), 201)


async def put_system(asked: Asked) -> web.StreamResponse:
    """Change what is stated of a system."""
    wanted, hub = read_json(asked.body, SystemRequest), asked.reading.hub
    snapshot = await hub.store.directory.snapshot()
    known = _found(asked, snapshot)
    system = describe_system(
        known.id,
        known.name if wanted.name is None else wanted.name,
        known.links if wanted.agencies is None else _links(wanted.agencies, snapshot),
        unsigned=known.admits >= UNSIGNED if wanted.unsigned is None else wanted.unsigned,
        status=SystemStatus(wanted.status or known.status),
    )
    await hub.store.systems.put(system, asked.principal.author(hub.clock.now()))
    return answer(await _view(asked, system))


async def rotate_system(asked: Asked) -> web.StreamResponse:
    """Give a system a new secret, and show that once."""
    wanted, hub = read_json(asked.body, SystemRotationRequest), asked.reading.hub
    known = _found(asked, await hub.store.directory.snapshot())
    if not 0 <= wanted.overlap_seconds <= MAX_OVERLAP.total_seconds():
        raise Refused(REQUEST, f"An overlap lasts from 0 to {MAX_OVERLAP.days} days", where="overlap_seconds")
    by, overlap = asked.principal.author(hub.clock.now()), timedelta(seconds=wanted.overlap_seconds)
    secret, until = await systems.rotate(hub.store.systems, hub.registrar.entropy, by, known.id, overlap)
    return answer(SystemSecretView(systemid=known.id, secret=secret, old_ends_at=until), 201)


def _found(asked: Asked, snapshot: Snapshot) -> System:
    found = snapshot.systems.get(SystemId(asked.request.match_info["system"]))
    if found is None:
        raise Refused(NOT_FOUND, "There is no such system")
    return found


def _links(views: Iterable[LinkView], snapshot: Snapshot) -> list[Link]:
    found = [(view, snapshot.resolve(view.agency)) for view in views]
    for view, party in found:
        if party is None:
            raise Refused(NOT_FOUND, f"There is no party {view.agency}", where="agencies")
    return [Link(party=party.id, only=view.only) for view, party in found if party is not None]


async def _view(asked: Asked, system: System) -> SystemView:
    states = await asked.reading.hub.store.systems.states(system.id)
    return SystemView(
        systemid=system.id,
        name=system.name,
        status=system.status,
        unsigned=system.admits >= UNSIGNED,
        agencies=[LinkView(agency=link.party, only=link.only) for link in system.links],
        secrets=[SecretView(id=item.id, created_at=item.created_at, ends_at=item.ends_at) for item in states],
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/systems",
        name="listSystems",
        text="List the connected systems with the agencies that they speak for.",
        action=Action.ADMINISTER,
        handler=list_systems,
        gives=SystemView,
        many=True,
    ),
    Route(
        method="POST",
        path="/v1/systems",
        name="addSystem",
        text="Connect a system; its secret is shown in this answer and never again.",
        action=Action.ADMINISTER,
        handler=add_system,
        takes=NewSystemRequest,
        gives=SystemSecretView,
        status=201,
    ),
    Route(
        method="GET",
        path="/v1/systems/{system}",
        name="getSystem",
        text="Show a connected system.",
        action=Action.ADMINISTER,
        handler=show_system,
        gives=SystemView,
    ),
    Route(
        method="PUT",
        path="/v1/systems/{system}",
        name="putSystem",
        text="Change what is stated of a system, suspend or resume it; what is not stated stays.",
        action=Action.ADMINISTER,
        handler=put_system,
        takes=SystemRequest,
        gives=SystemView,
    ),
    Route(
        method="POST",
        path="/v1/systems/{system}/rotation",
        name="rotateSystem",
        text="Give a system a new secret, shown in this answer and never again; the one before ends after the overlap.",
        action=Action.ADMINISTER,
        handler=rotate_system,
        takes=SystemRotationRequest,
        gives=SystemSecretView,
        status=201,
    ),
)
