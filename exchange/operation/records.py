"""Examine a hub's database: that it is whole, that it follows from itself, and that the clock does not contradict it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Column, bindparam, exists, select

from envelopes.receipt import Event
from exchange.config import Home
from exchange.core.audit import AuditRecord, check
from exchange.operation.figures import latest
from exchange.operation.findings import Finding, Rule, Severity, rule
from exchange.storage.migration import HEAD
from exchange.storage.schema import AUDIT, DELIVERIES, EVIDENCE, MESSAGES, STATUSES
from exchange.storage.schema_whole import METADATA
from exchange.storage.session import Session, micros, moment
from exchange.storage.sqlite import SqliteSession
from trust_store.errors import Refused

DATABASE = rule("database-damaged", Severity.ERROR, "Stop the hub, keep the file, and restore from a backup")
FOREIGN = rule("database-foreign", Severity.NOTE, "Find out who made it; the hub does not use it")
REVISION = rule("database-revision", Severity.ERROR, "Serve with the version of congvan that wrote it, or a newer one")
LONELY_DELIVERY = rule(
    "delivery-without-message", Severity.ERROR, "Restore from a backup; a row of the database is lost"
)
LONELY_MESSAGE = rule(
    "message-without-delivery", Severity.ERROR, "Restore from a backup; a row of the database is lost"
)
NO_EVIDENCE = rule("evidence-missing", Severity.ERROR, "Restore from a backup; a row of the database is lost")
LONELY_STATUS = rule("status-without-message", Severity.ERROR, "Restore from a backup; a row of the database is lost")
UNSEALED = rule(
    "statement-unsealed", Severity.WARNING, "Serve the hub; if it is serving, read why in its log: not sealed"
)
LEASE = rule("lease-stuck", Severity.WARNING, "Release the lease, or wait: no lease may last longer than an hour")
CLOCK = rule("clock-behind", Severity.ERROR, "Set the clock of this machine before serving")
AUDIT_BROKEN = rule(
    "audit-trail-broken", Severity.ERROR, "Keep the file, compare it with a backup, find who could write"
)
UNSEALED_AGE: Final = timedelta(minutes=1)
LONGEST_LEASE: Final = timedelta(hours=1, minutes=1)
BEHIND: Final = timedelta(minutes=1)
SHOWN: Final = 100
_M, _D, _E = MESSAGES.c, DELIVERIES.c, EVIDENCE.c
_TRAIL: Final = select(AUDIT).where(AUDIT.c.number > bindparam("behind")).order_by(AUDIT.c.number).limit(1000)


@contextlib.contextmanager
def open_records(home: Home) -> Iterator[SqliteSession]:
    """Open the database to read, beside a hub that serves or none; a read-only disk is enough.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    with contextlib.closing(_connect(home.database)) as connection:
        yield SqliteSession(connection)


def examine_file(session: SqliteSession) -> Iterator[Finding]:
    """Check the pages of the file, its revision, and that nothing strange is in it; errors here end the examination."""
    pages = [str(row[0]) for row in session.connection.execute("PRAGMA quick_check(20)")]
    for text in pages if pages != ["ok"] else ():
        yield DATABASE.broken(text, "hub.db")
    master = session.connection.execute("SELECT name, type FROM sqlite_master ORDER BY name").fetchall()
    tables = {name for name, kind in master if kind == "table" and not name.startswith("sqlite_")}
    for name in sorted(METADATA.tables.keys() - tables):
        yield DATABASE.broken("A table is missing", name)
    for name in sorted(tables - METADATA.tables.keys() - {"alembic_version"}):
        yield FOREIGN.broken("This table is none of the hub's", name)
    if "alembic_version" in tables:
        (revision,) = session.connection.execute("SELECT max(version_num) FROM alembic_version").fetchone()
        if revision != HEAD:
            yield REVISION.broken(f"The database is at revision {revision}; this program knows {HEAD}", "hub.db")


