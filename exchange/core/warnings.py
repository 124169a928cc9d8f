"""Warn before certificates end: to the party and to the hub's administrators, once for each number of days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from exchange.core.forecast import Outlook, Role, Standing, Term, foresee
from exchange.core.model import PartyId
from exchange.core.notices import Notice, NoticeKind, notice_id
from exchange.core.ports.notices import Notices, Terms
from exchange.core.wording import ending_text, ending_title

USUAL: Final = (60, 30, 14, 3, 1)
BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Warden:
    """Look over everything that ends, and give those concerned the warning that counts now; it may be done at any time.

    `days` are the numbers of days before the end at which is warned.
    """

    terms: Terms
    notices: Notices
    hub: PartyId
    days: tuple[int, ...] = USUAL

    async def look_over(self, now: datetime) -> int:
        """Give the warnings that are due, of all parties and of what is the hub's own; return how many were new."""
        within = timedelta(days=max(self.days, default=0))
        found = foresee([*await self.terms.own(), *await self.terms.ending(now + within)], now, within)
        due = list(warnings(found, now, self.days, self.hub))
        return sum([await self.notices.add(due[start : start + BATCH]) for start in range(0, len(due), BATCH)])


def stage_of(term: Term, now: datetime, days: Sequence[int]) -> int | None:
    """Tell which warning counts now: the smallest number of days that is not over, 0 after the end.

    None: it is too early, or it ended so long ago that a warning is no news.
    """
    left = term.not_after - now
    if left <= timedelta():
        return 0 if -left <= timedelta(days=max(days, default=0)) else None
    return min((each for each in days if left <= timedelta(days=each)), default=None)


def warnings(found: Iterable[Outlook], now: datetime, days: Sequence[int], hub: PartyId) -> Iterator[Notice]:
    """Write the warnings that count now; of what has a successor there is none."""
    for outlook in found:
        stage = stage_of(outlook.term, now, days)
        if stage is not None and outlook.standing is not Standing.COVERED:
            owners = {PartyId(outlook.term.owner), hub} if outlook.term.role is Role.PARTY else {hub}
            yield from (_warning(outlook, stage, now, party) for party in sorted(owners))


def _warning(outlook: Outlook, stage: int, now: datetime, party: PartyId) -> Notice:
    kind, subject = NoticeKind.CERTIFICATE_ENDING, outlook.term.fingerprint
    return Notice(
        party=party,
        id=notice_id(kind, f"{subject} {outlook.term.role} {outlook.term.owner}", str(stage), party),
        kind=kind,
        subject=subject,
        at=now,
        title=ending_title(outlook),
        text=ending_text(outlook),
        stage=stage,
    )
