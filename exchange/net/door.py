"""Accept connections: counted from the first moment on, also while they shake hands."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web

from exchange.errors import Later
from exchange.net.crowd import Crowd
from exchange.net.guard import MAX_HEADER, Answer, Guard, raw
from exchange.net.limits import Limits

SPARE_FILES: Final = 256
TURNED_AWAY: Final = 256
"""How many connections that were refused may be open for the moment that their clients take to read why."""
READ_SECONDS: Final = 1.0
_LOG = structlog.get_logger("congvan.net")


class Door:
    """Open guarded connections at a listening socket."""

    def __init__(
        self,
        listener: socket.socket,
        server: web.Server,
        limits: Limits,
        answer: Answer,
        tls: ssl.SSLContext | None,
        *,
        max_header: int = MAX_HEADER,
    ) -> None:
        listener.setblocking(False)
        self._max_header = max_header
        self._listener, self._server, self._limits, self._answer, self._tls = listener, server, limits, answer, tls
        self._crowd = Crowd(limits, allow_files(limits.max_connections))
        self._opening: set[asyncio.Task[None]] = set()
        self._turned_away: set[socket.socket] = set()

    async def accept_forever(self) -> None:
        """Accept until cancelled; without files to accept with, wait a little and go on."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, address = await loop.sock_accept(self._listener)
                except OSError as error:
                    _LOG.error("not accepted", detail=error.strerror)
                    await asyncio.sleep(1)
                    continue
                self._let_in(connection, str(address[0]))
                await asyncio.sleep(0)
        finally:
            self._listener.close()
            for connection in list(self._turned_away):
                self._drop(connection)
            for task in self._opening:
                task.cancel()

    def _let_in(self, connection: socket.socket, address: str) -> None:
        connection.setblocking(False)
        try:
            who = self._crowd.enter(address)
        except Later as refusal:
            _LOG.info("refused", status=503, code=refusal.reason.code, detail=refusal.detail)
            self._turn_away(connection, refusal)
            return
        task = asyncio.create_task(self._open(connection, self._once(who)))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket, leave: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        handshake = self._limits.header_seconds if self._tls else None
        try:
            await loop.connect_accepted_socket(
                lambda: Guard(
                    self._server,
                    loop=loop,
                    limits=self._limits,
                    answer=self._answer,
                    leave=leave,
                    max_header=self._max_header,
                ),
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=handshake,
            )
        except OSError as error:
            _LOG.info("no connection", detail=getattr(error, "reason", None) or error.strerror or str(error))
            leave()
        except asyncio.CancelledError:
            leave()
            raise

    def _once(self, who: str) -> Callable[[], None]:
        """Count a connection out once, whether it failed to open or was lost later."""
        left = contextlib.ExitStack()
        left.callback(self._crowd.leave, who)
        return left.close

    def _turn_away(self, connection: socket.socket, refusal: Later) -> None:
        """Say why, and close a moment later, so that the answer is not overtaken by a reset."""
        if self._tls is not None or len(self._turned_away) >= TURNED_AWAY:
            connection.close()
            return
        with contextlib.suppress(OSError):
            connection.send(raw(self._answer(refusal)))
            connection.shutdown(socket.SHUT_WR)
        self._turned_away.add(connection)
        asyncio.get_running_loop().call_later(READ_SECONDS, self._drop, connection)

    def _drop(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.recv(65536)
        connection.close()
        self._turned_away.discard(connection)


def allow_files(connections: int) -> int:
    """Ask the system for a file for each connection, and return how many connections it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft not in (resource.RLIM_INFINITY,) and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        _LOG.warning("few files", allowed=allowed, wanted=wanted)
    return max(1, allowed - SPARE_FILES)
