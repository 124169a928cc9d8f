"""The store of connected systems: what they are, for whom they speak, and their secrets, locked in a vault."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from envelopes.signature.classify import SignatureClass
from exchange.core.audit import AuditEvent, Author
from exchange.core.model import Delivery, DeliveryKey, Entry, Kind, MessageKey, PartyId
from exchange.core.ports.systems import Vault
from exchange.core.systems import (
    SYSTEM_EXISTS,
    Collect,
    Link,
    SecretState,
    System,
    SystemId,
    SystemStatus,
    missing_system,
)
from exchange.errors import NOT_FOUND
from exchange.storage import collecting
from exchange.storage.parties import is_registered, note
from exchange.storage.revisions import advance
from exchange.storage.schema_access import SYSTEM_PARTIES, SYSTEM_SECRETS, SYSTEMS
from exchange.storage.session import Database, Session, micros, moment
from trust_store.errors import Refused

SUBJECT = "/systems"
"""What a change of the directory is about when it is about systems; no code of a party has a slash."""
_DIRECTORY = "directory"
_S, _P, _K = SYSTEMS.c, SYSTEM_PARTIES.c, SYSTEM_SECRETS.c
_ALL = select(_S.id, _S.name, _S.status, _S.admits).order_by(_S.id)
_ONE = select(_S.id).where(_S.id == bindparam("id"))
_LINKS = select(_P.system, _P.party, _P.only_here).order_by(_P.system, _P.party)
_STATUS = select(_S.status).where(_S.id == bindparam("id"))
_INSERT, _INSERT_LINK, _INSERT_SECRET = insert(SYSTEMS), insert(SYSTEM_PARTIES), insert(SYSTEM_SECRETS)
_DELETE = delete(SYSTEMS).where(_S.id == bindparam("which"))
_DELETE_LINKS = delete(SYSTEM_PARTIES).where(_P.system == bindparam("which"))
_IN_FORCE = or_(_K.ends_at.is_(None), _K.ends_at > bindparam("now"))
_SECRETS = select(_K.id, _K.locked).where(_K.system == bindparam("id"), _IN_FORCE).order_by(_K.created_at.desc(), _K.id)
_STATES = (
    select(_K.id, _K.created_at, _K.ends_at).where(_K.system == bindparam("id")).order_by(_K.created_at.desc(), _K.id)
)
_COUNT = select(func.count()).where(_K.system == bindparam("id"))
_END = (
    update(SYSTEM_SECRETS)
    .where(_K.system == bindparam("which"), or_(_K.ends_at.is_(None), _K.ends_at > bindparam("end")))
    .values(ends_at=bindparam("end"))
)
_FORGET = delete(SYSTEM_SECRETS).where(_K.system == bindparam("which"), _K.ends_at <= bindparam("end"))


def read_systems(session: Session) -> Sequence[System]:
    """Read all systems with the parties that they speak for."""
    links: dict[str, list[Link]] = defaultdict(list)
    for system, party, only in session.rows(_LINKS):
        links[system].append(Link(party=PartyId(party), only=bool(only)))
    return [
        System(
            id=SystemId(key),
            name=name,
            status=SystemStatus(status),
            admits=frozenset(SignatureClass(item) for item in json.loads(admits)),
            links=tuple(links[key]),
        )
        for key, name, status, admits in session.rows(_ALL)
    ]


class SystemStore:
    """Keep connected systems; see `ports.Systems`."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def connect(self, system: System, secret: str, by: Author) -> None:
        """Keep a new system with its first secret."""
        locked = self._locked(system.id, secret)

        def unit(session: Session) -> None:
            if session.rows(_ONE, id=system.id):
                raise Refused(SYSTEM_EXISTS, f"{system.id} is connected already", where="systemid")
            _write(session, system)
            _keep(session, system.id, locked, by)
            note(session, AuditEvent.SYSTEM_CONNECTED, f"system {system.id}", _told(system), by)

        await self._database.transact(unit, heavy=True)

    async def put(self, system: System, by: Author) -> None:
        """Change a system whole, except for its secrets."""

        def unit(session: Session) -> None:
            known = session.rows(_STATUS, id=system.id)
            if not known:
                raise missing_system(system.id)
            _write(session, system)
            event = _event(SystemStatus(known[0][0]), system.status)
            note(session, event, f"system {system.id}", _told(system), by)

        await self._database.transact(unit, heavy=True)

    async def rotate(self, system: SystemId, secret: str, until: datetime, by: Author) -> None:
        """Keep a new secret, and let those before end."""
        locked = self._locked(system, secret)

        def unit(session: Session) -> None:
            if not session.rows(_ONE, id=system):
                raise missing_system(system)
            session.rows(_FORGET, which=system, end=micros(by.at))
            session.rows(_END, which=system, end=micros(until))
            _keep(session, system, locked, by)
            ending = f"the one before ends {until:%Y-%m-%d %H:%M} UTC"
            note(session, AuditEvent.SYSTEM_ROTATED, f"system {system}", f"new secret {locked[0]}; {ending}", by)

        await self._database.transact(unit)

    async def states(self, system: SystemId) -> Sequence[SecretState]:
        """Tell of the secrets of a system, newest first."""
        rows = await self._database.read(lambda session: session.rows(_STATES, id=system))
        return [
            SecretState(id=key, created_at=moment(created), ends_at=moment(ends) if ends is not None else None)
            for key, created, ends in rows
        ]

    async def secrets(self, system: SystemId, now: datetime) -> Sequence[bytes]:
        """Return the secrets of a system that hold, newest first."""
        rows = await self._database.look(lambda session: session.rows(_SECRETS, id=system, now=micros(now)))
        return [self._vault.unlock(locked, _about(system, key)) for key, locked in rows]

    async def collect(self, system: SystemId, wanted: Collect) -> Sequence[Entry]:
        """List deliveries to the parties of a system."""
        return await self._database.read(lambda session: collecting.collect(session, system, wanted))

    async def waiting(self, system: SystemId, kind: Kind) -> int:
        """Count the deliveries to the parties of a system that were not taken over yet."""
        return await self._database.read(lambda session: collecting.count(session, system, kind))

    async def find(self, system: SystemId, key: DeliveryKey) -> Delivery | None:
        """Return a delivery to one of the parties of a system."""
        return await self._database.look(lambda session: collecting.find(session, system, key))

    async def sent(self, system: SystemId, wanted: Collect, key: MessageKey | None) -> Sequence[Entry]:
        """List deliveries of what the parties of a system sent."""
        return await self._database.read(lambda session: collecting.sent(session, system, wanted, key))

    def _locked(self, system: SystemId, secret: str) -> tuple[str, bytes]:
        """Lock a secret under an id that tells nothing of it: a digest of what it became."""
        nothing = self._vault.lock(b"", system)
        key = hashlib.sha256(nothing).hexdigest()[:12]
        return key, self._vault.lock(secret.encode(), _about(system, key))


