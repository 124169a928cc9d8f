"""Guard one connection: headers come in time, nobody holds it for nothing, and whatever is wrong gets an answer.

The same connection is in turn `HEADING` (the headers of a request are awaited or arriving), `BUSY` (a request is worked on
or its answer is sent), `LINGERING` (the rest of a refused body is thrown away) and `IDLE` (nothing of the next one has come).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from exchange.errors import REQUEST, TOO_SLOW
from exchange.net.limits import Limits
from trust_store.errors import Misuse, Refused

MAX_HEADER: Final = 65536
LAST_SECONDS: Final = 10.0
"""How long the last bytes of a connection that ends may take to leave."""
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Answer = Callable[[Refused], web.Response]
_LOG = structlog.get_logger("congvan.net")


class State(Enum):
    """Say what a connection is doing."""

    HEADING = auto()
    BUSY = auto()
    LINGERING = auto()
    IDLE = auto()


class Guard(RequestHandler):
    """Speak HTTP on one connection, under limits; `leave` is called once when it is over."""

    __slots__ = ("_answer", "_leave", "_limits", "_state", "_timer", "poll")

    def __init__(
        self,
        server: web.Server,
        *,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        answer: Answer,
        leave: Callable[[], None],
        max_header: int = MAX_HEADER,
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=limits.idle_seconds,
            access_log=None,  # type: ignore[arg-type] # none is wanted; the base class asks for the truth of it
            auto_decompress=False,
            max_field_size=max_header,
            max_line_size=max_header,
        )
        self._limits, self._answer, self._leave = limits, answer, leave
        self._state, self._timer = State.HEADING, None
        self.poll: asyncio.Task[Any] | None = None

    _timer: asyncio.TimerHandle | None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the first request's headers are awaited from now on."""
        super().connection_made(transport)
        self._arm(self._limits.header_seconds, self._refuse_slow)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End: whoever waits for news on this connection waits no more."""
        self._disarm()
        super().connection_lost(exc)
        if self.poll is not None:
            self.poll.cancel()
        self._leave()

    def data_received(self, data: bytes) -> None:
        """Take bytes; the first ones after an answer begin the next request."""
        if self._state is State.IDLE:
            self._state = State.HEADING
            self._arm(self._limits.header_seconds, self._refuse_slow)
        super().data_received(data)

    def pause_writing(self) -> None:
        """Bound how long the other side may leave an answer unread."""
        super().pause_writing()
        self._arm(self._limits.idle_seconds, self._abort)

    def resume_writing(self) -> None:
        """Go on: some of the answer was read."""
        super().resume_writing()
        if self._state is State.BUSY:
            self._disarm()

    def begin(self) -> None:
        """Note that the headers of a request are complete."""
        self._state = State.BUSY
        self._disarm()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer, and wait for the next request no longer than an idle connection may."""
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._state = State.IDLE if request.content.is_eof() else State.LINGERING
            if self.transport is not None:
                self._arm(self._limits.idle_seconds + LAST_SECONDS, self._abort)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what is no HTTP with a problem document; everything else fails as it did."""
        if status != HTTPStatus.BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        said = " ".join((message or "").split()).partition(":")[0] or "This is not HTTP"
        response = self._answer(Refused(REQUEST, said))
        _LOG.info("refused", status=response.status, code=REQUEST.code, detail=said)
        response.force_close()
        return response

    def _refuse_slow(self) -> None:
        refusal = Refused(TOO_SLOW, f"The headers did not arrive within {self._limits.header_seconds:g} seconds")
        _LOG.info("refused", status=408, code=refusal.reason.code, detail=refusal.detail)
        if self.transport is not None:
            transport = self.transport
            transport.write(raw(self._answer(refusal)))
            self.force_close()
            self._timer = self._loop.call_later(LAST_SECONDS, transport.abort)

    def _abort(self) -> None:
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def _arm(self, seconds: float, then: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self._loop.call_later(seconds, then)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def announce(handler: Handler) -> Handler:
    """Tell the guard of a connection when a request begins."""

    async def announced(request: web.BaseRequest) -> web.StreamResponse:
        if isinstance(request.protocol, Guard):
            request.protocol.begin()
        return await handler(request)

    return announced


def guarded(runner: web.BaseRunner) -> web.Server:
    """Return the server of a runner that was set up, with its handler announcing requests to their guards."""
    server = runner.server
    if server is None or server.request_handler is None:
        raise Misuse("the runner was not set up")
    server.request_handler = announce(server.request_handler)
    return server


@contextlib.contextmanager
def waiting(request: web.Request) -> Iterator[None]:
    """Cancel what the block does when the client goes away: it waits for news that nobody would hear."""
    guard = request.protocol
    if not isinstance(guard, Guard):
        yield
        return
    guard.poll = asyncio.current_task()
    try:
        yield
    finally:
        guard.poll = None


def raw(response: web.Response) -> bytes:
    """Write a whole answer as it goes over the line, for connections that no request came on."""
    body = response.body
    data = body if isinstance(body, bytes) else b""
    headers = {**response.headers, "Content-Length": str(len(data)), "Connection": "close"}
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + data
