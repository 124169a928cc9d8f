"""Read a transparency log over HTTP as anybody can (C2SP tlog-tiles): in bounded time and space, without credentials."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

import aiohttp
import msgspec

from envelopes.log.note import MAX_NOTE
from envelopes.log.tiles import HASH, WIDTH, TileName
from trust_store.errors import Refused, reason

UNREACHABLE = reason(
    "log-unreachable",
    "The log did not answer as it must",
    "Look at the address and at the way there; a log that stays silent cannot be followed, so ask who runs it",
)
TILE: Final = WIDTH * HASH
_LISTED: Final = 64 * 1024
_AGENT: Final = "congvan"


class HttpLog:
    """Read one log by the address that it is under, such as `https://hub.example/log/1`; use it as a context.

    Complete tiles are kept in memory until the next checkpoint is read. Raises of all its methods:
        Refused: `log-unreachable`.
    """

    def __init__(self, url: str, seconds: float = 30.0) -> None:
        self.url, self._seconds = url.rstrip("/"), seconds
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpLog:
        """Open a session that keeps nothing."""
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def checkpoint(self) -> str:
        """Return the newest checkpoint (a signed note), as the log shows it now."""
        self._tiles.clear()
        try:
            return (await self._get(f"{self.url}/checkpoint", MAX_NOTE)).decode()
        except UnicodeDecodeError:
            raise Refused(UNREACHABLE, "Its checkpoint is no text", where=self.url) from None

    async def key(self) -> str:
        """Return the verifier key that the hub publishes for this log, for who has none from elsewhere."""
        for each in await self._listed():
            if each.path.rpartition("/")[2] == self.url.rpartition("/")[2]:
                return each.key
        raise Refused(UNREACHABLE, "The hub lists no such log; give its key with --vkey", where=self.url)

    async def later(self) -> str:
        """Return where the newest log of the hub is, if that is another one; empty where nothing is listed."""
        try:
            listed = await self._listed()
        except Refused:
            return ""
        names = [each.path.rpartition("/")[2] for each in listed]
        own = self.url.rpartition("/")[2]
        return listed[-1].path if own in names[:-1] else ""

    async def _listed(self) -> list[_Log]:
        base = self.url.rpartition("/")[0]
        try:
            return msgspec.json.decode(await self._get(base, _LISTED), type=_Listed).logs
        except msgspec.DecodeError:
            raise Refused(UNREACHABLE, "The list of logs cannot be read", where=base) from None

    async def read_tile(self, level: int, number: int, width: int) -> bytes:
        """Return the first `width` hashes (32 bytes each) of a tile; the complete one if the partial one is gone."""
        known = self._tiles.get((level, number))
        if known is not None:
            return known
        for wide in dict.fromkeys((width, WIDTH)):
            path = TileName(level=level, number=number, width=wide).path
            data = await self._find(f"{self.url}/tile/{path}", TILE)
            if data is None:
                continue
            if wide == WIDTH and len(data) == TILE:
                self._tiles[level, number] = data
            return data
        raise Refused(UNREACHABLE, "The log does not hand out a tile that its checkpoint needs", where=path)

    async def _get(self, url: str, most: int) -> bytes:
        found = await self._find(url, most)
        if found is None:
            raise Refused(UNREACHABLE, "There is nothing at this address", where=url)
        return found

    async def _find(self, url: str, most: int) -> bytes | None:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._read(url, most)
        except TimeoutError:
            raise Refused(UNREACHABLE, f"No whole answer within {self._seconds:g} seconds", where=url) from None
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise Refused(UNREACHABLE, f"No answer: {type(error).__name__}", where=url) from None

    async def _read(self, url: str, most: int) -> bytes | None:
        if self._session is None:
            raise Refused(UNREACHABLE, "It is not open")
        headers = {"User-Agent": _AGENT, "Accept-Encoding": "identity"}
        async with self._session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status in {404, 410}:
                return None
            if response.status != 200:
                raise Refused(UNREACHABLE, f"It answered with the status {response.status}", where=url)
            read = bytearray()
            async for piece in response.content.iter_any():
                read += piece
                if len(read) > most:
                    raise Refused(UNREACHABLE, f"It sends more than {most:,} bytes", where=url)
            return bytes(read)


class _Log(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    key: str


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    logs: list[_Log]
