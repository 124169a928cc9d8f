"""What a backup holds: a list of files with sizes and digests, written last, so that without it there is no backup."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from trust_store.errors import Refused, reason

NO_BACKUP = reason(
    "backup-missing", "There is no finished backup in this folder", "Give a folder that 'congvan backup' finished"
)
BACKUP_DAMAGED = reason(
    "backup-damaged",
    "The backup is not as it was made",
    "Use another backup, or another copy of this one; nothing was restored",
)
FILE: Final = "manifest.json"


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """Describe one file: where it is in the backup, where it goes in a hub's folder, its size and SHA-256 (hex)."""

    path: str
    place: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Describe a backup; `missing` are digests of messages whose bytes the hub had lost or changed already."""

    version: int = 1
    made_at: datetime
    name: str
    code: str
    with_keys: bool
    files: tuple[Stored, ...]
    missing: tuple[str, ...] = ()


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    sha256: str
    manifest: msgspec.Raw


def write_manifest(folder: Path, manifest: Manifest) -> str:
    """Write the manifest whole and durably, in place of the one before; return its SHA-256."""
    body = msgspec.json.encode(manifest)
    digest = hashlib.sha256(body).hexdigest()
    data = msgspec.json.encode(_Written(sha256=digest, manifest=msgspec.Raw(body)))
    aside = folder / f"{FILE}.new"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / FILE)
    flush_folder(folder)
    return digest


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup, and hold it to its own digest.

    Raises:
        Refused: `backup-missing` or `backup-damaged`.
    """
    try:
        written = msgspec.json.decode((folder / FILE).read_bytes(), type=_Written)
        if hashlib.sha256(written.manifest).hexdigest() != written.sha256:
            raise Refused(BACKUP_DAMAGED, "The manifest has changed", where=FILE)
        manifest = msgspec.json.decode(written.manifest, type=Manifest)
    except (FileNotFoundError, NotADirectoryError):
        raise Refused(NO_BACKUP, f"{folder} holds no {FILE}") from None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(BACKUP_DAMAGED, "The manifest cannot be read", where=FILE) from None
    for item in manifest.files:
        if any(not _is_inside(path) for path in (item.path, item.place)):
            raise Refused(BACKUP_DAMAGED, "The manifest names a file outside of the backup", where=item.path)
    return manifest


def flush_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_inside(path: str) -> bool:
    parts = Path(path).parts
    return bool(parts) and not Path(path).is_absolute() and ".." not in parts
