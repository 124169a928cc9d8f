"""What authorities say of revocations, as the exchange keeps it: what replaces what, when to ask again, how old it may be.

Pure: the caller brings the time and the chance. Whether what was said is believed, and what it means for a signer, is decided
by `trust_store.judge` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from trust_store.errors import reason
from trust_store.policy import Freshness

OLDER = reason(
    "revocation-older",
    "A newer list or answer of this authority is known already",
    "Nothing: what is known stays; if a server keeps giving the old one, tell the authority",
)
OVERDUE = reason(
    "revocation-overdue",
    "An authority's server gives what should have been renewed already",
    "Wait: it is asked again; if it stays so, tell the authority, and import its newer list by hand",
)
UNKNOWN_CERTIFICATE = reason(
    "revocation-certificate-unknown",
    "A certificate to ask about, or its issuer, is not known any more",
    "Nothing: the next message that it signs makes it known again",
)
SHARE: Final = 0.5
"""After which part of its time a list or an answer is asked for anew."""
JITTER: Final = 0.1
"""How much of the waiting time chance adds or takes, so that not everything is asked for at once."""
SOONEST, LATEST = timedelta(minutes=1), timedelta(days=1)
"""How soon, and how late, something that is fresh is asked for again."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=15)
"""How long to wait after a first failure, and at most: twice as long after each one more."""
FORGOTTEN: Final = timedelta(days=45)
"""A source that nothing has named for so long is no longer asked."""


class Kind(StrEnum):
    """Name what an authority said something with: a complete list, a delta list, or an OCSP answer."""

    LIST = "list"
    DELTA = "delta"
    ANSWER = "answer"


class State(StrEnum):
    """Name how fresh what is known is: the next update is to come, overdue but within the grace period, or long past."""

    FRESH = "fresh"
    GRACE = "grace"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """Hold one list or answer of an authority; `digest` is the SHA-256 of its DER in hex.

    What has the same `slot` speaks of the same certificates, and the newer one replaces the older. `number` is a list's own
    (-1: none), or when an answer was produced, in seconds since 1970.
    """

    digest: str
    kind: Kind
    slot: str
    authority: str
    number: int
    this_update: datetime
    next_update: datetime | None
    der: bytes = b""

    def replaces(self, known: Datum) -> bool:
        """Tell whether this is newer: in no respect older, and in one newer."""
        mine, other = (self.number, self.this_update), (known.number, known.this_update)
        return mine != other and mine[0] >= other[0] and mine[1] >= other[1]

    def fresh_until(self, freshness: Freshness) -> datetime:
        """Return when the next update is due."""
        return self.next_update or self.this_update + freshness.unstated

    def state(self, freshness: Freshness, now: datetime) -> State:
        """Say how fresh it is."""
        due = self.fresh_until(freshness)
        return State.FRESH if now <= due else State.GRACE if now <= due + freshness.grace else State.STALE


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Hold what is kept of a datum beside it: where it came from, when, and by which digest it was replaced, if it was."""

    datum: Datum
    source: str
    fetched_at: datetime
    superseded_by: str = ""
    superseded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Name a place where an authority tells of revocations.

    `certificate` and `issuer` are fingerprints, of whom an OCSP responder is asked about and of who issued it; both are
    empty where the place gives a list.
    """

    place: str
    certificate: str = ""
    issuer: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Hold how it goes with a source: asked when, given what, failed how often in a row and why, to be asked again when."""

    source: Source
    wanted_at: datetime
    due_at: datetime
    fetched_at: datetime | None = None
    slot: str = ""
    failures: int = 0
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Hold how fresh the least fresh of what is known of an authority is; `stale_at` is the end of the grace period."""

    authority: str
    state: State
    issued_at: datetime
    fresh_until: datetime
    stale_at: datetime


def due(datum: Datum, freshness: Freshness, now: datetime, chance: float) -> datetime:
    """Say when to ask again for what is known; `chance` is from 0 to 1.

    After its share of the time has gone; with less left, halfway to the end, and so on, so that a list that comes late is
    soon noticed.
    """
    ends = datum.fresh_until(freshness)
    share = datum.this_update + (ends - datum.this_update) * SHARE
    wait = share - now if share > now else (ends - now) * SHARE
    return now + min(max(_shaken(wait, chance), SOONEST), LATEST)


def back_off(failures: int, now: datetime, chance: float) -> datetime:
    """Say when to ask again after so many failures in a row; `chance` is from 0 to 1."""
    pause = min(FIRST_PAUSE * 2 ** min(max(failures - 1, 0), 16), LONGEST_PAUSE)
    return now + _shaken(pause, chance)


def standings(
    current: Iterable[Kept], authorities: Iterable[str], asked: frozenset[str], freshness: Freshness, now: datetime
) -> Sequence[Standing]:
    """Say of every authority, by name, how fresh the least fresh of what decides is: its lists, or without any its answers.

    `authorities` are the names of those that count; of answers those count whose slot is `asked` about.
    """
    names = frozenset(authorities)
    lists: dict[str, Datum] = {}
    answers: dict[str, Datum] = {}
    for datum in (kept.datum for kept in current if kept.datum.authority in names):
        if datum.kind is Kind.LIST or (datum.kind is Kind.ANSWER and datum.slot in asked):
            worst = lists if datum.kind is Kind.LIST else answers
            known = worst.setdefault(datum.authority, datum)
            if datum.fresh_until(freshness) < known.fresh_until(freshness):
                worst[datum.authority] = datum
    return [_standing(datum, freshness, now) for _, datum in sorted((answers | lists).items())]


def _standing(datum: Datum, freshness: Freshness, now: datetime) -> Standing:
    until = datum.fresh_until(freshness)
    return Standing(
        authority=datum.authority,
        state=datum.state(freshness, now),
        issued_at=datum.this_update,
        fresh_until=until,
        stale_at=until + freshness.grace,
    )


def _shaken(wait: timedelta, chance: float) -> timedelta:
    return wait * (1 + JITTER * (2 * chance - 1))
