"""Workbooks: what we write others read, what others write we read, and nothing in a file takes more than it is given."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
import python_calamine
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.core import workbook
from exchange.core.importing import plan
from exchange.core.model import PartyStatus
from exchange.core.records import write_workbook
from exchange.core.registering import describe_party
from exchange.core.sheet import BadTable, write_sheet
from exchange.core.snapshot import Snapshot
from exchange.core.workbook import MAX_COLUMNS, MAX_ENTRIES, read_workbook
from trust_store.errors import Refused
from trust_store.identity import PartyKind

HUB = "000.00.99.H56"
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
SHARED = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</sst>'
PLACE, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def book(rows: str = "", packing: int = zipfile.ZIP_DEFLATED, **parts: bytes | None) -> bytes:
    """Make a workbook with these rows in XML; `parts` replace or add parts by name, or take them out."""
    found = dict(_parts(write_workbook([["code"]])))
    found[PLACE] = SHEET.format(rows).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", packing) as archive:
        for name, data in (found | parts).items():
            if data is not None:
                archive.writestr(name, data)
    return packed.getvalue()


def _parts(data: bytes):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist())


def cells(data: bytes) -> list[list[str]]:
    return [list(record.cells) for record in read_workbook(data)]


CELLS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
    ["_x0007_", "\r\n", "\x07", "&<>", "=1", " "]
)


@settings(deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=7), max_size=6))
def test_what_is_written_reads_back_as_it_was(rows) -> None:
    found = {record.row: list(record.cells) for record in read_workbook(write_workbook(rows))}
    for number, row in enumerate(rows, start=1):
        kept = found[number]
        assert kept + [""] * (len(row) - len(kept)) == row


def test_another_reader_sees_the_same_and_no_formula() -> None:
    rows = [["code", "name"], ["0100107370", "=1+1"], ["H56", "Sở “Một” & <Hai>"]]
    data = write_workbook(rows)
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
    assert sheet.to_python() == rows
    assert b"<f>" not in dict(_parts(data))[PLACE]
    assert write_workbook(rows) == data


@pytest.mark.parametrize("constant", [False, True])
def test_what_another_writer_writes_is_read(constant: bool) -> None:
    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"constant_memory": constant, "in_memory": True}) as made:
        sheet, bold = made.add_worksheet("Đơn vị"), made.add_format({"bold": True})
        sheet.write_row(0, 0, ["code", "name", "kind"])
        sheet.write(2, 0, 2899000016)
        sheet.write_rich_string(2, 1, "Công ty ", bold, "Lam Sơn")
        sheet.write(2, 2, "enterprise")
        made.add_worksheet("Khác").write(0, 0, "not this one")
    (found,) = plan(packed.getvalue(), Snapshot(), HUB).parties
    assert (found.id, found.name, found.kind) == ("2899000016", "Công ty Lam Sơn", PartyKind.ENTERPRISE)


def test_the_directory_goes_out_as_a_workbook_and_comes_back_unchanged() -> None:
    known = Snapshot.of([describe_party("H56", "=Tên", PartyKind.AGENCY), describe_party("H57", "x", PartyKind.AGENCY)])
    assert plan(write_sheet(known.parties.values()), known, HUB).parties == ()
    assert [item.name for item in plan(write_sheet(known.parties.values()), Snapshot(), HUB).parties] == ["=Tên", "x"]


def test_every_bad_row_is_told_with_the_number_that_the_spreadsheet_shows() -> None:
    head = '<row r="2"><c t="inlineStr"><is><t>code</t></is></c><c t="inlineStr"><is><t>status</t></is></c></row>'
    rows = (
        '<row r="5"><c r="A5" t="str"><f>A1</f><v>H56</v></c></row>'
        '<row r="7"><c r="A7" t="inlineStr"><is><t>H56</t></is></c><c r="B7" t="e"><v>#REF!</v></c></row>'
        '<row r="9"><c r="A9" t="inlineStr"><is><t>H57</t></is></c></row>'
        '<row r="10"><c r="A10" t="inlineStr"><is><t>H56</t></is></c><c r="B10" t="inlineStr"><is><t>gone</t></is></c></row>'
        '<row r="11"><c r="C11" t="inlineStr"><is><t>beside the table</t></is></c></row><row r="12"><c r="B12"/></row>'
    )
    known = Snapshot.of([describe_party("H56", "x", PartyKind.AGENCY)])
    with pytest.raises(BadTable) as raised:
        plan(book(head + rows), known, HUB)
    told = [(fault.row, fault.column) for fault in raised.value.faults]
    assert told == [(5, "code"), (7, "status"), (9, "kind"), (9, "name"), (10, "status"), (11, "")]


def test_rows_and_cells_may_be_sparse_and_short() -> None:
    assert cells(
        book('<row><c><v>1</v></c><c r="D1"><v>2.50</v></c></row><row r="9"><c r="A9" t="b"><v>1</v></c></row>')
    ) == [
        ["1", "", "", "2.50"],
        ["1"],
    ]
    assert cells(book("<row><c><v>2.899000016E9</v></c><c><v>x</v></c></row>")) == [["2899000016", "x"]]
    table = '<row><c t="inlineStr"><is><t>code</t></is></c><c t="inlineStr"><is><t>status</t></is></c></row>'
    known = Snapshot.of([describe_party("1", "x", PartyKind.AGENCY)])
    assert plan(book(table + "<row><c><v>1</v></c></row>"), known, HUB).unchanged == 1
    assert known.parties[next(iter(known.parties))].status is PartyStatus.ACTIVE


def lying(data: bytes) -> bytes:
    """Say in the directory of a workbook that every part is tiny when it is unpacked."""
    found, start = bytearray(data), 0
    while (start := data.find(b"PK\x01\x02", start)) >= 0:
        found[start + 24 : start + 28] = struct.pack("<I", 10)
        start += 4
    return bytes(found)


BOMB = SHEET.format("<row/>" * 600_000).encode()
HOSTILE = {
    "a bomb": book(**{PLACE: BOMB}),
    "a bomb that lies": lying(book(**{PLACE: BOMB})),
    "a row without an end": book("<row>" + "<c/>" * 400_000 + "</row>", zipfile.ZIP_STORED),
    "much before the first row": book("<x/>" * 400_000, zipfile.ZIP_STORED),
    "a cell at the end of the world": book('<row r="1"><c r="XFD1"><v>1</v></c></row>'),
    "a cell that is nowhere": book('<row r="1"><c r="ÀÀ1"><v>1</v></c></row>'),
    "cells out of order": book('<row><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>'),
    "rows out of order": book('<row r="2"/><row r="1"/>'),
    "a text that is not there": book('<row><c t="s"><v>7</v></c></row>'),
    "a text with a minus": book('<row><c t="s"><v>-1</v></c></row>'),
    "a document type": book(
        **{PLACE: b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + SHEET.format("<row><c><v>&a;</v></c></row>").encode()}
    ),
    "an outside entity": book(
        **{
            TEXTS: b'<!DOCTYPE sst [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
            + SHARED.format("<si><t>&a;</t></si>").encode()
        }
    ),
    "no XML": book(**{PLACE: b"<worksheet><row></worksheet>"}),
    "no sheet": book(**{PLACE: None}),
    "no parts": book(**{"xl/workbook.xml": None}),
    "an empty workbook": book(**{"xl/workbook.xml": b"<workbook/>"}),
    "too many parts": book(**{f"x{number}": b"" for number in range(MAX_ENTRIES)}),
    "packed otherwise": book("<row/>", zipfile.ZIP_LZMA),
    "cut short": book("<row/>")[:-30],
    "nothing but a beginning": b"PK\x03\x04",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_made_to_harm_is_refused(what: str) -> None:
    with pytest.raises(Refused) as refusal:
        cells(HOSTILE[what])
    assert refusal.value.reason.code in {"workbook-malformed", "xml-malformed", "xml-limits", "xml-doctype"}


def test_damage_is_refused_wherever_it_is() -> None:
    data = book("<row><c><v>1</v></c></row>" * 50)
    for place in range(0, len(data), 7):
        damaged = data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
        try:
            cells(damaged)
        except Refused as refusal:
            assert refusal.reason.code in {"workbook-malformed", "xml-malformed", "xml-limits", "xml-encoding"}


def test_all_parts_together_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr(workbook, "MAX_UNPACKED", 100_000)
    with pytest.raises(Refused, match="unpacked"):
        cells(book("<row><c><v>1</v></c></row>" * 5_000, zipfile.ZIP_STORED))
    assert zlib.crc32(BOMB) != 0
    assert MAX_COLUMNS < 16_384


def test_a_workbook_of_the_older_kind_says_what_to_do() -> None:
    with pytest.raises(Refused, match=r"save it as \.xlsx"):
        plan(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), Snapshot(), HUB)
