"""Serve a hub over HTTP until it is told to stop, then finish what was begun."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import web

from exchange.api.app import build_app
from exchange.api.problems import answer_refusal
from exchange.core.retention import remove_expired
from exchange.core.sweep import discard_orphans, seal_waiting
from exchange.cosigning import cosign_forever
from exchange.delivery.mail import Courier
from exchange.gateway.app import mount as mount_gateway
from exchange.lgsp.app import PREFIX as LGSP_PREFIX
from exchange.lgsp.app import build_app as lgsp_app
from exchange.net.door import Door
from exchange.net.gate import Gate
from exchange.net.guard import MAX_HEADER, Answer, guarded
from exchange.net.limits import Limits
from exchange.net.tls import TlsFiles, build_context
from exchange.ngsp.app import MAX_HEADER as DIALECT_HEADER
from exchange.ngsp.app import answer_refusal as answer_dialect
from exchange.ngsp.app import build_app as dialect_app
from exchange.operation.lookout import look_forever
from exchange.operation.refreshing import Refresher
from exchange.operation.watch import Watch
from exchange.operation.workers import Worker
from exchange.running import Exchange
from exchange.timekeeping import stamp_forever
from trust_store.errors import Refused, reason

ADDRESS = reason(
    "address-unusable", "The hub cannot listen at this address", "Give another --host or --port, or stop what uses it"
)
SWITCH_SECONDS: Final = 0.0001
GARBAGE: Final = 20_000
"""How many objects are made before Python looks for circles among the young ones; 700 unless told."""
GRACE: Final = 10.0
FLUSH: Final = 2.0
"""Seconds for the answers to leave, after what was being worked on has ended."""
ORPHANS_EVERY: Final = 3600.0
_LOG = structlog.get_logger("congvan.server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Hold the sockets that a hub listens at: for its API and, if it is served, for connected systems."""

    api: socket.socket
    ngsp: socket.socket | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Hold where a hub answers: over its own API, and, if it is served, in the dialect of connected systems."""

    url: str
    ngsp: str = ""


@contextlib.asynccontextmanager
async def serve(exchange: Exchange, host: str, port: int, tls: TlsFiles | None = None) -> AsyncIterator[str]:
    """Serve the API alone while the block runs; gives the address. See `serve_all`."""
    async with serve_all(exchange, host, port, tls) as served:
        yield served.url


@contextlib.asynccontextmanager
async def serve_all(
    exchange: Exchange, host: str, port: int, tls: TlsFiles | None = None, ngsp: tuple[int, str] | None = None
) -> AsyncIterator[Served]:
    """Serve by this process alone; port 0 takes a free one. See `serve_at`.

    `ngsp` is the port of the listener for connected systems, and what is put before its paths; without it there is none.

    Raises:
        Refused: `address-unusable`, or `tls-unusable`.
    """
    port_of_ngsp, prefix = ngsp or (None, "")
    async with serve_at(exchange, listen(host, port, port_of_ngsp), tls, prefix) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_at(
    exchange: Exchange,
    listeners: Listeners,
    tls: TlsFiles | None = None,
    prefix: str = "",
    worker: Worker | None = None,
) -> AsyncIterator[Served]:
    """Serve while the block runs; gives the addresses. Without `tls` the settings decide.

    `prefix` is put before the paths for connected systems. With a `worker`, this process is one of several.

    At the end nobody new gets in, whoever waits for news is sent home, and what is being worked on ends within `GRACE`.

    Raises:
        Refused: `tls-unusable`.
    """
    files = tls or _files(exchange)
    context = build_context(files) if files else None
    await exchange.note_settings()
    limits = exchange.settings.share(worker.count) if worker else exchange.settings
    gate = Gate(limits)
    watch = Watch.over(exchange, gate, worker)
    room = _Room(exchange=exchange, limits=limits, context=context)
    app = build_app(exchange.reading, max_message_bytes=exchange.settings.max_message_bytes, watch=watch, gate=gate)
    try:
        async with contextlib.AsyncExitStack() as stack:
            url = await stack.enter_async_context(room.open(app, listeners.api, answer_refusal, MAX_HEADER))
            dialect = ""
            if listeners.ngsp is not None:
                other = dialect_app(exchange.reading, watch=watch, gate=gate, prefix=prefix)
                other.add_subapp(LGSP_PREFIX, lgsp_app(exchange.reading, gate=gate))
                mount_gateway(other, exchange.reading, watch=watch, gate=gate, prefix=prefix)
                opened = room.open(other, listeners.ngsp, answer_dialect, DIALECT_HEADER)
                dialect = await stack.enter_async_context(opened) + prefix
            for work in _beside(exchange, watch):
                await stack.enter_async_context(_running(work))
            yield Served(url=url, ngsp=dialect)
            await _drain(watch, exchange.settings.drain_seconds)
            await gate.empty(GRACE, exchange.bell.release)
    finally:
        exchange.bell.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """Hold what the listeners of one hub share."""

    exchange: Exchange
    limits: Limits
    context: ssl.SSLContext | None

    @contextlib.asynccontextmanager
    async def open(
        self, app: web.Application, listener: socket.socket, answer: Answer, max_header: int
    ) -> AsyncIterator[str]:
        """Serve an application at a socket while the block runs; gives its address."""
        with contextlib.closing(listener):
            host, port = listener.getsockname()[:2]
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=FLUSH)
            await runner.setup()
            door = Door(listener, guarded(runner), self.limits, answer, self.context, max_header=max_header)
            try:
                async with _running(door.accept_forever()):
                    yield f"{'https' if self.context else 'http'}://{_written(host)}:{port}"
            finally:
                self.exchange.bell.release()
                await runner.cleanup()


def _files(exchange: Exchange) -> TlsFiles | None:
    """Find the files that the settings name, seen from the hub's folder."""
    settings, folder = exchange.settings, exchange.home.folder
    if not settings.tls_cert and not settings.tls_key and not settings.client_ca:
        return None
    authorities = folder / settings.client_ca if settings.client_ca else None
    return TlsFiles(cert=folder / settings.tls_cert, key=folder / settings.tls_key, client_ca=authorities)


