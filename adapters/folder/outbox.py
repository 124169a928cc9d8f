"""Take what was dropped, when it is complete, and read it without being led elsewhere."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from adapters import files
from adapters.folder.mapping import LETTERS, MARK, MAX_FILES, ORDER
from adapters.folder.names import safe_name
from exchange.client import Refused, reason

UNFINISHED: Final = (".tmp", ".part", ".partial", ".crdownload", ".swp", "~")
"""Endings of names that programs give to files while they write them."""
CLUTTER: Final = frozenset({"thumbs.db", "desktop.ini"})
"""Files that desktops leave everywhere."""
ORDER_SIZE: Final = 64 * 1024
MAX_SIZE: Final = 48 * 1024 * 1024
"""Bytes of a document, or of all attachments of a letter together; the hub may allow less."""
PATIENCE: Final = 600.0
"""Seconds that a folder may stay without its letter.toml."""

NOT_REGULAR = reason(
    "outbox-not-a-file",
    "There is something here that is not an ordinary file",
    "Put copies of the files themselves into outbox: no links, no folders inside a letter's folder",
)
UNREADABLE = reason(
    "outbox-unreadable", "A file cannot be read", "Give the adapter the right to read it, and put it back"
)
EMPTY = reason("outbox-empty", "A file is empty", "Look at the file and put it into outbox again")
TOO_LARGE = reason(
    "outbox-too-large", "The files are too large for one letter", "Send fewer or smaller files, or more letters"
)
UNKNOWN = reason(
    "outbox-unknown",
    "This is nothing that can be sent",
    "Put an edXML file (.edxml, .xml) into outbox, or a folder with letter.toml and the attachments",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Hold what was read: either a finished document, or an order with the files beside it."""

    document: bytes = b""
    order: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(kw_only=True)
class Outbox:
    """Watch one folder; `settle` is how many seconds nothing must have changed. What is complete moves to `taken`."""

    folder: Path
    taken: Path
    settle: float
    is_used: Callable[[str], bool]
    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    _seen: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self) -> Iterator[OSError]:
        """Move all that is complete to a folder of its own name in `taken`; give what could not be moved."""
        entries = sorted(os.scandir(self.folder), key=lambda each: each.name)
        self._seen = {each.name: self._seen[each.name] for each in entries if each.name in self._seen}
        for entry in entries:
            try:
                if not _is_ignored(entry.name) and self._is_complete(Path(entry)):
                    self._move(Path(entry))
            except FileNotFoundError:
                continue
            except OSError as error:
                yield error

    def _move(self, path: Path) -> None:
        """A crash between the two steps leaves an empty folder, which stands for nothing."""
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
        stem = path.name if is_folder else path.stem
        name = self._free(safe_name(stem, "letter"))
        if not is_folder:
            (self.taken / name).mkdir()
        files.move(path, self.taken / name if is_folder else self.taken / name / path.name)

    def _free(self, name: str) -> str:
        found, count = name, 1
        while self.is_used(found):
            count += 1
            found = f"{name}-{count}"
        return found

    def _is_complete(self, path: Path) -> bool:
        """Ask for rest; a time in the future says nothing, so then the adapter's own watch decides."""
        changed, now = _changed(path), self.wall()
        need = self.settle if _has_letter(path) else max(self.settle, PATIENCE)
        if changed <= now:
            return now - changed >= need
        last, since = self._seen.get(path.name, (0.0, 0.0))
        if last != changed:
            self._seen[path.name] = changed, self.steady()
            return need <= 0
        return self.steady() - since >= need


def read_dropped(folder: Path) -> Dropped:
    """Read a taken folder: one document, or letter.toml and its attachments; what an earlier failure left is passed over.

    Raises:
        Refused: what is there is no file, cannot be read, is empty, too large, or nothing that can be sent.
    """
    try:
        names = sorted({each.name for each in os.scandir(folder) if not _is_ignored(each.name)} - left_behind(folder))
    except PermissionError as error:
        raise Refused(UNREADABLE, f"The folder cannot be read: {error.strerror}") from None
    if len(names) > MAX_FILES:
        raise Refused(TOO_LARGE, f"There are {len(names)} files; {MAX_FILES} may go with one letter")
    if len(names) == 1 and names[0].lower().endswith(LETTERS):
        return Dropped(document=read_file(folder / names[0], MAX_SIZE))
    order = ORDER if ORDER in names else names[0] if len(names) == 1 and names[0].lower().endswith(".toml") else ""
    if not order:
        told = ", ".join(names[:5]) or "nothing"
        raise Refused(UNKNOWN, f"There is {told}, and neither one edXML file nor {ORDER}")
    left, contents = MAX_SIZE * 2 // 3, {}
    for name in names:
        if name != order:
            contents[_as_text(name)] = data = read_file(folder / name, left)
            left -= len(data)
    return Dropped(order=read_file(folder / order, ORDER_SIZE), files=contents)


def read_file(path: Path, limit: int) -> bytes:
    """Read an ordinary file of at most `limit` bytes, never through a link and never waiting for a writer.

    Raises:
        Refused: it is none, cannot be read, is empty or too large.
    """
    where = safe_name(path.name)
    if not _is_regular(path):
        raise Refused(NOT_REGULAR, where=where)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123 - the file is open already
            data = file.read(limit + 1)
    except OSError as error:
        raise Refused(UNREADABLE, f"The file cannot be read: {error.strerror}", where=where) from None
    if not data:
        raise Refused(EMPTY, where=where)
    if len(data) > limit:
        raise Refused(TOO_LARGE, f"The file is larger than the {limit:,} bytes that are left for it", where=where)
    return data


def left_behind(folder: Path) -> frozenset[str]:
    """Know the adapter's own files of an earlier failure, so that a failed folder can be dropped again as it is."""
    try:
        begins = read_file(folder / "error.txt", ORDER_SIZE).decode("utf-8-sig", "replace").startswith(MARK)
    except Refused:
        return frozenset()
    return frozenset({"error.txt", "refused.xml", "rejection.xml"} if begins else ())


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(UNFINISHED) or name.lower() in CLUTTER


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _has_letter(path: Path) -> bool:
    """A file is complete by itself; a folder without what makes it a letter is perhaps still being filled."""
    if not stat.S_ISDIR(path.lstat().st_mode):
        return True
    return any(name == ORDER or name.lower().endswith(LETTERS) for name in _listed(path))


def _listed(folder: Path) -> list[str]:
    """List a folder; one that may not be read is taken as it is, and its failure tells why."""
    try:
        return [each.name for each in folder.iterdir()]
    except PermissionError:
        return []


def _changed(path: Path) -> float:
    """Give the last change of a file, or of anything directly in a folder; the times of links are their own."""
    stats = [path.lstat()]
    if stat.S_ISDIR(stats[0].st_mode):
        stats += [(path / name).lstat() for name in _listed(path)]
    return max(max(each.st_mtime, each.st_ctime) for each in stats)


def _as_text(name: str) -> str:
    try:
        return name.encode().decode()
    except UnicodeEncodeError:
        raise Refused(UNREADABLE, "The name of a file is not text in UTF-8", where=safe_name(name)) from None
