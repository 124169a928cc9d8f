"""Names that are safe on every disk, made from names that strangers chose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONGEST = 120
"""Bytes of a name; a file system takes 255, and copies to other machines put words before and after it."""
_FORBIDDEN = frozenset('<>:"|?*\\/')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\s*\..*|\s*)", re.IGNORECASE)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe_name(name: str, empty: str = "file") -> str:
    """Make a name safe: no folders, nothing hidden, no control or direction characters, no device, not too long."""
    last = unicodedata.normalize("NFC", re.split(r"[\\/]", name.rstrip("\\/"))[-1])
    kept = "".join("_" if char in _FORBIDDEN or unicodedata.category(char) in _HIDDEN else char for char in last)
    kept = " ".join(kept.split()).strip(" .")
    if _RESERVED.fullmatch(kept):
        kept = f"_{kept}"
    return _shorten(kept) or empty


def distinct(name: str, used: Iterable[str]) -> str:
    """Give the name a number when it is used, also where capitals count for nothing."""
    folded = {each.casefold() for each in used}
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    count, found = 1, name
    while found.casefold() in folded:
        count += 1
        found = f"{stem} ({count}){dot}{extension}"
    return found


def one_line(text: str) -> str:
    """Make a text that somebody else wrote safe to read: one line, nothing that hides or turns it around."""
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _shorten(name: str) -> str:
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    room = LONGEST - len(f"{dot}{extension}".encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(" .") + dot + extension
