"""A write that fails in the middle leaves nothing behind and nothing half."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exchange.blobs.local import LocalBlobs
from trust_store.errors import Refused

DATA = b"<edXML/>"
DIGEST = hashlib.sha256(DATA).hexdigest()


async def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, real = LocalBlobs(tmp_path), os.fsync

    def full(descriptor: int) -> None:
        if not os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112 - a descriptor, not a place
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match="disk-full"):
        await blobs.put(DIGEST, DATA)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    monkeypatch.setattr(os, "fsync", real)
    with pytest.raises(Refused):
        await blobs.get(DIGEST)
    await blobs.put(DIGEST, DATA)
    assert await blobs.get(DIGEST) == DATA


async def test_the_name_appears_only_after_the_bytes_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real, seen = tmp_path / DIGEST[:2] / DIGEST, os.fsync, []

    def note(descriptor: int) -> None:
        seen.append((Path(os.readlink(f"/proc/self/fd/{descriptor}")).is_dir(), path.exists()))  # noqa: PTH115
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    await LocalBlobs(tmp_path).put(DIGEST, DATA)
    assert seen == [(True, False), (False, False), (True, True)]


async def test_what_a_crash_left_half_discarded_comes_back(tmp_path: Path) -> None:
    blobs, path = LocalBlobs(tmp_path), tmp_path / DIGEST[:2] / DIGEST
    await blobs.put(DIGEST, DATA)
    path.rename(path.with_name(path.name + ".aside"))
    assert await blobs.before(datetime.now(UTC) + timedelta(hours=1)) == [DIGEST]
    assert await blobs.get(DIGEST) == DATA
