"""Examine a hub's folder: its settings, who may read what, what is in it that does not belong there, the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from exchange.config import Home, Settings, read_settings
from exchange.operation.figures import measure
from exchange.operation.findings import Finding, Severity, rule
from trust_store.errors import Refused
from trust_store.key_names import is_device

SETTINGS = rule("settings-wrong", Severity.ERROR, "Correct hub.toml or the environment; see docs/reference/settings.md")
FOLDER_OPEN = rule("folder-open", Severity.WARNING, "Let only the hub's user in: chmod 0700")
KEY_OPEN = rule(
    "key-readable", Severity.ERROR, "chmod 0600 it; if others used this machine, replace the key and its certificate"
)
NOT_OURS = rule("folder-foreign", Severity.WARNING, "Run this as the hub's user, or give the folder to that user")
STRAY = rule("file-stray", Severity.NOTE, "Move it elsewhere; the hub does not know it")
ASIDE = rule(
    "blob-unfinished", Severity.NOTE, "Nothing, it was never part of a message; remove it while the hub is stopped"
)
DISK_FULL = rule("disk-low", Severity.ERROR, "Make room, or lower min_free_bytes or min_free_inodes")
KNOWN: Final = frozenset({
    "hub.toml", "hub.db", "hub.db-wal", "hub.db-shm", "hub.db-journal", "hub.db-turn", "blobs", "keys", "trust-anchor.pem",
    "sandbox.json", "parties", "ngsp", "uploads", "partials", "tls",
})  # fmt: skip
UNFINISHED_AGE: Final = timedelta(hours=1)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_HEX: Final = frozenset("0123456789abcdef")


def examine_settings(home: Home, environment: Mapping[str, str]) -> tuple[Settings | None, list[Finding]]:
    """Read the settings, or say why they cannot be read."""
    try:
        return read_settings(home, environment), []
    except Refused as refusal:
        return None, [SETTINGS.broken(refusal.detail, str(home.settings))]


def examine_folder(home: Home, settings: Settings | None) -> Iterator[Finding]:
    """Look at the permissions of the folder and its keys, at strange files, and at the disk."""
    if home.folder.stat().st_uid != os.geteuid() and os.geteuid() != 0:
        yield NOT_OURS.broken("The folder belongs to another user", str(home.folder))
    if home.folder.stat().st_mode & _OTHERS:
        yield FOLDER_OPEN.broken("Other users may look into the hub's folder", str(home.folder))
    yield from _examine_secrets(home)
    named = {part for name in _named_files(settings) if (part := Path(name).parts[0])}
    for path in sorted(home.folder.iterdir()):
        if path.name not in KNOWN | named:
            yield STRAY.broken("This does not belong to a hub", path.name)
    yield from _examine_blobs_folder(home)
    if settings is not None:
        yield from _examine_disk(home, settings)


def blob_files(home: Home) -> Iterator[Path]:
    """List the files that are blobs by their place and name."""
    for path in home.blobs.glob("??/*"):
        if len(path.name) == 64 and path.parent.name == path.name[:2] and _HEX.issuperset(path.name):
            yield path


def _examine_secrets(home: Home) -> Iterator[Finding]:
    keys = (*home.keys.glob("*.key.pem"), home.vault, *home.folder.glob("parties/*.key.pem"))
    secret = [home.keys, *sorted(keys), *sorted(home.folder.glob("ngsp/*.properties"))]
    for path in secret:
        if path.exists() and path.stat().st_mode & _OTHERS:
            yield KEY_OPEN.broken("Other users may read a private key", str(path.relative_to(home.folder)))


def _examine_blobs_folder(home: Home) -> Iterator[Finding]:
    """Tell of leftovers of writes that never ended; one that is going on just now is young."""
    known, before = set(blob_files(home)), (datetime.now(UTC) - UNFINISHED_AGE).timestamp()
    for path in sorted(home.blobs.glob("??/*")):
        if path not in known and older(path, before) is not None:
            yield ASIDE.broken("A file was left behind by a write that never ended", str(path.relative_to(home.folder)))


def older(path: Path, moment: float) -> int | None:
    """Return the size of a file that was last written before a moment; a hub that serves may remove it meanwhile."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size if found.st_mtime < moment else None


def _examine_disk(home: Home, settings: Settings) -> Iterator[Finding]:
    disk = measure(home.folder)
    if disk.free_bytes < settings.min_free_bytes:
        yield DISK_FULL.broken(f"{disk.free_bytes:,} bytes are free; {settings.min_free_bytes:,} are wanted")
    if disk.inodes is not None and disk.inodes < settings.min_free_inodes:
        yield DISK_FULL.broken(f"{disk.inodes:,} files may still be made; {settings.min_free_inodes:,} are wanted")


def _named_files(settings: Settings | None) -> list[str]:
    if settings is None:
        return []
    tls = (settings.tls_cert, settings.tls_key, settings.client_ca)
    mail = (settings.smtp_ca, settings.smtp_password_file)
    signing = (settings.signing_key, settings.signing_cert, settings.signing_password_file)
    return [name for name in (*tls, *mail, *signing) if name and not is_device(name)]
