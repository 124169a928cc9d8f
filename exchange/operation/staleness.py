"""Say how fresh what is known of revocations is, before anybody feels it: figures, readiness, and what a doctor finds."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from exchange.core.revoking import State
from exchange.operation.asking import Desk
from exchange.operation.findings import Finding, Severity, rule
from exchange.operation.refreshing import standings_of
from exchange.storage.revocation import known_standings
from exchange.storage.session import Session, moment
from exchange.storage.sources import failing_sources

GRACE = rule(
    "revocation-overdue",
    Severity.WARNING,
    "See congvan cert crl sources; ask the authority, or import its list: congvan cert crl import",
)
STALE = rule(
    "revocation-stale",
    Severity.ERROR,
    "Letters whose signers it certified are told to come later: import its list now (congvan cert crl import)",
)
SOURCE = rule(
    "revocation-source-failing",
    Severity.WARNING,
    "Check the network, DNS and the setting fetch_allowed; ask the authority",
)
MOST_AUTHORITIES: Final = 100
"""Of how many authorities figures are shown, the least fresh first."""
FAILURES: Final = 3
"""How many failures in a row are worth telling."""


class RevocationFigures:
    """Show how fresh what is known of each authority is, and how asking ended."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._age = Gauge("congvan_revocation_age_seconds", "Age of what is known", ["authority"], registry=registry)
        text = "Seconds until what is known decides no more; below 0 it does not"
        self._left = Gauge("congvan_revocation_left_seconds", text, ["authority"], registry=registry)
        self._failing = Gauge("congvan_revocation_sources_failing", "Sources that failed last time", registry=registry)
        self._asked = Counter(
            "congvan_revocation_asked", "Sources asked, by kind and outcome", ["kind", "outcome"], registry=registry
        )
        self._followed: Tally[tuple[str, str]] = Tally()

    async def show(self, desk: Desk) -> None:
        """Bring the figures of authorities to this moment."""
        now = desk.now()
        found = sorted(await standings_of(desk), key=lambda each: each.stale_at)[:MOST_AUTHORITIES]
        self._age.clear()
        self._left.clear()
        for each in found:
            self._age.labels(each.authority).set((now - each.issued_at).total_seconds())
            self._left.labels(each.authority).set((each.stale_at - now).total_seconds())
        self._failing.set(sum(each.failures > 0 for each in await desk.sources.watched(now)))

    def follow(self, outcomes: Mapping[tuple[str, str], int]) -> None:
        """Bring the counters to where asking has come."""
        for (kind, outcome), count in list(outcomes.items()):
            self._asked.labels(kind, outcome).inc(count - self._followed[kind, outcome])
            self._followed[kind, outcome] = count


def describe(session: Session) -> str:
    """Say for everybody how fresh all is, by what was noted last: counts, no names."""
    states = [state for _, state, _ in known_standings(session)]
    overdue, stale = states.count(State.GRACE.value), states.count(State.STALE.value)
    if not overdue and not stale:
        return "What is known of revocations is fresh"
    return f"Authorities whose next update is overdue: {overdue}; of which too little is known: {stale}"


def examine_revocation(session: Session, at: datetime) -> Iterator[Finding]:
    """Look at what a hub last noted of its authorities, and at where asking fails."""
    for authority, state, since in known_standings(session):
        text = f"since {moment(since):%Y-%m-%d %H:%M} UTC"
        if state == State.GRACE:
            yield GRACE.broken(f"The next update of its list or answer is overdue {text}", authority)
        if state == State.STALE:
            yield STALE.broken(f"What is known of its revocations decides no more {text}", authority)
    for each in failing_sources(session, at, FAILURES):
        yield SOURCE.broken(f"Failed {each.failures} times in a row: {each.reason}, {each.detail}", each.source.place)
