"""Count what is stored and what waits, from the database and the disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, literal_column, select

from exchange.core.holding import Held
from exchange.core.warnings import USUAL
from exchange.storage.notices import count_mails
from exchange.storage.schema import DELIVERIES, EVIDENCE, MESSAGES
from exchange.storage.session import Session
from exchange.storage.terms import count_ending

_LATEST = select(EVIDENCE.c.at).order_by(literal_column("evidence.rowid").desc()).limit(1)
_UNSEALED = select(func.count()).select_from(EVIDENCE).where(EVIDENCE.c.sealed.is_(None))
_WAITING = (
    select(func.count()).select_from(DELIVERIES).where(DELIVERIES.c.handed_over_at.is_(None), DELIVERIES.c.held == "")
)
_HELD = select(func.count()).where(DELIVERIES.c.held != "", DELIVERIES.c.held == Held.QUARANTINED.value)
_STORED = select(func.coalesce(func.sum(MESSAGES.c.size), 0)).where(MESSAGES.c.removed_at.is_(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Hold what the database knows: statements that nobody sealed, deliveries that wait, bytes of kept messages.

    `held` are deliveries in quarantine, `mails` what waits or failed by state, `ending` the parties' certificates that end
    within so many days and have no successor, 0 for those that ended.
    """

    unsealed: int
    waiting: int
    stored_bytes: int
    held: int
    mails: Mapping[str, int]
    ending: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Hold what is free where the hub's folder is; `inodes` is None where the file system has no limit of them."""

    free_bytes: int
    inodes: int | None


def count(session: Session, now: datetime) -> Figures:
    """Count what is stored and what waits; looks at every delivery and message, so not for every request."""
    counted = (session.rows(item)[0][0] for item in (_UNSEALED, _WAITING, _STORED, _HELD))
    unsealed, waiting, stored, held = map(int, counted)
    ending = {days: count_ending(session, now, now, now + timedelta(days=days)) for days in USUAL}
    ending[0] = count_ending(session, now, None, now)
    return Figures(
        unsealed=unsealed, waiting=waiting, stored_bytes=stored, held=held, mails=count_mails(session), ending=ending
    )


def latest(session: Session) -> int | None:
    """Return the moment (microseconds) of the statement that was committed last."""
    rows = session.rows(_LATEST)
    return int(rows[0][0]) if rows else None


def measure(folder: Path) -> Disk:
    """Measure what a process of this user may still write."""
    found = os.statvfs(folder)
    return Disk(free_bytes=found.f_bavail * found.f_frsize, inodes=found.f_favail if found.f_files else None)
