"""Count what is stored and what waits, from the database and the disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, literal_column, select

from exchange.storage.schema import DELIVERIES, EVIDENCE, MESSAGES
from exchange.storage.session import Session

_LATEST = select(EVIDENCE.c.at).order_by(literal_column("evidence.rowid").desc()).limit(1)
_UNSEALED = select(func.count()).select_from(EVIDENCE).where(EVIDENCE.c.sealed.is_(None))
_WAITING = select(func.count()).select_from(DELIVERIES).where(DELIVERIES.c.handed_over_at.is_(None))
_STORED = select(func.coalesce(func.sum(MESSAGES.c.size), 0)).where(MESSAGES.c.removed_at.is_(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Hold what the database knows: statements that nobody sealed, deliveries that wait, bytes of kept messages."""

    unsealed: int
    waiting: int
    stored_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Hold what is free where the hub's folder is; `inodes` is None where the file system has no limit of them."""

    free_bytes: int
    inodes: int | None


def count(session: Session) -> Figures:
    """Count what is stored and what waits; looks at every delivery and message, so not for every request."""
    unsealed, waiting, stored = (session.rows(item)[0][0] for item in (_UNSEALED, _WAITING, _STORED))
    return Figures(unsealed=int(unsealed), waiting=int(waiting), stored_bytes=int(stored))


def latest(session: Session) -> int | None:
    """Return the moment (microseconds) of the statement that was committed last."""
    rows = session.rows(_LATEST)
    return int(rows[0][0]) if rows else None


def measure(folder: Path) -> Disk:
    """Measure what a process of this user may still write."""
    found = os.statvfs(folder)
    return Disk(free_bytes=found.f_bavail * found.f_frsize, inodes=found.f_favail if found.f_files else None)
