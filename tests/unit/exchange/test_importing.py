"""A table of parties: every fault of every row is told, and what was written out reads back as it was."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.core.groups import Group
from exchange.core.importing import plan
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import Alias, CodeScheme, Contact
from exchange.core.registering import describe_party, with_aliases
from exchange.core.sheet import COLUMNS, MAX_BYTES, MAX_ROWS, BadTable, write_table
from exchange.core.snapshot import Snapshot
from trust_store.errors import Refused
from trust_store.identity import PartyKind

HUB = "000.00.99.H56"
HEADER = ",".join(COLUMNS)


def party(code: str, *aliases: str, name: str = "Đơn vị") -> Party:
    kind = PartyKind.ENTERPRISE if code.isdecimal() else PartyKind.AGENCY
    return with_aliases(describe_party(code, name, kind), [Alias(code=alias) for alias in aliases])


KNOWN = Snapshot.of([party("H56"), party("H56.12", "SNN"), party("2899000016")], [Group(code="H56.N1", name="Các sở")])


def faults(text: str, snapshot: Snapshot = KNOWN) -> list[tuple[int, str]]:
    with pytest.raises(BadTable) as raised:
        plan(text.encode(), snapshot, HUB)
    assert all(fault.what and fault.fix for fault in raised.value.faults)
    return [(fault.row, fault.column) for fault in raised.value.faults]


def test_every_bad_row_is_told_with_its_column() -> None:
    table = "\n".join(
        (
            HEADER,
            "H57,Tỉnh mới,agency,active,,,",
            "H58,,agency,active,,,",
            "H59,Không loại,,active,,,",
            "H60,Trạng thái lạ,agency,dead,,,",
            "H61,Mã sai,agency,active,,qd20:h61.1,",
            "H62,Liên hệ sai,agency,active,,,{}x",
            "H63,Cha lạ,agency,active,H99,,",
            "123,Không phải mã số thuế,enterprise,active,,,",
            "H56.12,Đổi loại,enterprise,active,,,",
            f"{HUB},Chính trục,agency,active,,,",
            "H64,Mã của trục,agency,active,,other:000.00.99.h56,",
            "H65,Mã của đơn vị khác,agency,active,,other:2899000016,",
            "H66,Mã của nhóm,agency,active,,old:H56.N1,",
            "H67,Hai lần,agency,active,,,",
            "H67,Hai lần,agency,active,,,",
            "a b,Mã lạ,agency,active,,,",
            "H68,Con của dòng sai,agency,active,H58,,",
            "H69,Nhiều lỗi,agency,dead,H99,qd20:x,{}x",
        )
    )
    assert faults(table) == [
        (3, "name"),
        (4, "kind"),
        (5, "status"),
        (6, "aliases"),
        (7, "contacts"),
        (8, "parent"),
        (9, "code"),
        (10, "kind"),
        (11, "code"),
        (12, "aliases"),
        (13, "aliases"),
        (14, "aliases"),
        (16, "code"),
        (17, "code"),
        (19, "status"),
        (19, "aliases"),
        (19, "contacts"),
    ]


def test_a_circle_is_told_for_each_of_its_rows() -> None:
    assert faults("code,parent\nH56,SNN\nH56.12,H56") == [(2, "parent"), (3, "parent")]
    assert faults("code,name,kind,parent\nX,x,agency,Y\nY,y,agency,Z\nZ,z,agency,X") == [
        (number, "parent") for number in (2, 3, 4)
    ]


def test_two_rows_do_not_share_a_code_and_may_swap_theirs() -> None:
    assert faults("code,name,kind,aliases\nX,x,agency,other:A\nY,y,agency,old:a") == [(3, "aliases")]
    swapped = Snapshot.of([party("X", "A"), party("Y", "B")])
    done = plan(b"code,aliases\nX,other:B\nY,other:A", swapped, HUB)
    assert {item.id: item.codes for item in done.parties} == {"X": {"X", "B"}, "Y": {"Y", "A"}}


def test_rows_refer_to_parents_further_down_and_by_any_code() -> None:
    done = plan(b"code;name;kind;parent;aliases\nX;x;agency;y.alias;\nY;y;agency;snn;old:Y.ALIAS\n;;;;\n", KNOWN, HUB)
    assert {item.id: item.parent for item in done.parties} == {"X": "Y", "Y": "H56.12"}
    assert (done.registered, done.changed, done.unchanged) == (2, 0, 0)


def test_a_known_party_keeps_what_the_table_does_not_say() -> None:
    known = dataclasses.replace(
        party("H56.12", "SNN"),
        contacts=(Contact(name="Văn thư"),),
        fingerprints=frozenset({"ff"}),
        parent=PartyId("H56"),
    )
    done = plan("code,name\nsnn,Sở Mới\nH56,Đơn vị".encode(), Snapshot.of([party("H56"), known]), HUB)
    assert done.parties == (dataclasses.replace(known, name="Sở Mới"),)
    assert (done.registered, done.changed, done.unchanged) == (0, 1, 1)
    emptied = plan(b"code,parent,aliases,contacts\nH56.12,,,", Snapshot.of([party("H56"), known]), HUB)
    assert emptied.parties == (dataclasses.replace(known, parent=None, contacts=(), codes=frozenset({"H56.12"})),)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"name,kind\nx,agency",
        b"code,code\nX,Y",
        b"code,colour\nX,red",
        b'code,name\nX,"open',
        b'code,name\nX,"a"b',
        b"code,name\nX," + b"x" * 200_000,
        b"code\n" + b"X\n" * (MAX_ROWS + 1),
        b"code\n" + b"X" * MAX_BYTES,
    ],
    ids=range(10),
)
def test_what_is_no_such_table_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        plan(data, KNOWN, HUB)
    assert refusal.value.reason.code == "table-malformed"


@pytest.mark.parametrize("row", ["X", "X,x,agency,more"])
def test_a_row_of_other_length_than_the_header_is_told(row: str) -> None:
    assert faults(f"code,name,kind\n{row}") == [(2, "")]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"name": "x"}', '[{"mail": "x"}]', '[{"name": 1}]', "1", "null", '["x"]']
)
def test_odd_contacts_are_told(text: str) -> None:
    table = io.StringIO()
    csv.writer(table).writerows([["code", "contacts"], ["H56", text]])
    assert faults(table.getvalue()) == [(2, "contacts")]


@pytest.mark.parametrize("name", ["=1+1", "+84", "-x", "@SUM(A1)", "'=1", "''@x", "'quoted'"])
def test_no_cell_is_a_formula_and_the_guard_comes_off_again(name: str) -> None:
    written = write_table([party("X", name=name)])
    (_, cells) = csv.reader(io.StringIO(written.decode("utf-8-sig")))
    assert all(not cell.startswith(("=", "+", "-", "@")) for cell in cells)
    (back,) = plan(written, Snapshot(), HUB).parties
    assert back.name == name


TEXT = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp", "Zs"), include_characters=" "), min_size=1, max_size=30
)
CONTACTS = st.builds(
    Contact, name=TEXT.filter(str.strip), role=TEXT, email=st.sampled_from(["", "a@b.vn", "=a@b"]), phone=TEXT
)
CODES = st.from_regex(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,12}", fullmatch=True)


@st.composite
def directories(draw) -> Snapshot:
    codes = draw(st.lists(CODES, min_size=1, max_size=12, unique_by=str.upper))
    parties: list[Party] = []
    while codes:
        owner = describe_party(codes.pop(), draw(TEXT), PartyKind.AGENCY)
        schemes = [CodeScheme.OLD, CodeScheme.PROVINCE, CodeScheme.OTHER]
        taken = [codes.pop() for _ in range(min(len(codes), draw(st.integers(0, 2))))]
        owner = with_aliases(owner, [Alias(code=code, scheme=draw(st.sampled_from(schemes))) for code in taken])
        parent = draw(st.sampled_from([None, *(item.id for item in parties)]))
        contacts = tuple(draw(st.lists(CONTACTS, max_size=2)))
        status = draw(st.sampled_from(list(PartyStatus)))
        parties.append(dataclasses.replace(owner, parent=parent, contacts=contacts, status=status))
    return Snapshot.of(draw(st.permutations(parties)))


@settings(deadline=None)
@given(directories())
def test_export_then_import_is_the_identity(snapshot: Snapshot) -> None:
    written = write_table(snapshot.parties.values())
    assert plan(written, snapshot, HUB).parties == ()
    assert {item.id: item for item in plan(written, Snapshot(), HUB).parties} == snapshot.parties
