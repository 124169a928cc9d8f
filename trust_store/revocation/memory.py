"""Remember where certificates lead and how they stand, never longer than the evidence allows."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime

from trust_store.paths import Trace

Key = tuple[Hashable, ...]


class Standings:
    """Remember traces, each for the time in which the same evidence gives the same answer.

    Safe to share between threads. When `size` are remembered, all are forgotten.
    """

    __slots__ = ("_known", "_size")

    def __init__(self, size: int = 4096) -> None:
        self._known: dict[Key, tuple[datetime, datetime | None, Trace]] = {}
        self._size = size

    def find(self, key: Key, at: datetime) -> Trace | None:
        """Return what was found, if it still holds at the moment."""
        known = self._known.get(key)
        if known is None or at < known[0] or (known[1] is not None and at > known[1]):
            return None
        return known[2]

    def keep(self, key: Key, since: datetime, until: datetime | None, trace: Trace) -> None:
        """Remember what was found, from one moment to another, both included (None: until the evidence changes)."""
        if len(self._known) >= self._size:
            self._known.clear()
        self._known[key] = since, until, trace
