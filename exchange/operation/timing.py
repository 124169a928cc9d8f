"""Find receipts that have waited for a time-stamp for too long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from exchange.config import Settings
from exchange.operation.findings import Finding, Severity, rule
from exchange.storage.session import Session
from exchange.storage.stamps import oldest_unstamped

UNSTAMPED = rule(
    "receipts-unstamped",
    Severity.WARNING,
    "See in the log what each time-stamp authority says (not stamped), and name more of them in time_authorities",
)


def examine_time(session: Session, settings: Settings, at: datetime) -> Iterator[Finding]:
    """Compare how long the oldest receipt waits with the setting, where receipts are stamped at all."""
    since = oldest_unstamped(session) if settings.time_urls else None
    if since is not None and at - since > timedelta(minutes=settings.time_outage_minutes):
        yield UNSTAMPED.broken(f"Receipts wait for a time-stamp since {since:%Y-%m-%d %H:%M} UTC", "time_authorities")