@contextlib.asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let something run beside the block, and end it with the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _beside(exchange: Exchange, watch: Watch) -> Iterator[Coroutine[Any, Any, None]]:
    """Give what runs beside the listeners; of several processes the first one sweeps, warns and mails for all."""
    if watch.worker is None or watch.worker.leads:
        yield _sweep_forever(exchange)
        if exchange.clocks.urls:
            yield stamp_forever(exchange)
        if exchange.settings.log_witnesses:
            yield cosign_forever(exchange)
        yield look_forever(exchange)
        if exchange.postman is not None:
            hub = exchange.hub
            yield Courier(notices=hub.store.notices, clock=hub.clock, postman=exchange.postman).carry_forever()
        yield Refresher(exchange.inquiries).run_forever()
    if watch.worker is not None:
        yield watch.share_forever(watch.worker)


def listen(host: str, port: int, ngsp: int | None = None) -> Listeners:
    """Listen at a port for the API, and at another for connected systems; port 0 takes a free one.

    Raises:
        Refused: `address-unusable`.
    """
    return Listeners(api=_listen(host, port), ngsp=None if ngsp is None else _listen(host, ngsp))


def _written(host: str) -> str:
    """Write an address as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=1024)
    except OSError as error:
        raise Refused(ADDRESS, f"Listening at {host}:{port} failed: {error.strerror}") from None


def settle() -> None:
    """Look for circular rubbish less often, and never among what a hub keeps until it ends."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)


def share_evenly() -> None:
    """Let threads hand the interpreter over sooner: those that write to disk need it often and for moments only."""
    sys.setswitchinterval(SWITCH_SECONDS)


async def wait_for_signal() -> None:
    """Wait until the process is asked to end (SIGTERM, SIGINT); asked once more, it ends at once, as a crash would."""
    asked, loop, numbers = asyncio.Event(), asyncio.get_running_loop(), (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, asked.set)
    await asked.wait()
    for number in numbers:
        loop.add_signal_handler(number, os._exit, 128 + number)


async def _drain(watch: Watch, seconds: float) -> None:
    """Say that the hub is about to stop, and go on serving until those who ask have had the time to hear it."""
    watch.health.is_draining = True
    await asyncio.sleep(seconds)


async def _sweep_forever(exchange: Exchange) -> None:
    """Seal what waits and finish what was approved every few seconds, look for orphans and old content every hour.

    A failure is logged and tried again.
    """
    loop, orphans_at = asyncio.get_running_loop(), 0.0
    while True:
        try:
            _, failed = await seal_waiting(exchange.hub)
            for key, refusal in failed.items():
                _LOG.error("not sealed", evidence=key, code=refusal.reason.code, detail=refusal.detail)
            for application, refusal in await exchange.hub.enrolment.finish_all():
                _LOG.error("not issued", application=application, code=refusal.reason.code, detail=refusal.detail)
            if loop.time() >= orphans_at:
                await discard_orphans(exchange.hub)
                removed = await remove_expired(exchange.hub, exchange.retention, exchange.settings.retention_days)
                if removed:
                    _LOG.info("content removed", messages=len(removed))
                orphans_at = loop.time() + ORPHANS_EVERY
        except Exception:
            _LOG.exception("sweep failed")
        await asyncio.sleep(exchange.settings.sweep_seconds)
