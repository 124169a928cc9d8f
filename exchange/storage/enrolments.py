"""The store of applications for certificates, of challenges, and of one-time codes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update

from exchange.core.applications import (
    KEY_TAKEN,
    MAX_CHALLENGES,
    MAX_OPEN,
    NO_CHALLENGE,
    TOO_MANY,
    Application,
    ApplicationId,
    ApplicationState,
    EnrolmentCode,
    Form,
)
from exchange.core.audit import AuditEvent, Author
from exchange.core.model import Party, PartyId
from exchange.errors import NOT_FOUND, UNAUTHENTICATED
from exchange.storage.applications import (
    find_application,
    insert_application,
    list_applications,
    page_applications,
    save_application,
    told,
)
from exchange.storage.certified import end_certificate, holders_of, write_certificate
from exchange.storage.parties import note, read_party
from exchange.storage.revisions import advance
from exchange.storage.schema_enrolment import APPLICATIONS, ENROLMENT_CHALLENGES, ENROLMENT_CODES
from exchange.storage.session import Database, Row, Session, micros, moment
from trust_store.certificate import Certificate
from trust_store.errors import Refused

_A, _H, _K = APPLICATIONS.c, ENROLMENT_CHALLENGES.c, ENROLMENT_CODES.c
_OPEN = select(func.count()).where(_A.party == bindparam("party"), _A.state == ApplicationState.PENDING.value)
_ASKED = select(_A.id).where(
    _A.key_print == bindparam("key"),
    or_(_A.state == ApplicationState.PENDING.value, _A.state == ApplicationState.APPROVED.value),
)
_INSERT_CHALLENGE, _INSERT_CODE = insert(ENROLMENT_CHALLENGES), insert(ENROLMENT_CODES)
_CHALLENGE = select(_H.digest).where(
    _H.party == bindparam("party"), _H.digest == bindparam("digest"), _H.expires_at > bindparam("now")
)
_CHALLENGES = select(_H.digest).where(_H.party == bindparam("party")).order_by(_H.expires_at.desc(), _H.digest)
_USE_CHALLENGE = delete(ENROLMENT_CHALLENGES).where(_H.party == bindparam("whose"), _H.digest == bindparam("which"))
_FORGET_CHALLENGES = delete(ENROLMENT_CHALLENGES).where(_H.expires_at <= bindparam("end"))
_CODE_COLUMNS = (_K.id, _K.party, _K.given_by, _K.expires_at, _K.application)
_BY_DIGEST = select(*_CODE_COLUMNS).where(_K.digest == bindparam("digest"), _K.expires_at > bindparam("now"))
_BY_ID = select(*_CODE_COLUMNS).where(_K.party == bindparam("party"), _K.id == bindparam("id"))
_USE_CODE = (
    update(ENROLMENT_CODES)
    .where(_K.party == bindparam("whose"), _K.id == bindparam("which"))
    .values(application=bindparam("what"))
)
_END_CODE = (
    update(ENROLMENT_CODES)
    .where(_K.party == bindparam("whose"), _K.id == bindparam("which"))
    .values(expires_at=bindparam("end"))
)
_FORGET_CODES = delete(ENROLMENT_CODES).where(
    or_(_K.expires_at <= bindparam("long_ago"), and_(_K.application == "", _K.expires_at <= bindparam("end")))
)
_YEAR = 365 * 24 * 3600 * 1_000_000
_EVENTS = {
    ApplicationState.REFUSED: AuditEvent.APPLICATION_REFUSED,
    ApplicationState.WITHDRAWN: AuditEvent.APPLICATION_WITHDRAWN,
}


class EnrolmentStore:
    """Keep applications; see `ports.Enrolments`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def apply(self, application: Application, by: Author, challenge: bytes = b"") -> Application:
        """Keep a new application, and use up the challenge and the code that it came with."""

        def unit(session: Session) -> Application:
            known = find_application(session, application.id)
            _use_code(session, application, by)
            if known is not None:
                return known
            _check_room(session, application)
            if application.form is Form.REGISTER:
                _use_challenge(session, application.party, challenge, by)
            insert_application(session, application)
            note(session, AuditEvent.APPLICATION_MADE, *told(application), by)
            return application

        return await self._database.transact(unit)

    async def get(self, key: ApplicationId) -> Application | None:
        """Return an application."""
        return await self._database.read(lambda session: find_application(session, key))

    async def of_party(self, party: PartyId) -> Sequence[Application]:
        """List the applications of a party, newest first."""
        return await self._database.read(lambda session: list_applications(session, party))

    async def page(self, state: ApplicationState, after: str, limit: int) -> Sequence[Application]:
        """List applications in a state, oldest first."""
        return await self._database.read(lambda session: page_applications(session, state, after, limit))

    async def change(
        self, key: ApplicationId, change: Callable[[Application, Party | None], Application], by: Author
    ) -> Application:
        """Change an application by what it and its party are now."""

        def unit(session: Session) -> Application:
            known = _existing(session, key)
            changed = change(known, read_party(session, known.party))
            if changed != known:
                save_application(session, known, changed)
                subject, detail = told(changed)
                count = f"{changed.approvals} of {changed.needed} approvals; {detail}"
                event = _EVENTS.get(changed.state, AuditEvent.APPLICATION_APPROVED)
                note(session, event, subject, f"{changed.why}; {detail}" if changed.why else count, by)
            return changed

        return await self._database.transact(unit)

    async def complete(self, key: ApplicationId, certificate: Certificate, by: Author) -> Application:
        """Register the certificate of an approved application, whole or not at all."""

        def unit(session: Session) -> Application:
            known = _existing(session, key)
            if known.state is not ApplicationState.APPROVED:
                return known
            changed = dataclasses.replace(known, state=ApplicationState.COMPLETED, certificate=certificate.fingerprint)
            save_application(session, known, changed)
            if known.form is Form.ISSUE:
                detail = f"{certificate.fingerprint} {certificate.subject}, application {key}"
                note(session, AuditEvent.CERTIFICATE_ISSUED, known.party, detail, by)
            write_certificate(session, known.party, certificate, by.at, by)
            advance(session, "directory", [known.party])
            return changed

        return await self._database.transact(unit)

    async def challenge(self, party: PartyId, digest: bytes, until: datetime, now: datetime) -> None:
        """Keep a challenge; the oldest of a party give way."""

        def unit(session: Session) -> None:
            session.rows(_FORGET_CHALLENGES, end=micros(now))
            for row in list(session.rows(_CHALLENGES, party=party))[MAX_CHALLENGES - 1 :]:
                session.rows(_USE_CHALLENGE, whose=party, which=row[0])
            session.rows(_INSERT_CHALLENGE, party=party, digest=digest, expires_at=micros(until))

        await self._database.transact(unit)

    async def give_code(self, code: EnrolmentCode, digest: bytes, by: Author) -> None:
        """Keep a one-time code by its SHA-256; those that ended unused are forgotten."""

        def unit(session: Session) -> None:
            session.rows(_FORGET_CODES, end=micros(by.at), long_ago=micros(by.at) - _YEAR)
            values = {"party": code.party, "id": code.id, "given_by": code.given_by, "application": ""}
            session.rows(_INSERT_CODE, digest=digest, expires_at=micros(code.expires_at), **values)
            detail = f"until {code.expires_at:%Y-%m-%d %H:%M} UTC"
            note(session, AuditEvent.CODE_GIVEN, f"{code.party} code {code.id}", detail, by)

        await self._database.transact(unit)

    async def holder(self, digest: bytes, now: datetime) -> tuple[EnrolmentCode, Party] | None:
        """Return a code that holds, by its SHA-256, and its party."""

        def unit(session: Session) -> tuple[EnrolmentCode, Party] | None:
            rows = session.rows(_BY_DIGEST, digest=digest, now=micros(now))
            party = read_party(session, rows[0][1]) if rows else None
            return (_code(rows[0]), party) if party is not None else None

        return await self._database.look(unit)

    async def revoke_code(self, party: PartyId, code: str, by: Author) -> EnrolmentCode:
        """End a code now."""

        def unit(session: Session) -> EnrolmentCode:
            rows = session.rows(_BY_ID, party=party, id=code)
            if not rows:
                raise Refused(NOT_FOUND, "There is no such code")
            known = _code(rows[0])
            if known.expires_at > by.at:
                session.rows(_END_CODE, whose=party, which=code, end=micros(by.at))
                note(session, AuditEvent.CODE_REVOKED, f"{party} code {code}", "", by)
            return dataclasses.replace(known, expires_at=min(known.expires_at, by.at))

        return await self._database.transact(unit)

    async def let_go(self, party: PartyId, fingerprint: str, by: Author) -> Certificate:
        """End a certificate of a party from now on, unless it is the last one."""

        return await self._database.transact(lambda session: end_certificate(session, party, fingerprint, by))


