"""Blobs as files in a folder: written aside, flushed, renamed, and the folder flushed, so that a power cut takes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from exchange.errors import DAMAGED, NOT_FOUND
from trust_store.errors import Misuse, Refused

_ASIDE = ".aside"
_HEX = frozenset("0123456789abcdef")


class LocalBlobs:
    """Keep each blob in `<folder>/<first two characters>/<digest>`; see `ports.Blobs`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, digest: str, data: bytes) -> None:
        """Keep the bytes durably."""
        await asyncio.to_thread(self._put, self._path(digest), data)

    async def get(self, digest: str) -> bytes:
        """Return the bytes, checked against the digest."""
        return await asyncio.to_thread(self._get, digest)

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

    def _put(self, path: Path, data: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
            _flush(path.parent)
            return
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _flush(self._folder)
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
        _flush(path.parent)

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


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
