"""The transparency log as everybody may read it: C2SP tlog-tiles, with no credential and nothing of any document."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from aiohttp import web

from envelopes.log.tiles import TileName, bundle, read_name
from exchange.api.routes import answer
from exchange.core.ports import LogShelf
from exchange.core.reading import Reading
from exchange.errors import NOT_FOUND
from exchange.net.gate import Gate
from trust_store.errors import Refused

PREFIX: Final = "/log"
TEXT: Final = "text/plain"
BYTES: Final = "application/octet-stream"
_LONG: Final = "public, max-age=31536000, immutable"
_TILE: Final = 256
_HASH: Final = 32


class LogView(msgspec.Struct, frozen=True, kw_only=True):
    """A transparency log of this hub: where its tiles are, its verifier key, and from when to when it grew."""

    path: str
    key: str
    begun_at: datetime
    ended_at: datetime | None = None


class LogsView(msgspec.Struct, frozen=True, kw_only=True):
    """The logs of this hub, the first one first; a hub that was restored began another."""

    logs: list[LogView]


class OpenLog:
    """Answer those who follow the log; what is complete never changes, and may be kept by all on the way."""

    def __init__(self, reading: Reading, gate: Gate) -> None:
        self._reading, self._gate = reading, gate

    @property
    def _shelf(self) -> LogShelf:
        return self._reading.hub.store.log

    def mount(self, app: web.Application) -> None:
        """Add the pages to an application."""
        app.router.add_get(PREFIX, self._logs)
        app.router.add_get(PREFIX + "/{log:[0-9]{1,9}}/checkpoint", self._checkpoint)
        app.router.add_get(PREFIX + "/{log:[0-9]{1,9}}/tile/{tile:.+}", self._tile)

    async def _logs(self, _request: web.Request) -> web.StreamResponse:
        logs = await self._shelf.logs()
        return answer(
            LogsView(
                logs=[
                    LogView(path=f"{PREFIX}/{each.log}", key=each.key, begun_at=each.begun_at, ended_at=each.ended_at)
                    for each in logs
                ]
            )
        )

    async def _checkpoint(self, request: web.Request) -> web.StreamResponse:
        note = await self._reading.hub.log.published(int(request.match_info["log"]))
        if not note:
            raise Refused(NOT_FOUND, "This hub has no such log")
        return web.Response(text=note, content_type=TEXT, charset="utf-8")

    async def _tile(self, request: web.Request) -> web.StreamResponse:
        with self._gate.admission.slot():
            log, name = int(request.match_info["log"]), read_name(request.match_info["tile"])
            data = await (self._bundle(log, name) if name.level is None else self._hashes(log, name))
        headers = {"Cache-Control": _LONG}
        return web.Response(body=data, content_type=BYTES, headers=headers)

    async def _hashes(self, log: int, name: TileName) -> bytes:
        data = await self._shelf.tile(log, name.level or 0, name.number)
        if len(data) < name.width * _HASH:
            raise Refused(NOT_FOUND, "The log has not grown so far")
        return data[: name.width * _HASH]

    async def _bundle(self, log: int, name: TileName) -> bytes:
        entries = await self._shelf.entries(log, name.number * _TILE, name.width)
        if len(entries) < name.width:
            raise Refused(NOT_FOUND, "The log has not grown so far")
        return bundle(entries)
