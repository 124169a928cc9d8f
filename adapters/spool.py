"""What an adapter must not forget: signed bytes on their way, deliveries to acknowledge, letters whose news is awaited.

Every entry is one file or folder that appears whole and lasts. The state belongs to one adapter process at a time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from adapters import files
from exchange.client import DeliveryView, Refused, reason

IN_USE = reason(
    "adapter-running",
    "Another adapter works on this folder already",
    "Stop the other one first, or give this one a folder of its own",
)
SPOOL_DAMAGED = reason(
    "adapter-state-damaged",
    "The adapter cannot read what it noted for itself",
    "Restore its state folder from backup; what was sent or received is safe at the hub",
)
_T = TypeVar("_T")


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """Remember a delivery that is safe here and has no verified acknowledgement yet; `about` names the letter sent."""

    delivery: DeliveryView
    about: str


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Remember a letter that the hub took on: its local name, its names at the hub, and the evidence already told."""

    name: str
    message: str
    message_id: str
    digest: str
    submitted_at: datetime
    told: tuple[str, ...] = ()


class Spool:
    """Keep an adapter's state in one folder."""

    def __init__(self, folder: Path) -> None:
        self.aside = folder / "aside"
        self._outgoing, self._handed = folder / "outgoing", folder / "handed"
        self._letters, self._watched, self._names = folder / "letters", folder / "watched", folder / "names"
        for each in (self.aside, self._outgoing, self._handed, self._letters, self._watched, self._names):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Self]:
        """Open the state for this process alone; what a crash left half written is removed.

        Raises:
            Refused: `adapter-running`.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused(IN_USE, f"Another adapter has {folder}") from None
            spool = cls(folder)
            spool._clear()
            yield spool
        finally:
            os.close(handle)

    def keep(self, name: str, document: bytes) -> None:
        """Keep the signed bytes of an outgoing document before they are submitted."""
        content = {"name": name.encode(), "document.xml": document}
        files.write_folder(self._outgoing / key_of(name), content, self.aside)

    def kept(self) -> list[str]:
        """Name the documents that are kept, oldest first."""
        folders = sorted(self._outgoing.iterdir(), key=lambda each: (each.stat().st_mtime_ns, each.name))
        return [(each / "name").read_bytes().decode() for each in folders]

    def holds(self, name: str) -> bool:
        """Tell whether a document is kept under this name."""
        return (self._outgoing / key_of(name)).exists()

    def document(self, name: str) -> bytes:
        """Read the very bytes that were kept."""
        return (self._outgoing / key_of(name) / "document.xml").read_bytes()

    def drop(self, name: str) -> None:
        """Forget a document whose outcome is recorded."""
        folder, gone = self._outgoing / key_of(name), self.aside / key_of(name)
        if folder.exists():
            files.move(folder, gone)
            files.remove(gone)

    def mark(self, handed: Handed) -> None:
        """Remember that a delivery is safe here."""
        self._put(self._handed / handed.delivery.delivery, handed)

    def marked(self) -> list[Handed]:
        """List the deliveries that are safe here and not acknowledged for certain."""
        return [_read(each, Handed) for each in sorted(self._handed.iterdir())]

    def unmark(self, delivery: str) -> None:
        """Forget a delivery whose acknowledgement is recorded."""
        (self._handed / delivery).unlink(missing_ok=True)

    def note(self, sent: Sent) -> None:
        """Remember a letter for good, and what was told about it; first of all that its name is used."""
        if not self.is_named(sent.name):
            files.write(self._names / key_of(sent.name), b"", self.aside)
        self._put(self._letters / key_of(sent.message_id), sent)

    def is_named(self, name: str) -> bool:
        """Tell whether a letter was sent under this name: what is told of it must never be taken for another's."""
        return (self._names / key_of(name)).exists()

    def find(self, message_id: str) -> Sent | None:
        """Find a letter that was sent from here."""
        path = self._letters / key_of(message_id)
        return _read(path, Sent) if path.exists() else None

    def watch(self, message_id: str) -> None:
        """Await news of a letter."""
        files.write(self._watched / key_of(message_id), b"", self.aside)

    def watched(self) -> list[str]:
        """Give the keys of the letters whose news is awaited."""
        return sorted(each.name for each in self._watched.iterdir())

    def sent(self, key: str) -> Sent:
        """Read a letter that was sent from here, by its key."""
        return _read(self._letters / key, Sent)

    def unwatch(self, message_id: str) -> None:
        """Await no more news of a letter."""
        (self._watched / key_of(message_id)).unlink(missing_ok=True)

    def _put(self, path: Path, value: msgspec.Struct) -> None:
        files.write(path, msgspec.json.encode(value), self.aside)

    def _clear(self) -> None:
        for entry in self.aside.iterdir():
            if entry.is_dir():
                files.remove(entry)
            else:
                entry.unlink()


def key_of(name: str) -> str:
    """Derive the name of a file from any name."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _read(path: Path, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(SPOOL_DAMAGED, f"The file {path.name} is damaged", where=str(path)) from None
