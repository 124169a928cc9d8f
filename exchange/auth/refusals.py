"""Refusals for the audit trail, bounded: whoever knocks a million times does not fill the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from exchange.core.audit import AuditEntry, AuditEvent
from exchange.core.ports import AuditTrail, Clock
from trust_store.errors import Refused

PER_MINUTE: Final = 30
MINUTE: Final = timedelta(minutes=1)
_LOG = structlog.get_logger("congvan.audit")


class _Window:
    """Count what was written and what was left out of one event since a moment."""

    def __init__(self, begun: datetime) -> None:
        self.begun = begun
        self.written = self.left_out = 0
        self.timer: asyncio.TimerHandle | None = None


class Refusals:
    """Write so many refusals of each event a minute; the others are counted, and the count is written."""

    def __init__(
        self, ports: Callable[[], tuple[AuditTrail, Clock]], per_minute: int = PER_MINUTE, minute: timedelta = MINUTE
    ) -> None:
        self._ports, self._per_minute, self._minute = ports, per_minute, minute
        self._windows: dict[AuditEvent, _Window] = {}
        self._counting: set[asyncio.Task[None]] = set()

    async def note(self, entry: AuditEntry) -> None:
        """Write a refusal, or count it."""
        now = self._ports()[1].now()
        window = self._windows.get(entry.event)
        if window is None or now - window.begun >= self._minute or now < window.begun:
            await self._close(entry.event)
            window = self._windows.setdefault(entry.event, _Window(now))
        if window.written < self._per_minute:
            window.written += 1
            await self._write(entry, now)
            return
        window.left_out += 1
        if window.timer is None:
            loop, seconds = asyncio.get_running_loop(), self._minute.total_seconds()
            window.timer = loop.call_later(seconds, self._close_later, entry.event)

    async def close(self) -> None:
        """Write the counts that are not written yet."""
        for event in list(self._windows):
            await self._close(event)
        await asyncio.gather(*self._counting)

    def _close_later(self, event: AuditEvent) -> None:
        task = asyncio.ensure_future(self._close(event))
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)

    async def _close(self, event: AuditEvent) -> None:
        window = self._windows.pop(event, None)
        if window is None:
            return
        if window.timer is not None:
            window.timer.cancel()
        if window.left_out:
            now = self._ports()[1].now()
            detail = f"{window.left_out} more since {window.begun:%Y-%m-%d %H:%M:%S} UTC, not written one by one"
            await self._write(AuditEntry(event=event, actor="many", detail=detail), now)

    async def _write(self, entry: AuditEntry, at: datetime) -> None:
        """Write a row; a hub that is too busy for it says so in its log, and the refusal stands."""
        try:
            await self._ports()[0].append(entry, at)
        except Refused as refusal:
            _LOG.error("not audited", event_code=entry.event, actor=entry.actor, code=refusal.reason.code)
