"""Make text findable: as it is written, and without the marks of Vietnamese."""

from __future__ import annotations

import unicodedata

_BARRED = str.maketrans({"đ": "d", "ð": "d"})


def normalise_text(text: str) -> str:
    """Give a text in one form of Unicode, without capitals and surplus white space: “Thanh  HÓA” as “thanh hóa”."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def fold(text: str) -> str:
    """Give a text without diacritics: “Thanh Hóa” and “đất” as “thanh hoa” and “dat”."""
    apart = unicodedata.normalize("NFD", normalise_text(text))
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).translate(_BARRED)


def has_marks(text: str) -> bool:
    """Tell whether a person wrote diacritics and so means exactly those."""
    return fold(text) != normalise_text(text)
