"""Send and fetch large files piece by piece: what breaks off is taken up where it stood, and every byte is compared."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import aiohttp

from exchange.answers import UNREACHABLE, read_refusal
from trust_store.errors import Refused, reason

FILE_DIFFERS = reason(
    "attachment-differs",
    "What the hub gives is not the file that the letter names",
    "Fetch it again; if it stays so, ask the operator of the hub and the sender",
)
CHUNK: Final = 256 * 1024
DELAYS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds to wait after each failure without a byte of progress in between; after the last one, it is given up."""
SILENCE: Final = 120.0
_PASSING: Final = frozenset({408, 423, 429, 502, 503, 504})
_TUS: Final = {"Tus-Resumable": "1.0.0"}
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Describe a file that has arrived whole: its SHA-256 (hex) and its size."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Reach a hub, as long as it takes."""

    session: aiohttp.ClientSession

    @contextlib.asynccontextmanager
    async def ask(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask without a limit on the whole, as long as something moves; `Passing` for what may be better in a moment."""
        patience = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=SILENCE)
        try:
            async with self.session.request(method, path, timeout=patience, **options) as response:
                if response.status >= 400:
                    raise self._refused(response.status, await response.read())
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Passing(Refused(UNREACHABLE, f"The line broke: {type(error).__name__}")) from None

    def _refused(self, status: int, body: bytes) -> Exception:
        refusal = read_refusal(status, body)
        is_passing = status in _PASSING or refusal.reason.code == "upload-offset"
        return Passing(refusal) if is_passing else refusal


class Passing(Exception):
    """Something failed that may be better in a moment; `refusal` says what, should it stay."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Patience:
    """Try again after longer and longer, and give up in the end; any progress begins the count anew."""

    def __init__(self) -> None:
        self._failures, self._reached = 0, -1

    async def wait(self, failure: Passing, reached: int) -> None:
        """Wait before the next attempt; `reached` is how far the last one came."""
        if reached > self._reached:
            self._failures, self._reached = 0, reached
        if self._failures >= len(DELAYS):
            raise failure.refusal
        await asyncio.sleep(DELAYS[self._failures])
        self._failures += 1


class Upload:
    """Bring one file to the hub."""

    def __init__(self, line: Line, source: BinaryIO, name: str, on_progress: Progress | None) -> None:
        self._line, self._source, self._name, self._on_progress = line, source, name, on_progress
        self._lock, self._location, self._reached = threading.Lock(), "", 0

    async def run(self) -> Stored:
        """Send until the hub has all of it."""
        stored, patience = await asyncio.to_thread(measure, self._source), Patience()
        while True:
            try:
                self._reached = await (self._look() if self._location else self._announce(stored))
                if self._reached < stored.size:
                    self._reached = await self._write(stored.size)
                if self._reached == stored.size:
                    return stored
            except Passing as failure:
                await patience.wait(failure, self._reached)

    async def _announce(self, stored: Stored) -> int:
        pairs = {"sha256": stored.digest, "filename": self._name}
        metadata = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items() if value
        )
        headers = {"Upload-Length": str(stored.size), "Upload-Metadata": metadata, **_TUS}
        async with self._line.ask("POST", "v1/uploads", headers=headers) as response:
            self._location = response.headers.get("Location", "").lstrip("/")
            return self._offset(response)

    async def _look(self) -> int:
        try:
            async with self._line.ask("HEAD", self._location, headers=_TUS) as response:
                return self._offset(response)
        except Refused:  # the hub no longer knows it: it is announced anew
            self._location = ""
            raise Passing(Refused(UNREACHABLE, "The upload is not known any more")) from None

    async def _write(self, size: int) -> int:
        start = self._reached
        headers = {"Upload-Offset": str(start), "Content-Type": "application/offset+octet-stream", **_TUS}
        headers["Content-Length"] = str(size - start)
        async with self._line.ask("PATCH", self._location, headers=headers, data=self._pieces(size)) as response:
            return self._offset(response)

    async def _pieces(self, size: int) -> AsyncIterator[bytes]:
        at = self._reached
        while piece := await asyncio.to_thread(self._read, at, min(CHUNK, size - at)):
            at += len(piece)
            yield piece
            if self._on_progress is not None:
                self._on_progress(at, size)

    def _read(self, at: int, count: int) -> bytes:
        """Read under a lock: a reading that was given up with its connection must not move the next one's place."""
        with self._lock:
            self._source.seek(at)
            return self._source.read(count)

    def _offset(self, response: aiohttp.ClientResponse) -> int:
        text = response.headers.get("Upload-Offset", "")
        if not text.isdecimal():
            raise Refused(UNREACHABLE, "What answers at this address is not a hub of this kind")
        return int(text)


