"""Count the changes of what is kept in memory, so that every process sees when to read it anew, and what of it.

Under its name something has its revision. Beside it, as `name 000000000000000012 subject`, is what the last changes were
about: they are found by the primary key, and older ones are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from exchange.storage.schema import REVISIONS
from exchange.storage.session import Session

KEPT: Final = 1000
"""Of how many revisions it is known what they changed."""
_R = REVISIONS.c
_VALUE = select(_R.value).where(_R.name == bindparam("name"))
_VALUES = select(_R.name, _R.value).where(_R.name.in_((bindparam("first"), bindparam("second"))))
_INSERT = insert(REVISIONS)
_NEXT = update(REVISIONS).where(_R.name == bindparam("which")).values(value=_R.value + 1)
_BETWEEN = select(_R.name).where(_R.name > bindparam("first"), _R.name < bindparam("last")).order_by(_R.name)
_FORGET = delete(REVISIONS).where(_R.name > bindparam("first"), _R.name < bindparam("last"))


def revision_of(session: Session, name: str) -> int:
    """Tell how often something was changed; 0 before the first time."""
    rows = session.rows(_VALUE, name=name)
    return int(rows[0][0]) if rows else 0


def revisions_of(session: Session, first: str, second: str) -> tuple[int, int]:
    """Tell how often two things were changed, by one look."""
    known = dict(map(tuple, session.rows(_VALUES, first=first, second=second)))
    return int(known.get(first, 0)), int(known.get(second, 0))


def advance(session: Session, name: str, subjects: Iterable[str] = ()) -> None:
    """Count one change more and say what it was about, in the transaction of that change."""
    if session.rows(_VALUE, name=name):
        session.rows(_NEXT, which=name)
    else:
        session.rows(_INSERT, name=name, value=1)
    revision = revision_of(session, name)
    for subject in subjects:
        session.rows(_INSERT, name=f"{_mark(name, revision)} {subject}", value=revision)
    session.rows(_FORGET, first=_mark(name, 0), last=_mark(name, max(0, revision - KEPT)))


def changed_since(session: Session, name: str, revision: int) -> frozenset[str] | None:
    """Tell what the changes since a revision were about; None: that is too long ago to be known."""
    if revision_of(session, name) - revision >= KEPT:
        return None
    rows = session.rows(_BETWEEN, first=_mark(name, revision + 1), last=_mark(name, 10**18 - 1))
    return frozenset(row[0].split(" ", 2)[2] for row in rows)


def _mark(name: str, revision: int) -> str:
    return f"{name} {revision:018}"