def _existing(session: Session, key: ApplicationId) -> Application:
    found = find_application(session, key)
    if found is None:
        raise Refused(NOT_FOUND, "There is no such application")
    return found


def _check_room(session: Session, application: Application) -> None:
    """Refuse a key that is known of somebody else, or at all where a new one is certified; and too many at once."""
    asked, holders = session.rows(_ASKED, key=application.key_print), holders_of(session, application.key_print)
    own = {application.party} if application.form is Form.REGISTER else set()
    if asked or holders - own:
        raise Refused(KEY_TAKEN, f"The key {application.key_print} is known already")
    if session.rows(_OPEN, party=application.party)[0][0] >= MAX_OPEN:
        raise Refused(TOO_MANY, f"{application.party} has {MAX_OPEN} open applications")


def _use_challenge(session: Session, party: PartyId, digest: bytes, by: Author) -> None:
    if not session.rows(_CHALLENGE, party=party, digest=digest, now=micros(by.at)):
        raise Refused(NO_CHALLENGE)
    session.rows(_USE_CHALLENGE, whose=party, which=digest)


def _use_code(session: Session, application: Application, by: Author) -> None:
    """Bind a code to its first application; from then on it opens that one alone, as long as it holds."""
    if not application.code:
        return
    rows = session.rows(_BY_ID, party=application.party, id=application.code)
    code = _code(rows[0]) if rows else None
    if code is None or code.expires_at <= by.at or code.application not in {"", application.id}:
        raise Refused(UNAUTHENTICATED, "The code has ended, or was used for another application")
    session.rows(_USE_CODE, whose=code.party, which=code.id, what=application.id)


def _code(row: Row) -> EnrolmentCode:
    key, party, given_by, expires, application = row
    return EnrolmentCode(
        id=key, party=PartyId(party), given_by=given_by, expires_at=moment(expires), application=application
    )
