"""Stamp the receipts of a served hub behind the scenes, and raise the alarm when they wait for too long."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from exchange.core.stamping import BATCH, Alarm, stamp_receipts
from exchange.running import Exchange
from trust_store.errors import Refused

_LOG = structlog.get_logger("congvan.time")


async def stamp_forever(exchange: Exchange) -> None:
    """Stamp what waits, batch after batch, then rest; a failure is logged and tried again, and never stops a message."""
    limit = timedelta(minutes=exchange.settings.time_outage_minutes)
    alarm = Alarm(shelf=exchange.stamps, clock=exchange.hub.clock, limit=limit)
    while True:
        try:
            await stamp_waiting(exchange)
            await alarm.look(exchange.clocks.said)
        except Exception:
            _LOG.exception("stamping failed")
        await asyncio.sleep(exchange.settings.time_batch_seconds)


async def stamp_waiting(exchange: Exchange) -> int:
    """Stamp all receipts that wait; return how many, fewer when no authority answers."""
    hub, done = exchange.hub, 0
    while True:
        try:
            count = await stamp_receipts(exchange.stamps, exchange.clocks, hub.clock, hub.registrar.entropy)
        except Refused as refusal:
            _LOG.warning("not stamped", code=refusal.reason.code, detail=refusal.detail)
            return done
        done += count
        if count < BATCH:
            return done
