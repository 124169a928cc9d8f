"""Show what others wrote: on one line, without characters that move the cursor, hide, or turn the text around."""

from __future__ import annotations

from datetime import datetime

from envelopes.opened import VIETNAM


def plain(text: str) -> str:
    """Make a text safe for a terminal and for one line."""
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def plain_lines(text: str) -> str:
    """Make a text of several lines safe for a terminal."""
    return "\n".join(plain(line) for line in text.split("\n"))


def local(moment: datetime) -> str:
    """Write a moment in the local time of Vietnam, with its offset."""
    return moment.astimezone(VIETNAM).isoformat(sep=" ", timespec="seconds")
