"""Applications for certificates in their tables, in a unit of work."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select, update

from exchange.core.applications import Application, ApplicationId, ApplicationState, Decision, Form, Issue
from exchange.core.model import PartyId
from exchange.storage.schema_enrolment import APPLICATION_DECISIONS, APPLICATIONS
from exchange.storage.session import Row, Session, micros, moment
from trust_store.verdict import passed

MOST = 200
_A, _D = APPLICATIONS.c, APPLICATION_DECISIONS.c
_NAMED = (_A.id, _A.party, _A.form, _A.digest, _A.content, _A.subject, _A.key, _A.key_print, _A.asked_by, _A.asked_at)
_COLUMNS = (*_NAMED, _A.needed, _A.checks, _A.state, _A.renews, _A.code, _A.issue, _A.certificate)
_ONE = select(*_COLUMNS).where(_A.id == bindparam("id"))
_OF_PARTY = select(*_COLUMNS).where(_A.party == bindparam("party")).order_by(_A.asked_at.desc(), _A.id).limit(MOST)
_MOMENT = select(_A.asked_at).where(_A.id == bindparam("id"))
_PAGE = (
    select(*_COLUMNS)
    .where(
        _A.state == bindparam("state"),
        (_A.asked_at > bindparam("since")) | ((_A.asked_at == bindparam("since")) & (_A.id > bindparam("behind"))),
    )
    .order_by(_A.asked_at, _A.id)
    .limit(bindparam("most"))
)
_DECISIONS = (
    select(_D.person, _D.approves, _D.actor, _D.at, _D.why)
    .where(_D.application == bindparam("application"))
    .order_by(_D.at, _D.person)
)
_INSERT, _INSERT_DECISION = insert(APPLICATIONS), insert(APPLICATION_DECISIONS)
_UPDATE = (
    update(APPLICATIONS)
    .where(_A.id == bindparam("which"))
    .values(state=bindparam("new_state"), issue=bindparam("new_issue"), certificate=bindparam("new_certificate"))
)


def find_application(session: Session, key: ApplicationId) -> Application | None:
    """Read an application with its decisions."""
    rows = session.rows(_ONE, id=key)
    return _read(session, rows[0]) if rows else None


def list_applications(session: Session, party: PartyId) -> Sequence[Application]:
    """Read the applications of a party, newest first."""
    return [_read(session, row) for row in session.rows(_OF_PARTY, party=party)]


def page_applications(session: Session, state: ApplicationState, after: str, limit: int) -> Sequence[Application]:
    """Read applications in a state, oldest first, from behind one of them."""
    moments = session.rows(_MOMENT, id=after)
    since = moments[0][0] if moments else -1
    rows = session.rows(_PAGE, state=state.value, since=since, behind=after if moments else "", most=limit)
    return [_read(session, row) for row in rows]


def insert_application(session: Session, application: Application) -> None:
    """Write a new application."""
    texts = {name: getattr(application, name) for name in ("id", "party", "digest", "content", "subject", "key")}
    names = {name: getattr(application, name) for name in ("key_print", "asked_by", "needed", "renews", "code")}
    session.rows(
        _INSERT,
        **texts,
        **names,
        form=application.form.value,
        asked_at=micros(application.asked_at),
        checks=json.dumps([[each.name, each.text] for each in application.checks], ensure_ascii=False),
        state=application.state.value,
        issue=_write_issue(application.issue),
        certificate=application.certificate,
    )


def save_application(session: Session, known: Application, changed: Application) -> None:
    """Write what became of an application: its state, and the decisions that are new."""
    session.rows(
        _UPDATE,
        which=changed.id,
        new_state=changed.state.value,
        new_issue=_write_issue(changed.issue),
        new_certificate=changed.certificate,
    )
    for each in changed.decisions[len(known.decisions) :]:
        values = {"person": each.person, "approves": int(each.approves), "actor": each.by, "why": each.why}
        session.rows(_INSERT_DECISION, application=changed.id, at=micros(each.at), **values)


def told(application: Application) -> tuple[str, str]:
    """Say of what application a row of the audit trail is: its subject, and its detail."""
    renewing = f", renews {application.renews}" if application.renews else ""
    detail = f"{application.form} {application.digest}, key {application.key_print}{renewing}: {application.subject}"
    return f"{application.party} application {application.id}", detail


def _write_issue(issue: Issue | None) -> str:
    if issue is None:
        return ""
    return json.dumps([issue.serial, micros(issue.begins), issue.days, issue.name], ensure_ascii=False)


def _read_issue(text: str) -> Issue | None:
    if not text:
        return None
    serial, begins, days, name = json.loads(text)
    return Issue(serial=serial, begins=moment(begins), days=days, name=name)


def _read(session: Session, row: Row) -> Application:
    key, party, form, digest, content, subject, kind, key_print, asked_by, asked_at, *rest = row
    needed, checks, state, renews, code, issue, certificate = rest
    return Application(
        id=key,
        party=PartyId(party),
        form=Form(form),
        digest=digest,
        content=content,
        subject=subject,
        key=kind,
        key_print=key_print,
        asked_by=asked_by,
        asked_at=moment(asked_at),
        needed=needed,
        checks=tuple(passed(name, text) for name, text in json.loads(checks)),
        state=ApplicationState(state),
        renews=renews,
        code=code,
        issue=_read_issue(issue),
        certificate=certificate,
        decisions=tuple(
            Decision(person=person, approves=bool(approves), by=actor, at=moment(at), why=why)
            for person, approves, actor, at, why in session.rows(_DECISIONS, application=key)
        ),
    )
