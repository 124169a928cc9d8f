"""Restore a hub from a backup: everything is held to the manifest first, and only what is whole gets into place."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from exchange.config import Home
from exchange.founding import HUB_EXISTS
from exchange.operation.contents import digest_file
from exchange.operation.copying import copy_file
from exchange.operation.manifest import BACKUP_DAMAGED, Manifest, Stored, flush_folder, read_manifest
from trust_store.errors import Refused

SHOWN: Final = 5


def restore(source: Path, home: Home, keys: Path | None = None) -> Manifest:
    """Restore a backup into a new folder; `keys` is a folder with the keys, where the backup has none.

    Raises:
        Refused: `hub-exists` (the folder is not empty), `backup-missing`, or `backup-damaged`, which names what is wrong.
    """
    if home.folder.exists() and (not home.folder.is_dir() or any(home.folder.iterdir())):
        raise Refused(HUB_EXISTS, f"{home.folder} is not empty; a backup is restored into a new folder")
    manifest = read_manifest(source)
    _require_whole(source, manifest)
    aside = home.folder.with_name(home.folder.name + ".restoring")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=0o700)
    for item in manifest.files:
        copied = copy_file(source / item.path, aside / item.place)
        if copied != (item.size, item.sha256):
            shutil.rmtree(aside)
            raise Refused(BACKUP_DAMAGED, f"{item.path} changed while it was copied", where=item.path)
    _take_keys(keys, aside)
    for name in ("keys", "blobs"):
        (aside / name).mkdir(exist_ok=True, mode=0o700)
    for folder in (*(path for path in aside.rglob("*") if path.is_dir()), aside):
        flush_folder(folder)
    if home.folder.exists():
        home.folder.rmdir()
    aside.replace(home.folder)
    flush_folder(home.folder.parent)
    return manifest


def _require_whole(source: Path, manifest: Manifest) -> None:
    """Compare every file with the manifest before anything is written."""
    wrong = [text for item in manifest.files if (text := _find_wrong(source, item))]
    if wrong:
        more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise Refused(BACKUP_DAMAGED, "; ".join(wrong[:SHOWN]) + more)


def _find_wrong(source: Path, item: Stored) -> str:
    path = source / item.path
    try:
        size = path.stat().st_size
        if size != item.size:
            return f"{item.path} has {size:,} bytes, not {item.size:,}"
        if digest_file(path) != item.sha256:
            return f"{item.path} has changed"
    except FileNotFoundError:
        return f"{item.path} is missing"
    except OSError as error:
        return f"{item.path} cannot be read: {error.strerror}"
    return ""


def _take_keys(keys: Path | None, aside: Path) -> None:
    for path in sorted((*keys.glob("*.pem"), *keys.glob(Home(aside).vault.name))) if keys else ():
        copy_file(path, aside / "keys" / path.name)