def _about(system: SystemId, key: str) -> str:
    return f"system {system} secret {key}"


def _write(session: Session, system: System) -> None:
    session.rows(_DELETE, which=system.id)
    session.rows(_DELETE_LINKS, which=system.id)
    admits = json.dumps(sorted(system.admits))
    session.rows(_INSERT, id=system.id, name=system.name, status=system.status.value, admits=admits)
    for link in system.links:
        if not is_registered(session, link.party):
            raise Refused(NOT_FOUND, f"There is no party {link.party}", where="agencies")
        session.rows(_INSERT_LINK, system=system.id, party=link.party, only_here=int(link.only))
    advance(session, _DIRECTORY, [SUBJECT])


def _keep(session: Session, system: SystemId, locked: tuple[str, bytes], by: Author) -> None:
    values = {"id": locked[0], "locked": locked[1], "created_at": micros(by.at), "ends_at": None}
    session.rows(_INSERT_SECRET, system=system, **values)


def _event(old: SystemStatus, new: SystemStatus) -> AuditEvent:
    if old is new:
        return AuditEvent.SYSTEM_CHANGED
    return AuditEvent.SYSTEM_SUSPENDED if new is SystemStatus.SUSPENDED else AuditEvent.SYSTEM_RESUMED


def _told(system: System) -> str:
    named = ", ".join(sorted(system.admits))
    return f"{system.name}: speaks for {len(system.links)} parties, may send {named}"
