"""The axis' lists of units: what each of them says, made once for a revision, and answered packed, plain or not at all."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import json
from datetime import UTC, datetime

import pytest
from aiohttp import web

from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import Alias, CodeScheme, Contact
from exchange.core.registering import describe_party, with_aliases
from exchange.core.snapshot import Snapshot
from exchange.core.units import UnitList, Units
from exchange.machine import ThreadWorkers
from exchange.net.prepared import answer_prepared, takes_gzip
from trust_store.identity import PartyKind

AT = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)
PROVINCE = dataclasses.replace(
    with_aliases(
        describe_party("000.00.00.H56", "UBND tỉnh Thanh Hóa", PartyKind.AGENCY),
        [Alias(code="H56", scheme=CodeScheme.QD20)],
    ),
    revision=3,
)
OFFICE = dataclasses.replace(
    with_aliases(
        describe_party("H56.12", "Sở Nội vụ", PartyKind.AGENCY),
        [Alias(code="000.00.12.H56", scheme=CodeScheme.OLD), Alias(code="SNV")],
    ),
    parent=PartyId("000.00.00.H56"),
    contacts=(Contact(name="Trực"), Contact(name="Văn thư", email="vt@snv.example.vn")),
    revision=7,
    changed_at=AT,
)
FIRM = describe_party("2899000016", "Công ty “Lam Sơn”", PartyKind.ENTERPRISE)
GONE = dataclasses.replace(
    describe_party("H56.13", "Sở Cũ", PartyKind.AGENCY), status=PartyStatus.SUSPENDED, revision=5, changed_at=AT
)


class Known:
    """A directory that is told what it is, and counts how often it is asked for rows."""

    def __init__(self, *parties: Party, revision: int = 7) -> None:
        self.now = dataclasses.replace(Snapshot.of(parties), revision=revision)

    async def snapshot(self) -> Snapshot:
        return self.now


class Counted(ThreadWorkers):
    """Workers that count what they do."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    async def run(self, weight, work, *args, **named):
        self.runs += 1
        await asyncio.sleep(0)
        return await super().run(weight, work, *args, **named)


def lists(*parties: Party) -> tuple[Units, Known, Counted]:
    known, workers = Known(*parties), Counted()
    return Units(known, workers, "000.00.99.H56"), known, workers


def read(parts) -> list[dict]:
    found = json.loads(b"".join(parts).decode("ascii"))
    assert {name: found[name] for name in ("status", "ErrorCode", "ErrorDesc")} == {
        "status": "OK",
        "ErrorCode": "0",
        "ErrorDesc": "",
    }
    return found["data"]


async def test_the_list_of_agencies_has_the_active_ones_with_their_old_codes() -> None:
    units, _, _ = lists(PROVINCE, OFFICE, FIRM, GONE)
    assert read((await units.answer(UnitList.AGENCIES)).body) == [
        {"id": "000.00.00.H56", "pid": "", "code": "000.00.00.H56", "name": PROVINCE.name, "mail": "", "oldCode": ""},
        {"id": "2899000016", "pid": "", "code": "2899000016", "name": FIRM.name, "mail": "", "oldCode": ""},
        {
            "id": "H56.12",
            "pid": "000.00.00.H56",
            "code": "H56.12",
            "name": "Sở Nội vụ",
            "mail": "vt@snv.example.vn",
            "oldCode": "000.00.12.H56",
        },
    ]


async def test_the_list_by_qd20_has_both_codes_and_on_the_first_level_ministries_and_provinces_alone() -> None:
    units, _, _ = lists(PROVINCE, OFFICE, FIRM, GONE)
    everything = read((await units.answer(UnitList.QD20)).body)
    assert [(item["code"], item["code102"]) for item in everything] == [
        ("H56", "000.00.00.H56"),
        ("2899000016", ""),
        ("H56.12", "000.00.12.H56"),
    ]
    assert read((await units.answer(UnitList.QD20_TOP)).body) == everything[:1]
    assert set(everything[0]) == {"id", "code", "name", "mail", "code102"}


