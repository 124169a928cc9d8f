"""Count what each party sends in a day, in the transaction that takes it on, so that no crash and no retry miscounts."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from sqlalchemy import bindparam, insert, select, update

from envelopes.opened import VIETNAM
from exchange.core.model import Filing, Kind
from exchange.core.quota import Daily
from exchange.errors import DAILY_QUOTA, Later
from exchange.storage.schema_access import USAGE
from exchange.storage.session import Session

_U = USAGE.c
_USED = select(_U.messages, _U.bytes).where(_U.party == bindparam("party"), _U.day == bindparam("day"))
_INSERT = insert(USAGE)
_ADD = (
    update(USAGE)
    .where(_U.party == bindparam("whose"), _U.day == bindparam("which"))
    .values(messages=bindparam("letters"), bytes=bindparam("size"))
)


def count_letter(session: Session, filing: Filing, daily: Daily) -> None:
    """Count a letter with its files for its sender's day in Vietnam; notices about letters are free.

    Raises:
        Later: `daily-quota`, until midnight.
    """
    message = filing.message
    if message.kind is not Kind.LETTER:
        return
    at = message.submitted_at.astimezone(VIETNAM)
    size = message.size + sum(item.size for item in filing.attachments)
    party, day = message.sender, at.date().isoformat()
    rows = session.rows(_USED, party=party, day=day)
    letters, total = rows[0] if rows else (0, 0)
    _check(letters + 1, daily.letters, "letters", at)
    _check(total + size, daily.bytes, "bytes", at)
    if rows:
        session.rows(_ADD, whose=party, which=day, letters=letters + 1, size=total + size)
    else:
        session.rows(_INSERT, party=party, day=day, messages=1, bytes=size)


def _check(wanted: int, allowed: int, what: str, at: datetime) -> None:
    if 0 < allowed < wanted:
        tomorrow = datetime.combine(at.date() + timedelta(days=1), time(), VIETNAM)
        raise Later(DAILY_QUOTA, f"{allowed:,} {what} a day are allowed", (tomorrow - at).total_seconds())