def examine_records(session: Session, at: datetime) -> Iterator[Finding]:
    """Check that every row that another needs is there, and that nothing waits that should not."""
    yield from _lonely(session, LONELY_DELIVERY, _D.key, _D.message, _M.key)
    yield from _lonely(session, LONELY_MESSAGE, _M.key, _M.key, _D.message)
    yield from _lonely(session, LONELY_STATUS, STATUSES.c.notice, STATUSES.c.original, _M.key)
    yield from _examine_evidence(session)
    yield from _examine_waiting(session, at)
    yield from _examine_clock(session, at)
    yield from _examine_trail(session)


def _connect(path: Path) -> sqlite3.Connection:
    """Open without writing; where not even the index of the write-ahead log can be made, there is none to read."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if path.with_name(path.name + "-wal").exists() or not path.exists():
            raise
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return connection


def _lonely(
    session: Session, broken: Rule, name: Column[str], link: Column[str], target: Column[str]
) -> Iterator[Finding]:
    """Find rows whose partner in another table is not there; at most 100 are told."""
    other = target.table.alias()
    found = select(name, link).where(~exists(select(other.c[target.name]).where(other.c[target.name] == link)))
    for key, wanted in session.rows(found.limit(SHOWN)):
        yield broken.broken(f"There is no row of {target.table.name} for {wanted}", key)


def _examine_evidence(session: Session) -> Iterator[Finding]:
    """Every message states its acceptance, every delivery its consignment, and its hand-over if there was one."""
    stated = select(_E.id).where(_E.message == _M.key, _E.event == Event.SUBMISSION_ACCEPTANCE.value)
    for (key,) in session.rows(select(_M.key).where(~exists(stated)).limit(SHOWN)):
        yield NO_EVIDENCE.broken("No acceptance is stated of this message", key)
    for event, condition in (
        (Event.CONTENT_CONSIGNMENT, _D.key.is_not(None)),
        (Event.CONTENT_HANDOVER, _D.handed_over_at.is_not(None)),
    ):
        told = select(_E.id).where(_E.message == _D.message, _E.receiver == _D.receiver, _E.event == event.value)
        for (key,) in session.rows(select(_D.key).where(condition, ~exists(told)).limit(SHOWN)):
            yield NO_EVIDENCE.broken(f"No {event} is stated of this delivery", key)


def _examine_waiting(session: Session, at: datetime) -> Iterator[Finding]:
    """Look for statements that the sweep should have sealed, and for leases longer than any may last."""
    old = _E.at < micros(at - UNSEALED_AGE)
    waiting = select(_E.id, _E.at).where(_E.sealed.is_(None), old).order_by(_E.at).limit(SHOWN)
    for key, since in session.rows(waiting):
        yield UNSEALED.broken(f"It waits to be sealed since {moment(since):%Y-%m-%d %H:%M} UTC", key)
    stuck = select(_D.key, _D.leased_until).where(_D.leased_until > micros(at + LONGEST_LEASE)).limit(SHOWN)
    for key, until in session.rows(stuck):
        yield LEASE.broken(f"Its lease lasts until {moment(until):%Y-%m-%d %H:%M} UTC", key)


def _examine_clock(session: Session, at: datetime) -> Iterator[Finding]:
    last = latest(session)
    if last is not None and moment(last) > at + BEHIND:
        yield CLOCK.broken(
            f"The last statement is of {moment(last):%Y-%m-%d %H:%M:%S} UTC; the clock says {at:%H:%M:%S}"
        )


def _examine_trail(session: Session) -> Iterator[Finding]:
    """Recompute the chain of the audit trail, some rows at a time."""
    columns, last = AUDIT.columns.keys(), None
    while rows := session.rows(_TRAIL, behind=last[0] if last else 0):
        for row in rows:
            try:
                record = AuditRecord(**dict(zip(columns, row, strict=True)))
                check(record, last)
            except Refused as refusal:
                yield AUDIT_BROKEN.broken(refusal.detail, refusal.where)
                return
            except (TypeError, ValueError, AttributeError):
                yield AUDIT_BROKEN.broken("The row holds values of other kinds than were written", f"row {row[0]}")
                return
            last = record.number, record.digest