async def test_the_list_to_synchronise_says_what_changed_when_and_what_is_gone() -> None:
    units, _, _ = lists(PROVINCE, OFFICE, FIRM, GONE)
    found = {item["id"]: item for item in read((await units.answer(UnitList.SYNCHRONIZE)).body)}
    assert found["H56.12"] == {
        "id": "H56.12",
        "pid": "000.00.00.H56",
        "code": "H56.12",
        "name": "Sở Nội vụ",
        "mail": "vt@snv.example.vn",
        "centerCode": "000.00.99.H56",
        "version": 7,
        "deleted": False,
        "modifyDate": "25/11/2026 08:30:00",
        "isAgency": True,
    }
    assert (found["H56.13"]["deleted"], found["2899000016"]["isAgency"]) == (True, False)
    assert found["000.00.00.H56"]["modifyDate"] == ""
    assert [item["id"] for item in read([await units.changes(5)])] == ["H56.12"]
    assert [item["id"] for item in read([await units.changes(since=AT)])] == ["H56.12", "H56.13"]
    assert read([await units.changes(7)]) == []


async def test_a_list_is_made_once_for_a_revision_however_many_ask() -> None:
    units, known, workers = lists(PROVINCE, OFFICE)
    answers = await asyncio.gather(*(units.answer(UnitList.AGENCIES) for _ in range(20)))
    assert workers.runs == 1
    assert len({id(answer) for answer in answers}) == 1
    known.now = dataclasses.replace(known.now, revision=8)
    again = await units.answer(UnitList.AGENCIES)
    assert (workers.runs, again.tag, again.revision) == (2, answers[0].tag, 8)


async def test_a_change_shows_and_only_its_piece_is_written_again() -> None:
    many = [describe_party(f"H57.{number}", f"Đơn vị {number}", PartyKind.AGENCY) for number in range(5000)]
    units, known, _ = lists(*many)
    before = await units.answer(UnitList.AGENCIES)
    new = describe_party("H57.0001", "Mới", PartyKind.AGENCY)
    changed = dataclasses.replace(many[4000], name="Tên khác")
    known.now = dataclasses.replace(known.now.with_parties([new, changed]), revision=8)
    after = await units.answer(UnitList.AGENCIES)
    fresh, _, _ = lists(*known.now.parties.values())
    assert list(after.body) == list((await fresh.answer(UnitList.AGENCIES)).body)
    assert gzip.decompress(b"".join(after.packed)) == b"".join(after.body)
    assert len(read(after.body)) == 5001
    assert before.tag != after.tag
    kept = {id(part) for part in before.body}
    assert sum(id(part) not in kept and len(part) > 100 for part in after.body) <= 2


async def test_a_list_without_units_is_an_empty_array() -> None:
    units, _, _ = lists()
    answer = await units.answer(UnitList.SYNCHRONIZE)
    assert read(answer.body) == []
    assert gzip.decompress(b"".join(answer.packed)) == b"".join(answer.body)


@pytest.fixture
async def client(aiohttp_client):
    units, _, _ = lists(PROVINCE, OFFICE, FIRM, GONE)

    async def serve(request: web.Request) -> web.StreamResponse:
        found = await units.answer(UnitList.AGENCIES)
        return await answer_prepared(request, found.body, found.packed, tag=found.tag, changed_at=found.changed_at)

    app = web.Application()
    app.router.add_route("*", "/list", serve)
    return await aiohttp_client(app, auto_decompress=False)


async def test_who_takes_gzip_gets_the_packed_bytes_and_others_the_plain_ones(client) -> None:
    plain = await client.post("/list", headers={"Accept-Encoding": "identity"})
    packed = await client.post("/list", headers={"Accept-Encoding": "br, gzip"})
    assert gzip.decompress(await packed.read()) == await plain.read()
    assert ("Content-Encoding" in plain.headers, packed.headers["Content-Encoding"]) == (False, "gzip")
    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["Last-Modified"] == "Wed, 25 Nov 2026 01:30:00 GMT"
    assert int(packed.headers["Content-Length"]) == len(await packed.read())


async def test_who_has_the_list_gets_nothing_more(client) -> None:
    first = await client.get("/list", headers={"Accept-Encoding": "gzip"})
    for known in (first.headers["ETag"], '"other", W/' + first.headers["ETag"], "*"):
        again = await client.get("/list", headers={"Accept-Encoding": "gzip", "If-None-Match": known})
        assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    other = await client.get("/list", headers={"If-None-Match": '"other"'})
    assert other.status == 200
    head = await client.head("/list", headers={"Accept-Encoding": "gzip"})
    assert (head.headers["Content-Length"], await head.read()) == (first.headers["Content-Length"], b"")


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("GZIP;q=0.5, br", True),
        ("*", True),
        ("x-gzip", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("identity, *;q=0", False),
        ("gzip;q=x", False),
    ],
)
def test_what_takes_gzip(accepted: str, taken: bool) -> None:
    assert takes_gzip(accepted) is taken
