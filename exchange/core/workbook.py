"""A workbook (XLSX) as rows of texts: read within bounds, whatever is in the file.

What a library would allocate for a cell in the last row and column of a sheet ends a process, so cells are read one row after
another, and nothing is laid out by the places that a file names.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from lxml import etree

from envelopes import xml
from envelopes.stream import walk
from exchange.core.records import Record
from trust_store.errors import Refused, reason

BAD_WORKBOOK = reason(
    "workbook-malformed",
    "The workbook cannot be read",
    "Save it again as .xlsx, with one sheet of texts and without a password, or as CSV in UTF-8",
)
MAX_ENTRIES: Final = 1000
MAX_UNPACKED: Final = 256 * 1024 * 1024
MAX_RATIO: Final = 200
"""How much larger than it is packed a part may be; tables of agencies are ten to thirty times as large."""
MAX_COLUMNS: Final = 100
_FREE: Final = 1024 * 1024
_PIECE: Final = 64 * 1024
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)
"""What zipfile raises, depending on where a file is damaged."""
_ENTRY: Final = b"PK\x01\x02"
_MAIN: Final = "{*}"
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_FORMULA: Final = "The cell holds a formula, or the error that one ended with"


def is_workbook(data: bytes) -> bool:
    """Tell a workbook from a text by how it begins."""
    return data.startswith(b"PK\x03\x04")


def read_workbook(data: bytes) -> Iterator[Record]:
    """Read the rows of the first sheet that have anything in them.

    Raises:
        Refused: `workbook-malformed`, or what is wrong with the XML in it.
    """
    if data.count(_ENTRY) > MAX_ENTRIES:
        raise Refused(BAD_WORKBOOK, f"It has more than {MAX_ENTRIES:,} parts")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = _Parts(archive)
            texts = [_text(item) for item in walk(parts.pieces("xl/sharedStrings.xml", optional=True), "si", "sst")]
            number = 0
            for row in walk(parts.pieces(parts.first_sheet()), "row", "sheetData"):
                number = _number(row, number)
                yield _record(row, number, texts)
    except _DAMAGE as error:
        raise Refused(BAD_WORKBOOK, f"It is damaged or protected: {error}") from None


class _Parts:
    """Unpack the parts of a workbook that are needed, piece by piece, and count what comes out."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive, self._unpacked = archive, 0

    def pieces(self, name: str, *, optional: bool = False) -> Iterator[bytes]:
        """Unpack a part; nothing comes of one that may be missing and is."""
        try:
            entry = self._archive.getinfo(name)
        except KeyError:
            if optional:
                yield b"<sst/>"
                return
            raise Refused(BAD_WORKBOOK, f"There is no {name} in it") from None
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused(BAD_WORKBOOK, f"{name} is packed in another way than workbooks are")
        most = max(_FREE, MAX_RATIO * entry.compress_size)
        size = 0
        with self._archive.open(entry) as part:
            while piece := part.read(_PIECE):
                size, self._unpacked = size + len(piece), self._unpacked + len(piece)
                if size > most or self._unpacked > MAX_UNPACKED:
                    raise Refused(BAD_WORKBOOK, f"{name} is larger than {min(most, MAX_UNPACKED):,} bytes unpacked")
                yield piece

    def first_sheet(self) -> str:
        """Name the part with the first sheet."""
        sheet = next(self._tree("xl/workbook.xml").iter(f"{_MAIN}sheet"), None)
        wanted = sheet.get(_RELATION) if sheet is not None else None
        relations = self._tree("xl/_rels/workbook.xml.rels").iter(f"{_MAIN}Relationship")
        target = next((item.get("Target") for item in relations if item.get("Id") == wanted), None)
        if not target:
            raise Refused(BAD_WORKBOOK, "There is no sheet in it")
        return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"

    def _tree(self, name: str) -> etree._Element:
        return xml.parse(b"".join(self.pieces(name))).getroot()


def _number(row: etree._Element, before: int) -> int:
    """Give the number of a row; they only grow."""
    text = row.get("r", "")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else before + 1
    if number <= before:
        raise Refused(BAD_WORKBOOK, f"Row {number} comes behind row {before}")
    return number


def _record(row: etree._Element, number: int, texts: Sequence[str]) -> Record:
    cells: list[str] = []
    odd: dict[int, str] = {}
    for place, cell in enumerate(row):
        column = _column(cell.get("r") or "", place)
        text, is_odd = _value(cell, texts)
        if not text and not is_odd:
            continue
        if not len(cells) <= column < MAX_COLUMNS:
            raise Refused(BAD_WORKBOOK, f"Row {number} has cells out of order, or behind column {MAX_COLUMNS}")
        cells += [""] * (column - len(cells)) + [text]
        if is_odd:
            odd[column] = _FORMULA
    return Record(row=number, cells=cells, is_open=True, odd=odd)


def _column(place: str, otherwise: int) -> int:
    """Count the column of a place such as B12 from 0."""
    letters = place.rstrip("0123456789")
    if len(letters) == 1 and "A" <= letters <= "Z":
        return ord(letters) - 65
    if not letters:
        return otherwise
    if len(letters) > 3 or not (letters.isascii() and letters.isalpha()):
        raise Refused(BAD_WORKBOOK, f"{letters[:20]} is no column")
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    return column - 1


def _value(cell: etree._Element, texts: Sequence[str]) -> tuple[str, bool]:
    """Read a cell as a person sees it; true beside it: what is there was computed."""
    kind, value, is_computed = cell.get("t") or "n", "", False
    for part in cell:
        name = _name(part)
        if name == "f":
            is_computed = True
        elif name in {"v", "is"}:
            value = _text(part) if name == "is" else part.text or ""
    if kind == "s" and value:
        value = _shared(value, texts)
    elif kind == "n" and value:
        value = _plain(value)
    return value, is_computed or kind == "e"


def _shared(number: str, texts: Sequence[str]) -> str:
    if not (number.isascii() and number.isdecimal() and len(number) < 9 and int(number) < len(texts)):
        raise Refused(BAD_WORKBOOK, f"There is no text {number[:20]} for a cell")
    return texts[int(number)]


def _plain(number: str) -> str:
    """Write a whole number as the digits that a person typed."""
    try:
        value = float(number) if not number.isdecimal() and len(number) < 40 else 0.5
    except ValueError:
        return number
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else number


def _text(element: etree._Element) -> str:
    """Join the runs of a text, without how it is read aloud."""
    text = ""
    for part in element:
        name = _name(part)
        if name == "t":
            text += part.text or ""
        elif name == "r":
            text += part.findtext("{*}t") or ""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _name(element: etree._Element) -> str:
    """Give the name of an element without its namespace; a comment has none."""
    tag = element.tag
    return tag[tag.rfind("}") + 1 :] if isinstance(tag, str) else ""
