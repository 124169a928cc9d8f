"""Parts of a file (RFC 9110, section 14), and its name on the way out (RFC 6266 with RFC 8187)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from trust_store.errors import Refused, reason

NO_RANGE = reason("range-unsatisfiable", "The file does not have this part", "Ask for a part within its size")
MAX_NAME: Final = 200
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_RISKY: Final = re.compile(r'[\\/:*?"<>|%;]')
_ATTR: Final = "!#$&+-.^_`|~"


class Unsatisfiable(Refused):
    """The file has `size` bytes, and none of them are in the range that was asked for."""

    def __init__(self, size: int) -> None:
        super().__init__(NO_RANGE, f"The file has {size:,} bytes", where="header Range")
        self.size = size


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Name the bytes from `start` to before `end`; `is_part` when the answer must say so."""

    start: int
    end: int
    is_part: bool


def read_range(wanted: str, condition: str, etag: str, size: int) -> Span:
    """Read Range and If-Range. What is no single range of bytes is ignored, as the standard allows: the whole is given.

    Raises:
        Unsatisfiable: a range without a byte of the file.
    """
    found = _RANGE.fullmatch(wanted.strip())
    whole = Span(start=0, end=size, is_part=False)
    if found is None or (condition and condition.strip() != etag):
        return whole
    first, last = found.groups()
    if not first and not last:
        return whole
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return whole
    if start >= end:
        raise Unsatisfiable(size)
    return Span(start=start, end=end, is_part=True)


def disposition(name: str) -> str:
    """Write the header that has a file saved under its name, whatever its sender called it."""
    safe = safe_name(name)
    plain = "".join(char if " " <= char <= "~" else "_" for char in unicodedata.normalize("NFKD", safe))
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe=_ATTR)}"


def safe_name(name: str) -> str:
    """Reduce a name to one that is only a name: no folders, nothing unseen, nothing that a system takes for its own."""
    seen = "".join(char for char in unicodedata.normalize("NFC", name) if char.isprintable())
    kept = _RISKY.sub("_", seen).strip(". ")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept) > MAX_NAME and dot and len(suffix) <= 16:
        kept = stem[: MAX_NAME - len(suffix) - 1] + dot + suffix
    return kept[:MAX_NAME] or "attachment"