class Download:
    """Fetch one file beside a message into a part, which takes its final name when every byte was compared."""

    def __init__(self, line: Line, path: str, target: Path, on_progress: Progress | None) -> None:
        self._line, self._path, self._target, self._on_progress = line, path, target, on_progress
        self._state, self._reached = hashlib.sha256(), 0

    async def run(self, digest: str) -> Stored:
        """Fetch until all of it is here; `digest` is what the letter names, or empty to believe the hub."""
        stored = await self._announced()
        if digest and digest != stored.digest:
            raise Refused(FILE_DIFFERS, f"The letter names {digest}, the hub has {stored.digest}")
        part = self._target.with_name(f".{self._target.name}.{stored.digest[:16]}.part")
        with part.open("ab+") as file:
            await asyncio.to_thread(self._take_up, file)
            await self._fetch(file, stored)
            await asyncio.to_thread(_flush, file)
        if self._reached != stored.size or not hmac.compare_digest(self._state.hexdigest(), stored.digest):
            part.unlink()
            raise Refused(FILE_DIFFERS, f"{self._reached:,} bytes came with the SHA-256 {self._state.hexdigest()}")
        part.replace(self._target)
        return stored

    async def _announced(self) -> Stored:
        patience = Patience()
        while True:
            try:
                return await self._head()
            except Passing as failure:
                await patience.wait(failure, 0)
            except Refused:
                async with self._line.ask("GET", self._path):  # an answer to HEAD cannot say why; this one does
                    raise

    async def _head(self) -> Stored:
        async with self._line.ask("HEAD", self._path) as response:
            etag, size = response.headers.get("ETag", ""), response.content_length
            if size is None or len(etag) != 66:
                raise Refused(UNREACHABLE, "What answers at this address is not a hub of this kind")
            return Stored(digest=etag.strip('"'), size=size)

    async def _fetch(self, file: BinaryIO, stored: Stored) -> None:
        patience = Patience()
        while self._reached < stored.size:
            try:
                await self._attempt(file, stored)
            except Passing as failure:
                await patience.wait(failure, self._reached)

    async def _attempt(self, file: BinaryIO, stored: Stored) -> None:
        headers = {"Range": f"bytes={self._reached}-", "If-Range": f'"{stored.digest}"'}
        async with self._line.ask("GET", self._path, headers=headers) as response:
            if response.status != 206:
                self._start_over(file)
            async for piece in response.content.iter_chunked(CHUNK):
                await asyncio.to_thread(self._keep, file, piece)
                if self._reached > stored.size:
                    return
                if self._on_progress is not None:
                    self._on_progress(self._reached, stored.size)

    def _keep(self, file: BinaryIO, piece: bytes) -> None:
        file.write(piece)
        self._state.update(piece)
        self._reached += len(piece)

    def _start_over(self, file: BinaryIO) -> None:
        file.truncate(0)
        self._state, self._reached = hashlib.sha256(), 0

    def _take_up(self, file: BinaryIO) -> None:
        file.seek(0)
        while piece := file.read(CHUNK):
            self._state.update(piece)
            self._reached += len(piece)


def measure(source: BinaryIO) -> Stored:
    """Read a file from its beginning, and tell its digest and its size."""
    source.seek(0)
    state, size = hashlib.sha256(), 0
    while piece := source.read(CHUNK):
        state.update(piece)
        size += len(piece)
    return Stored(digest=state.hexdigest(), size=size)


@contextlib.contextmanager
def opened(file: Path | BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    """Open a path, or take a file that is open and can be read from any place; gives it with its name."""
    if isinstance(file, Path):
        with file.open("rb") as source:
            yield source, file.name
    else:
        yield file, ""


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
