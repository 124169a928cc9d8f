"""Blobs as files in a folder: written aside, flushed, renamed, and the folder flushed, so that a power cut takes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import tempfile
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime
from pathlib import Path

from exchange.blobs.partials import CHUNK, flush_folder
from exchange.errors import DAMAGED, NOT_FOUND, unstored
from trust_store.errors import Misuse, Refused

SMALL = 64 * 1024
"""Reading so few bytes takes less than handing the reading to a thread."""
_ASIDE = ".aside"
_HEX = frozenset("0123456789abcdef")


class LocalBlobs:
    """Keep each blob in `<folder>/<first two characters>/<digest>`; see `ports.Blobs`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, digest: str, data: bytes) -> None:
        """Keep the bytes durably."""
        try:
            await asyncio.to_thread(self._put, self._path(digest), data)
        except OSError as error:
            raise unstored(error) from error

    async def get(self, digest: str) -> bytes:
        """Return the bytes, checked against the digest."""
        path = self._path(digest)
        if path.exists() and path.stat().st_size <= SMALL:
            return self._get(digest)
        return await asyncio.to_thread(self._get, digest)

    async def size(self, digest: str) -> int:
        """Tell how many bytes are kept."""
        descriptor = await asyncio.to_thread(self._open, digest)
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    async def stream(self, digest: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Give the bytes from `start` to before `end`, piece by piece."""
        descriptor = await asyncio.to_thread(self._open, digest)
        try:
            if os.fstat(descriptor).st_size < end:
                raise Refused(DAMAGED, f"The stored file {digest} is shorter than it was")
            while start < end:
                piece = await asyncio.to_thread(os.pread, descriptor, min(CHUNK, end - start), start)
                if not piece:
                    raise Refused(DAMAGED, f"The stored file {digest} ends too early")
                start += len(piece)
                yield piece
        finally:
            os.close(descriptor)

    async def adopt(self, path: Path, digest: str) -> None:
        """Keep a finished file that lies on the same disk; the name that it had is the caller's to remove."""
        await asyncio.to_thread(self._adopt, path, self._path(digest))

    async def before(self, moment: datetime) -> list[str]:
        """List the digests kept before a moment."""
        return await asyncio.to_thread(lambda: list(self._older(moment)))

    async def discard(self, digest: str, before: datetime) -> bool:
        """Forget the bytes unless they were put again since `before`."""
        return await asyncio.to_thread(_discard, self._path(digest), before.timestamp())

    def _path(self, digest: str) -> Path:
        if len(digest) != 64 or not _HEX.issuperset(digest):
            raise Misuse("a blob is named by a SHA-256 in lower-case hex")
        return self._folder / digest[:2] / digest

    def _get(self, digest: str) -> bytes:
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise Refused(NOT_FOUND, "The bytes of this message are not here") from None
        if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), digest):
            raise Refused(DAMAGED, f"The stored file {digest} has changed")
        return data

    def _open(self, digest: str) -> int:
        try:
            return os.open(self._path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise Refused(NOT_FOUND, "The bytes of this file are not here") from None

    def _adopt(self, path: Path, target: Path) -> None:
        """Link it aside and rename it, so that it takes the place of a damaged one too; now it is young for the sweep."""
        self._make_parent(target)
        os.utime(path)
        aside = target.with_name(f".{path.name}")
        aside.unlink(missing_ok=True)
        os.link(path, aside)
        if target.exists() and target.samefile(aside):
            aside.unlink()  # a rename between two names of one file would leave both
        else:
            aside.replace(target)
        flush_folder(target.parent)

    def _put(self, path: Path, data: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
            flush_folder(path.parent)
            return
        self._make_parent(path)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        flush_folder(path.parent)

    def _make_parent(self, path: Path) -> None:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            flush_folder(self._folder)

    def _older(self, moment: datetime) -> Iterator[str]:
        for aside in self._folder.glob(f"??/*{_ASIDE}"):
            aside.replace(aside.with_name(aside.name.removesuffix(_ASIDE)))
        for path in self._folder.glob("??/*"):
            if not path.name.startswith(".") and path.stat().st_mtime < moment.timestamp():
                yield path.name


def _discard(path: Path, before: float) -> bool:
    """Take the file aside first: a put that comes now writes anew, and one that came before shows in the time."""
    aside = path.with_name(path.name + _ASIDE)
    with contextlib.suppress(FileNotFoundError):
        path.replace(aside)
        if aside.stat().st_mtime < before:
            aside.unlink()
            return True
        aside.replace(path)
    return False
