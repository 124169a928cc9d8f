"""Read moments from the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import click


def parse_moment(text: str) -> datetime:
    """Read a moment in ISO 8601; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a moment such as 2026-11-23T08:00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
