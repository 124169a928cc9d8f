"""Serve a hub over HTTP until it is told to stop, then finish what was begun."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from exchange.api.app import build_app
from exchange.core.sweep import discard_orphans, seal_waiting
from exchange.running import Exchange
from trust_store.errors import Refused, reason

ADDRESS = reason(
    "address-unusable", "The hub cannot listen at this address", "Give another --host or --port, or stop what uses it"
)
GRACE: Final = 10.0
MAX_HEADER: Final = 65536
ORPHANS_EVERY: Final = 3600.0
_LOG = structlog.get_logger("congvan.server")


@contextlib.asynccontextmanager
async def serve(exchange: Exchange, host: str, port: int) -> AsyncIterator[str]:
    """Serve while the block runs; gives the address. Port 0 takes a free one.

    Raises:
        Refused: `address-unusable`.
    """
    listener = _listen(host, port)
    app = build_app(exchange.reading, max_message_bytes=exchange.settings.max_message_bytes)
    app.on_shutdown.append(_release(exchange))
    runner = web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,
        shutdown_timeout=GRACE,
        max_field_size=MAX_HEADER,
        max_line_size=MAX_HEADER,
    )
    await runner.setup()
    sweeping = asyncio.create_task(_sweep_forever(exchange), name="sweep")
    try:
        await web.SockSite(runner, listener).start()
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping
        await runner.cleanup()
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=1024)
    except OSError as error:
        raise Refused(ADDRESS, f"Listening at {host}:{port} failed: {error.strerror}") from None


async def wait_for_signal() -> None:
    """Wait until the process is asked to end (SIGTERM, SIGINT)."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await asked.wait()


def _release(exchange: Exchange) -> Callable[[web.Application], Awaitable[None]]:
    async def release(_app: web.Application) -> None:
        exchange.bell.release()

    return release


async def _sweep_forever(exchange: Exchange) -> None:
    """Seal what waits every few seconds and look for orphans every hour; a failure is logged and tried again."""
    loop, orphans_at = asyncio.get_running_loop(), 0.0
    while True:
        try:
            _, failed = await seal_waiting(exchange.hub)
            for key, refusal in failed.items():
                _LOG.error("not sealed", evidence=key, code=refusal.reason.code, detail=refusal.detail)
            if loop.time() >= orphans_at:
                await discard_orphans(exchange.hub)
                orphans_at = loop.time() + ORPHANS_EVERY
        except Exception:
            _LOG.exception("sweep failed")
        await asyncio.sleep(exchange.settings.sweep_seconds)
