"""Parts of files as files in a folder: one writer each, by a lock that the system lets go of when a process dies."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from exchange.core.ports.files import UploadId
from exchange.errors import DISK_FULL, UPLOAD_LOCKED
from trust_store.errors import Misuse, Refused

CHUNK: Final = 256 * 1024
FLUSH_EVERY: Final = 64 * 1024 * 1024
REMEMBERED: Final = 1024
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SAFE: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")


@dataclass(frozen=True, slots=True, kw_only=True)
class Digested:
    """Hold the digest so far of a part, and how its file looked then: which file, how long, last written when."""

    stamp: tuple[int, int, int]
    state: Any


class LocalPartial:
    """Be one part, held; see `ports.files.Partial`. A lock keeps a write that was given up from meeting the next."""

    def __init__(self, path: Path, descriptor: int, state: Any) -> None:
        self.path, self.state = path, state
        self._descriptor, self._lock = descriptor, threading.Lock()
        self._written = os.fstat(descriptor).st_size
        self._is_new, self._dirty = self._written == 0, 0
        self._buffer = bytearray()

    @property
    def length(self) -> int:
        """Tell how many bytes were written."""
        return self._written + len(self._buffer)

    async def write(self, piece: bytes) -> None:
        """Add bytes at the end."""
        self._buffer += piece
        if len(self._buffer) >= CHUNK:
            await asyncio.to_thread(self._append, self._take())

    async def flush(self) -> None:
        """Return when everything that was written survives a power cut."""
        await asyncio.to_thread(self._flush, self._take())

    async def digest(self) -> str:
        """Return the SHA-256 (hex) of everything that was written."""
        await self.flush()
        digest: str = (await asyncio.to_thread(self._digested)).hexdigest()
        return digest

    async def discard(self) -> None:
        """Remove the part."""
        self.state = None
        self._buffer.clear()
        await asyncio.to_thread(self.path.unlink, missing_ok=True)

    def stamp(self) -> tuple[int, int, int]:
        """Say which file this is, how long, and when it was last written."""
        status = os.fstat(self._descriptor)
        return status.st_ino, status.st_size, status.st_mtime_ns

    def close(self) -> None:
        """Let the part go, after a write that nobody waits for any more."""
        with self._lock:
            os.close(self._descriptor)

    def _take(self) -> bytes:
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def _append(self, data: bytes) -> None:
        with self._lock, _named():
            state, left = self._digested(), memoryview(data)
            while left:
                count = os.write(self._descriptor, left)
                state.update(left[:count])
                self._written += count
                self._dirty += count
                left = left[count:]
            if self._dirty >= FLUSH_EVERY:
                os.fsync(self._descriptor)
                self._dirty = 0

    def _flush(self, data: bytes) -> None:
        if data:
            self._append(data)
        with self._lock, _named():
            if self._dirty:
                os.fsync(self._descriptor)
                self._dirty = 0
            if self._is_new:
                flush_folder(self.path.parent)
                self._is_new = False

    def _digested(self) -> Any:
        """Give the digest so far; what another process wrote, or this one before it remembered, is read again."""
        if self.state is None:
            state, left = hashlib.sha256(), self._written
            with self.path.open("rb") as file:
                while left and (piece := file.read(min(CHUNK, left))):
                    state.update(piece)
                    left -= len(piece)
            self.state = state
        return self.state


class LocalPartials:
    """Keep each part in `<folder>/<upload>`; see `ports.files.Partials`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[UploadId, Digested] = {}

    @contextlib.asynccontextmanager
    async def hold(self, key: UploadId) -> AsyncIterator[LocalPartial]:
        """Hold a part, new or not, so that nobody else does."""
        path = self._path(key)
        descriptor = await asyncio.to_thread(_lock, path)
        partial = LocalPartial(path, descriptor, None)
        known = self._known.pop(key, None)
        if known is not None and known.stamp == partial.stamp():
            partial.state = known.state
        try:
            yield partial
        finally:
            if partial.state is not None:
                self._remember(key, Digested(stamp=partial.stamp(), state=partial.state))
            await asyncio.to_thread(partial.close)

    async def length(self, key: UploadId) -> int:
        """Tell how many bytes of a part would survive a power cut now."""
        return await asyncio.to_thread(_durable, self._path(key))

    async def before(self, moment: datetime) -> list[UploadId]:
        """List the parts that were last written before a moment."""
        return await asyncio.to_thread(lambda: list(self._older(moment.timestamp())))

    def _older(self, before: float) -> Iterator[UploadId]:
        for path in self._folder.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if _SAFE.issuperset(path.name) and path.stat().st_mtime < before:
                    yield UploadId(path.name)

    def _remember(self, key: UploadId, known: Digested) -> None:
        self._known[key] = known
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

    def _path(self, key: UploadId) -> Path:
        if not key or not _SAFE.issuperset(key):
            raise Misuse("a part is named by the key of its upload")
        return self._folder / key


def _lock(path: Path) -> int:
    """Open a file and lock it; one that was removed between the two is not the file any more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with _named():
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise Refused(UPLOAD_LOCKED, "Another request is writing to this upload") from None
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _durable(path: Path) -> int:
    """Measure first and flush then: what is measured is on disk when this returns, whoever goes on writing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        size = os.fstat(descriptor).st_size
        os.fsync(descriptor)
        return size
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Say clearly that the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Refused(DISK_FULL, "What was written before is kept") from None
        raise


def flush_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
