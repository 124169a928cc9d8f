"""Make text findable: as it is written, and without the marks of Vietnamese."""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile("[\u0300-\u034e\u0350-\u036f]+")
_BARRED = str.maketrans({"đ": "d", "ð": "d"})


def normalise_text(text: str) -> str:
    """Give a text in one form of Unicode, without capitals and surplus white space: “Thanh  HÓA” as “thanh hóa”."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def fold(text: str) -> str:
    """Give a text without diacritics: “Thanh Hóa” and “đất” as “thanh hoa” and “dat”."""
    apart = _MARKS.sub("", unicodedata.normalize("NFD", normalise_text(text)).translate(_BARRED))
    if apart.isascii():
        return apart
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def has_marks(text: str) -> bool:
    """Tell whether a person wrote diacritics and so means exactly those."""
    return fold(text) != normalise_text(text)
