"""Letters that a client cut: the official client signs a text in UTF-8 and then sends the low byte of each letter alone.

Of most Vietnamese letters the low byte tells which one it was; where it could be two, each reading is tried against the HMAC,
so nothing is ever guessed. There are so few tries that they cost nobody anything.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

MAX_READINGS: Final = 256
MAX_WORK: Final = 1 << 20
"""How many bytes the readings of one request may have together."""
_MARKS: Final = ("", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323")


def _letters() -> Mapping[int, tuple[str, ...]]:
    """Give, for a low byte from 0x80 on, the Vietnamese letters that have it."""
    found: dict[int, list[str]] = defaultdict(list)
    for base, mark in itertools.product("aăâeêioôơuưyAĂÂEÊIOÔƠUƯYđĐ", _MARKS):
        letter = unicodedata.normalize("NFC", base + mark)
        if len(letter) == 1 and ord(letter) & 0xFF >= 0x80 and letter not in found[ord(letter) & 0xFF]:
            found[ord(letter) & 0xFF].append(letter)
    return {low: tuple(letters) for low, letters in found.items()}


_CANDIDATES: Final = _letters()


def readings(text: bytes) -> Iterator[str]:
    """Give the texts that could have been cut to these bytes; none when they are too many, or when it was another thing."""
    choices = [_CANDIDATES.get(byte, ()) if byte >= 0x80 else (chr(byte),) for byte in text]
    count = math.prod(map(len, choices))
    if 0 < count <= MAX_READINGS and count * len(text) <= MAX_WORK:
        yield from map("".join, itertools.product(*choices))
