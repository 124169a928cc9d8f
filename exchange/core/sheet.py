"""Parties as a table (CSV) that offices edit with a spreadsheet: written and read so that nothing is lost on the way.

UTF-8 with or without a byte order mark, with `,` or `;`. A cell that a spreadsheet would take for a formula gets an
apostrophe in front, which reading takes away again.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from exchange.core.model import Party
from exchange.core.particulars import BAD_CONTACT, Alias, Contact, check_contacts, read_alias
from trust_store.errors import Refused, reason, shorten

BAD_TABLE = reason(
    "table-malformed",
    "The table of parties cannot be taken in",
    "Correct every row that is named, and import the whole table again; nothing of it was written",
)
COLUMNS: Final = ("code", "name", "kind", "status", "parent", "aliases", "contacts")
MAX_ROWS: Final = 20_000
MAX_BYTES: Final = 10 * 1024 * 1024
_MARK: Final = "\ufeff"
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_GUARDED: Final = re.compile(r"'+[=+\-@\t\r]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Say what is wrong in a cell and what to do. Rows count from 1, which is the header, as spreadsheets count them."""

    row: int
    column: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Hold one row of a table: its number and its cells by column."""

    row: int
    cells: Mapping[str, str]


class BadTable(Refused):
    """A table has faults; all of them are in `faults`."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        rows = len({fault.row for fault in faults})
        first = faults[0]
        super().__init__(BAD_TABLE, f"{rows} of the rows are wrong; the first is row {first.row}: {first.what}")
        self.faults = tuple(faults)


def write_table(parties: Iterable[Party]) -> bytes:
    """Write parties as a table."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for party in parties:
        aliases, contacts = " ".join(str(alias) for alias in party.aliases), _write_contacts(party.contacts)
        cells = (party.id, party.name, party.kind, party.status, party.parent or "", aliases, contacts)
        writer.writerow([_guard(cell) for cell in cells])
    return (_MARK + text.getvalue()).encode()


def read_table(data: bytes) -> list[Line]:
    """Read the rows of a table; blank ones are left out.

    Raises:
        Refused: `table-malformed`: it is no such table as a whole, or (`BadTable`) rows have other cells than the header.
    """
    lines = _records(data)
    header = [cell.strip().casefold() for cell in next(lines, [])]
    unknown = [name for name in header if name not in COLUMNS]
    if unknown or "code" not in header or len(set(header)) < len(header):
        text = f"The first row must name columns of {', '.join(COLUMNS)}, each once, and code among them"
        raise Refused(BAD_TABLE, text, where=f"row 1, {shorten(unknown[0], 40)}" if unknown else "row 1")
    found, faults = [], []
    for row, cells in enumerate(lines, start=2):
        if row > MAX_ROWS + 1:
            raise Refused(BAD_TABLE, f"The table has more than {MAX_ROWS:,} rows")
        if len(cells) != len(header) and any(cells):
            what = f"The row has {len(cells)} cells, the header {len(header)}"
            faults.append(Fault(row=row, column="", what=what, fix="Put texts with the separator into quotation marks"))
        elif any(cells):
            found.append(Line(row=row, cells=dict(zip(header, map(_unguard, cells), strict=True))))
    if faults:
        raise BadTable(faults)
    return found


def read_aliases(text: str) -> tuple[Alias, ...]:
    """Read `scheme:code` after `scheme:code`.

    Raises:
        Refused: as `read_alias`.
    """
    return tuple(read_alias(item) for item in text.split())


def read_contacts(text: str) -> tuple[Contact, ...]:
    """Read contacts from JSON: `[{"name": "Văn thư", "role": "", "email": "", "phone": ""}]`, all but the name optional.

    Raises:
        Refused: `contact-malformed`.
    """
    try:
        items = json.loads(text) if text.strip() else []
        contacts = [Contact(**item) for item in items]
        strings = all(isinstance(value, str) for each in contacts for value in _parts(each).values())
    except (ValueError, TypeError, RecursionError):
        strings = False
    if not strings:
        raise Refused(BAD_CONTACT, 'Contacts are written as [{"name": "…", "role": "…", "email": "…", "phone": "…"}]')
    return check_contacts(contacts)


def _write_contacts(contacts: Sequence[Contact]) -> str:
    items = [{name: value for name, value in _parts(contact).items() if value} for contact in contacts]
    return json.dumps(items, ensure_ascii=False) if items else ""


def _parts(contact: Contact) -> dict[str, str]:
    return {"name": contact.name, "role": contact.role, "email": contact.email, "phone": contact.phone}


def _records(data: bytes) -> Iterator[list[str]]:
    if len(data) > MAX_BYTES:
        raise Refused(BAD_TABLE, f"The table has {len(data):,} bytes; {MAX_BYTES:,} are allowed")
    try:
        text = data.decode().removeprefix(_MARK)
    except UnicodeDecodeError as error:
        raise Refused(BAD_TABLE, f"The table is not in UTF-8 (byte {error.start})") from None
    header = text.partition("\n")[0]
    separator = ";" if header.count(";") > header.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise Refused(BAD_TABLE, f"The table cannot be read: {error}", where=f"line {reader.line_num}") from None


def _guard(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguard(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell
