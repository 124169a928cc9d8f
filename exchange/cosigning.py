"""Have the checkpoints of a served hub cosigned behind the scenes."""

from __future__ import annotations

import asyncio

import structlog

from exchange.running import Exchange

_LOG = structlog.get_logger("congvan.log")


async def cosign_forever(exchange: Exchange) -> None:
    """Ask the witnesses for the newest checkpoint, then rest; a failure is logged and tried again, and stops no message."""
    while True:
        try:
            for said in await exchange.hub.log.cosign():
                _LOG.warning("not cosigned", detail=said)
        except Exception:
            _LOG.exception("cosigning failed")
        await asyncio.sleep(exchange.settings.log_cosign_seconds)
