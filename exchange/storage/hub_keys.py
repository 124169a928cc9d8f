"""The store of the hub's own keys: which there are and were, never the keys themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.keys import ANNOUNCED, LAST, HubKey
from exchange.errors import NOT_FOUND
from exchange.storage.audit import insert_audit
from exchange.storage.parties import named
from exchange.storage.revisions import advance, revision_of
from exchange.storage.schema_keys import HUB_KEYS
from exchange.storage.session import Database, Row, Session, micros, moment
from exchange.storage.trust import revoke_in
from trust_store.certificate import load_many
from trust_store.errors import Refused
from trust_store.evidence import Revocation

_NAME = "hub-keys"
_K = HUB_KEYS.c
_ALL = select(HUB_KEYS).order_by(_K.since, _K.fingerprint)
_INSERT = insert(HUB_KEYS)
_RETIRE = (
    update(HUB_KEYS)
    .where(_K.fingerprint == bindparam("which"))
    .values(retired_at=bindparam("moment"), compromised_from=bindparam("compromised"), why=bindparam("reason"))
)
_BEGIN = update(HUB_KEYS).where(_K.fingerprint == bindparam("which")).values(since=bindparam("moment"))
_MOVE = update(HUB_KEYS).where(_K.fingerprint == bindparam("which")).values(place=bindparam("where"))
REPLACED = "another key was put in its place"


class HubKeyStore:
    """Keep which keys the hub has and had; see `ports.HubKeys`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[int, Sequence[HubKey]] | None = None

    async def known(self) -> Sequence[HubKey]:
        """List them all, in the order in which they sign."""
        revision = await self._database.look(lambda session: revision_of(session, _NAME))
        if self._known is None or self._known[0] != revision:
            self._known = revision, await self._database.read(read_keys)
        return self._known[1]

    async def announce(self, key: HubKey, by: Author) -> None:
        """Make a key known, unless it is, or another one is announced."""

        def unit(session: Session) -> None:
            known = read_keys(session)
            if any(_print(each) == _print(key) for each in known):
                return
            waiting = [each for each in known if each.retired_at is None and each.since > by.at]
            if waiting:
                raise Refused(
                    ANNOUNCED, f"{_print(waiting[0])[:16]} signs from {waiting[0].since:%Y-%m-%d %H:%M} UTC on"
                )
            _add(session, key, by)

        await self._database.transact(unit)

    async def adopt(self, key: HubKey, by: Author) -> None:
        """Make the key known that was put in place by hand, or where it is now."""

        def unit(session: Session) -> None:
            known = read_keys(session)
            for each in known:
                if each.place == key.place and each.retired_at is None and _print(each) != _print(key):
                    _retire(session, each, REPLACED, by)
            if all(_print(each) != _print(key) for each in known):
                _add(session, key, by)
            elif all(each.place != key.place for each in known if _print(each) == _print(key)):
                session.rows(_MOVE, which=_print(key), where=key.place)
                _note(session, AuditEvent.HUB_KEY_ADDED, key, f"is now at {key.place}", by)
                advance(session, _NAME)

        await self._database.transact(unit)

    async def retire(self, fingerprint: str, why: str, by: Author, compromised_from: datetime | None = None) -> HubKey:
        """Let a key sign nothing more."""

        def unit(session: Session) -> HubKey:
            known = read_keys(session)
            found = next((each for each in known if _print(each) == fingerprint), None)
            if found is None:
                raise Refused(NOT_FOUND, "The hub has no key with this fingerprint")
            if found.retired_at is not None and compromised_from in {None, found.compromised_from}:
                return found
            _pass_on(session, [each for each in known if each.retired_at is None and each is not found], by)
            return _retire(session, found, why, by, compromised_from)

        return await self._database.transact(unit)


def read_keys(session: Session) -> Sequence[HubKey]:
    """Read them all in a unit of work, in the order in which they sign."""
    return tuple(_read(row) for row in session.rows(_ALL))


def _pass_on(session: Session, others: Sequence[HubKey], by: Author) -> None:
    """See that another key signs from now on."""
    if not others:
        raise Refused(LAST)
    if all(each.since > by.at for each in others):
        session.rows(_BEGIN, which=_print(others[0]), moment=micros(by.at))
        _note(session, AuditEvent.HUB_KEY_ADDED, others[0], f"signs from now on: {others[0].place}", by)


def _retire(session: Session, key: HubKey, why: str, by: Author, compromised_from: datetime | None = None) -> HubKey:
    compromised = micros(compromised_from) if compromised_from else None
    at = key.retired_at or by.at
    session.rows(_RETIRE, which=_print(key), moment=micros(at), compromised=compromised, reason=why)
    since = f"; compromised from {compromised_from:%Y-%m-%d %H:%M} UTC on" if compromised_from else ""
    _note(session, AuditEvent.HUB_KEY_RETIRED, key, why + since, by)
    if compromised_from is not None:
        revoke_in(session, Revocation(signed_part=key.certificate.signed_part, at=compromised_from, why=why), by)
    advance(session, _NAME)
    return replace(key, retired_at=at, compromised_from=compromised_from, why=why)


def _add(session: Session, key: HubKey, by: Author) -> None:
    session.rows(
        _INSERT,
        fingerprint=_print(key),
        certificates=b"".join(each.pem for each in (key.certificate, *key.chain)),
        place=key.place,
        since=micros(key.since),
        retired_at=None,
        compromised_from=None,
        why="",
    )
    _note(session, AuditEvent.HUB_KEY_ADDED, key, f"from {key.since:%Y-%m-%d %H:%M} UTC on: {key.place}", by)
    advance(session, _NAME)


def _note(session: Session, event: AuditEvent, key: HubKey, detail: str, by: Author) -> None:
    insert_audit(session, AuditEntry(event=event, actor=by.actor, subject=named(key.certificate), detail=detail), by.at)


def _print(key: HubKey) -> str:
    return key.certificate.fingerprint


def _read(row: Row) -> HubKey:
    _, certificates, place, since, retired_at, compromised_from, why = row
    own, *chain = load_many(certificates)
    return HubKey(
        certificate=own,
        chain=tuple(chain),
        place=place,
        since=moment(since),
        retired_at=None if retired_at is None else moment(retired_at),
        compromised_from=None if compromised_from is None else moment(compromised_from),
        why=why,
    )
