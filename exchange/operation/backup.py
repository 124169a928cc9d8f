"""Back a hub up while it serves: first the database at one moment, then every file that it refers to, the manifest last.

In the folder, `snapshot-<moment>` holds the database and the settings of one moment, and `blobs` the files of all messages;
the next backup into the same folder adds only files that are not there. The manifest of the last finished backup stays until
the next one is finished.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from exchange.config import Home, read_settings
from exchange.operation import manifest
from exchange.operation.contents import digest_file, wanted_blobs
from exchange.operation.copying import copy_file, link_file
from exchange.operation.manifest import Manifest, Stored
from exchange.operation.records import open_records
from exchange.storage.hub_keys import read_keys
from exchange.storage.sqlite import SqliteSession
from trust_store.errors import Refused, reason
from trust_store.key_names import is_device

BACKUP_FOLDER = reason(
    "backup-folder", "This folder holds something that is not a backup", "Give a new folder, or one with a backup in it"
)
UNREADABLE = reason("database-unreadable", "The database cannot be copied", "See what congvan doctor finds")
SNAPSHOT: Final = "snapshot-"
AGAIN: Final = 3
_OURS: Final = frozenset({"blobs", manifest.FILE, f"{manifest.FILE}.new"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Tell of a finished backup: `digest` is that of its manifest, `added` counts the files that were new."""

    manifest: Manifest
    digest: str
    added: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blobs:
    kept: tuple[Stored, ...]
    missing: frozenset[str]
    added: int


def back_up(home: Home, to: Path, *, at: datetime, with_keys: bool = False) -> Made:
    """Back a hub up into a folder.

    Raises:
        Refused: there is no hub, the folder holds something else, or the database cannot be copied.
    """
    settings = read_settings(home)
    _prepare(to)
    snapshot = to / f"{SNAPSHOT}{at:%Y%m%dT%H%M%S%fZ}"
    database, blobs = _take(home, to, snapshot)
    for _ in range(AGAIN):
        if blobs.missing <= _wanted_now(home):
            break
        shutil.rmtree(snapshot)
        database, blobs = _take(home, to, snapshot)
    small = [_store(to, home, snapshot, name) for name in _small(home, with_keys=with_keys)]
    made = Manifest(
        made_at=at,
        name=settings.name,
        code=settings.code,
        with_keys=with_keys,
        files=(database, *small, *blobs.kept),
        missing=tuple(sorted(blobs.missing)),
    )
    for folder in (snapshot, *(path for path in (to / "blobs").glob("??")), to / "blobs", to):
        manifest.flush_folder(folder)
    digest = manifest.write_manifest(to, made)
    _forget_others(to, made)
    return Made(manifest=made, digest=digest, added=blobs.added)


def _prepare(to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    strange = [item.name for item in to.iterdir() if item.name not in _OURS and not item.name.startswith(SNAPSHOT)]
    if strange:
        raise Refused(BACKUP_FOLDER, f"{to} holds {sorted(strange)[0]}")
    (to / "blobs").mkdir(exist_ok=True, mode=0o700)


def _known(to: Path) -> dict[str, int]:
    """Know by digest and size what an earlier backup checked already."""
    with contextlib.suppress(Refused):
        return {item.sha256: item.size for item in manifest.read_manifest(to).files if item.path.startswith("blobs/")}
    return {}


def _copy_database(source: Path, target: Path) -> None:
    """Copy the database as it is at one moment, with everything that was answered before."""
    try:
        with open_records(Home(source.parent)) as session, contextlib.closing(sqlite3.connect(target)) as copy:
            session.connection.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise Refused(UNREADABLE, f"{source}: {error}") from None
    target.chmod(0o600)
    descriptor = os.open(target, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _small(home: Home, *, with_keys: bool) -> Iterator[str]:
    """Name the files beside the database: settings and certificates, and the keys only where they are wanted."""
    settings = read_settings(home)
    names = ["hub.toml", "trust-anchor.pem", settings.tls_cert, settings.client_ca]
    names += sorted(f"keys/{path.name}" for path in home.keys.glob("*.cert.pem"))
    if settings.signing_cert not in names:
        names.append(settings.signing_cert)
    if with_keys:
        known = {f"keys/{path.name}" for path in home.keys.glob("*.key.pem")}
        names += sorted({*_signing(home), settings.signing_password_file} - known)
        names += [settings.tls_key, *sorted(f"keys/{path.name}" for path in home.keys.glob("*.key.pem"))]
        names.append(f"keys/{home.vault.name}")
    for name in names:
        inside = name and not Path(name).is_absolute() and ".." not in Path(name).parts
        if inside and (home.folder / name).is_file():
            yield name


def _signing(home: Home) -> set[str]:
    """Name the files that the hub's signing keys are in; those in devices cannot be backed up."""
    with open_records(home) as session:
        return {each.place for each in read_keys(session) if not is_device(each.place)}


def _store(to: Path, home: Home, snapshot: Path, name: str) -> Stored:
    target = snapshot / name
    size, digest = copy_file(home.folder / name, target)
    manifest.flush_folder(target.parent)
    return Stored(path=target.relative_to(to).as_posix(), place=name, size=size, sha256=digest)


def _take(home: Home, to: Path, snapshot: Path) -> tuple[Stored, _Blobs]:
    """Copy the database, then every file that the copy refers to; what the hub lost, an earlier backup may still have."""
    snapshot.mkdir(mode=0o700)
    database = snapshot / "hub.db"
    _copy_database(home.database, database)
    size, path = database.stat().st_size, database.relative_to(to).as_posix()
    stored = Stored(path=path, place="hub.db", size=size, sha256=digest_file(database))
    known, kept, missing, added = _known(to), list[Stored](), set[str](), 0
    for digest, length in sorted(_wanted(database).items()):
        place = f"blobs/{digest[:2]}/{digest}"
        if known.get(digest) != length or not _has(to / place, length):
            if not _keep_blob(home.folder / place, to / place, digest):
                missing.add(digest)
                continue
            added += 1
        kept.append(Stored(path=place, place=place, size=length, sha256=digest))
    return stored, _Blobs(kept=tuple(kept), missing=frozenset(missing), added=added)


def _wanted_now(home: Home) -> frozenset[str]:
    """List what the hub refers to now: retention may have removed what the copied database refers to."""
    with open_records(home) as session:
        return frozenset(row[1] for row in wanted_blobs(session))


def _wanted(database: Path) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return {row[1]: row[2] for row in wanted_blobs(SqliteSession(connection))}


def _has(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _keep_blob(source: Path, target: Path, digest: str) -> bool:
    """Put one file into the backup, and tell whether it is the right one."""
    if target.exists() and digest_file(target) == digest:
        return True
    target.unlink(missing_ok=True)
    try:
        good = (digest_file(target) if link_file(source, target) else copy_file(source, target)[1]) == digest
    except FileNotFoundError:
        return False
    if not good:
        target.unlink(missing_ok=True)
    return good


def _forget_others(to: Path, made: Manifest) -> None:
    """Remove what only earlier backups had, also content that the hub no longer keeps."""
    paths = {item.path for item in made.files}
    current = {path.partition("/")[0] for path in paths if path.startswith(SNAPSHOT)}
    for folder in to.glob(f"{SNAPSHOT}*"):
        if folder.name not in current:
            shutil.rmtree(folder)
    for path in (to / "blobs").glob("??/*"):
        if path.relative_to(to).as_posix() not in paths:
            path.unlink()
