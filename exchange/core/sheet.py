"""Parties as a table (CSV or XLSX) that offices edit with a spreadsheet: written and read so that nothing is lost on the way.

CSV is UTF-8 with or without a byte order mark, with `,` or `;`. A cell that a spreadsheet would take for a formula gets an
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
from exchange.core.records import Record, write_workbook
from exchange.core.workbook import is_workbook, read_workbook
from trust_store.errors import Refused, reason, shorten

BAD_TABLE = reason(
    "table-malformed",
    "The table of parties cannot be taken in",
    "Correct every row that is named, and import the whole table again; nothing of it was written",
)
COLUMNS: Final = ("code", "name", "kind", "status", "parent", "aliases", "contacts")
MAX_ROWS: Final = 200_000
MAX_FAULTS: Final = 10_000
MAX_BYTES: Final = 48 * 1024 * 1024
_MARK: Final = "\ufeff"
_OLDER: Final = b"\xd0\xcf\x11\xe0"
_VALUE: Final = "Put its value in its place"
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
    """A table has faults; all of them are in `faults`, or the first `MAX_FAULTS`."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        rows = len({fault.row for fault in faults})
        first = faults[0]
        text = f"{rows:,} of the rows are wrong; the first is row {first.row}: {first.what}"
        more = f" (the first {MAX_FAULTS:,} faults are told)" if len(faults) > MAX_FAULTS else ""
        super().__init__(BAD_TABLE, text + more)
        self.faults = tuple(faults[:MAX_FAULTS])


def rows_of(parties: Iterable[Party]) -> Iterator[Sequence[str]]:
    """Give the header and the rows of a table of parties; no cell is a formula."""
    yield COLUMNS
    for party in parties:
        aliases, contacts = " ".join(str(alias) for alias in party.aliases), _write_contacts(party.contacts)
        cells = (party.id, party.name, party.kind, party.status, party.parent or "", aliases, contacts)
        yield [_guard(cell) for cell in cells]


def write_table(parties: Iterable[Party]) -> bytes:
    """Write parties as a table."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows_of(parties))
    return (_MARK + text.getvalue()).encode()


def write_sheet(parties: Iterable[Party]) -> bytes:
    """Write parties as a workbook (XLSX)."""
    return write_workbook(rows_of(parties))


def read_table(data: bytes) -> Iterator[Line | Fault]:
    """Read the rows of a table, CSV or XLSX; blank ones are left out, one with other cells than the header is a fault.

    Raises:
        Refused: `table-malformed`, or `workbook-malformed`: it is no such table as a whole.
    """
    if len(data) > MAX_BYTES:
        raise Refused(BAD_TABLE, f"The table has {len(data):,} bytes; {MAX_BYTES:,} are allowed")
    records = read_workbook(data) if is_workbook(data) else _records(data)
    header = _header(next(records, Record(row=1, cells=())))
    for count, record in enumerate(records, start=1):
        if count > MAX_ROWS:
            raise Refused(BAD_TABLE, f"The table has more than {MAX_ROWS:,} rows")
        if any(record.cells) or record.odd:
            yield from _line(record, header)


def _header(record: Record) -> Sequence[str]:
    header = [cell.strip().casefold() for cell in record.cells]
    unknown = [name for name in header if name not in COLUMNS]
    if unknown or "code" not in header or len(set(header)) < len(header):
        text = f"The first row must name columns of {', '.join(COLUMNS)}, each once, and code among them"
        raise Refused(BAD_TABLE, text, where=f"row 1, {shorten(unknown[0], 40)}" if unknown else "row 1")
    return header


def _line(record: Record, header: Sequence[str]) -> Iterator[Line | Fault]:
    """Give a row with its cells by column, or what is wrong with it; a workbook leaves empty cells at the end out."""
    row, found = record.row, len(record.cells)
    if found != len(header) and (not record.is_open or found > len(header)):
        what = f"The row has {found} cells, the header {len(header)}"
        yield Fault(row=row, column="", what=what, fix="Put texts with the separator into quotation marks")
    elif record.odd:
        yield from (Fault(row=row, column=header[at], what=what, fix=_VALUE) for at, what in record.odd.items())
    else:
        cells = map(_unguard, (*record.cells, *[""] * (len(header) - found)))
        yield Line(row=row, cells=dict(zip(header, cells, strict=True)))


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


def _records(data: bytes) -> Iterator[Record]:
    if data.startswith(_OLDER):
        raise Refused(BAD_TABLE, "This is a workbook of the older kind, or with a password; save it as .xlsx without")
    try:
        text = data.decode().removeprefix(_MARK)
    except UnicodeDecodeError as error:
        raise Refused(BAD_TABLE, f"The table is not in UTF-8 (byte {error.start})") from None
    header = text.partition("\n")[0]
    separator = ";" if header.count(";") > header.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        yield from (Record(row=row, cells=cells) for row, cells in enumerate(reader, start=1))
    except csv.Error as error:
        raise Refused(BAD_TABLE, f"The table cannot be read: {error}", where=f"line {reader.line_num}") from None


def _guard(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguard(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell
