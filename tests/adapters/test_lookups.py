"""The adapters for look-ups keep to the samples, answer JSON whatever comes, and never a 500."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from adapters.dmdc.adapter import Categories, Hub, build, follow
from adapters.dmdc.command import SEED
from adapters.dmdc.mapping import above, level_of
from adapters.dmdc.tables import Tables, read_seed
from adapters.enterprises import adapter as enterprises
from adapters.enterprises.command import SAMPLE
from adapters.enterprises.register import is_code, read_register
from adapters.lookups import serving
from exchange.client import Refused
from trust_store.identity import tax_code

SAMPLES = Path(__file__).parents[2] / "adapters" / "dmdc" / "samples"
AGENCIES = "qlvanbandieuhanhcap1"


class Caller:
    """Ask a service, and hold every answer to JSON and to be no failure."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.session, self.status = url, session, 0

    async def ask(self, path: str, method: str = "GET", by: str = "", **options: Any) -> Any:
        headers = {"X-Congvan-System": by} if by else {}
        url = URL(self.url + path, encoded=True)
        async with self.session.request(method, url, headers=headers, **options) as response:
            self.status = response.status
            assert response.status < 500, path
            assert response.content_type == "application/json", path
            return json.loads(await response.read()) if method != "HEAD" else None


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as found:
        yield found


@pytest.fixture
def tables(tmp_path):
    categories, records = read_seed(SEED)
    with contextlib.closing(Tables(tmp_path / "dmdc.db", categories)) as found:
        found.seed(records)
        yield found


@pytest.fixture
async def dmdc(tables, session):
    app = build(Categories(tables=tables, writers=frozenset({"one"})))
    async with serving(app, "127.0.0.1", 0) as url:
        yield Caller(url, session)


@pytest.fixture
async def register(session):
    async with serving(enterprises.build(read_register(SAMPLE)), "127.0.0.1", 0) as url:
        yield Caller(url, session)


@pytest.mark.parametrize("prefix", ["/dmdc", "/dmdc/1.0", "/dmdc/p1.0"])
async def test_categories_are_listed_and_described(dmdc, prefix: str) -> None:
    listed = await dmdc.ask(f"{prefix}/AllCategory")
    assert {"CategoryCode": AGENCIES, "CategoryName": "Mã định danh cơ quan, đơn vị cấp 1"} in listed
    assert await dmdc.ask(f"{prefix}/Metadata/maquocgia") == json.loads(
        (SAMPLES / "Metadata_maquocgia.json").read_text()
    )
    assert await dmdc.ask(f"{prefix}/Category/dokhanvanban") == [
        {"Ma": code, "Ten": name}
        for code, name in zip("01234", ["Thường", "Khẩn", "Thượng khẩn", "Hỏa tốc", "Hỏa tốc hẹn giờ"], strict=True)
    ]


async def test_the_agencies_have_the_members_of_the_national_platform(dmdc) -> None:
    described = await dmdc.ask(f"/dmdc/Metadata/{AGENCIES}")
    assert [one["PropertyCode"] for one in described] == [
        *("MaDinhDanhCap1", "TenDonVi", "DiaChi", "Email", "SoDienThoai", "Fax", "Website"),
        *("QdBanHanhQdSuaDoi", "NgayBanHanhQd", "CoQuanBanHanhQd"),
    ]
    assert {one["PropertyType"] for one in described} == {"String", "DateTime"}


async def test_records_are_added_once(dmdc, tables) -> None:
    new = json.loads((SAMPLES / "Category_POST_request.json").read_text())
    path = "/dmdc/1.0/Category/maquocgia"
    assert await dmdc.ask(path, "POST", "one", json=new) == {"MSG": "Done", "Count": 1}
    taken = json.loads((SAMPLES / "Category_POST_duplicate.json").read_text())
    assert await dmdc.ask(path, "POST", "one", json=new) == taken
    assert await dmdc.ask(path, "POST", "one", json=[{"Ma": "KR", "Ten": "Hàn Quốc"}, *new]) == {
        "MSG": 'Data not insert: Record 2: Ma "JP is duplicate',
        "Count": 0,
    }
    codes = [record["Ma"] for record in await dmdc.ask(path)]
    assert codes == ["CN", "JP", "KH", "LA", "VN"]
    tables.seed(read_seed(SEED)[1])
    assert [record["Ma"] for record in await dmdc.ask(path)] == codes


async def test_only_named_systems_add(dmdc) -> None:
    for by in ("", "two", "ONE"):
        answer = await dmdc.ask("/dmdc/Category/maquocgia", "POST", by, json={"Ma": "JP", "Ten": "Nhật Bản"})
        assert (dmdc.status, answer["Count"]) == (403, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"[1]",
        b"[null]",
        b"{}",
        b'{"Ten":"x"}',
        b'{"Ma":""}',
        b'{"Ma":null}',
        b'{"Ma":1}',
        b'{"Ma":"A","Other":"x"}',
        b'{"Ma":"A","Ten":["x"]}',
        b'{"Ma":"\\u0000"}',
        b'{"Ma":"\\ud800"}',
        b"\xff\xfe",
        b'{"Ma":"' + b"A" * 1001 + b'"}',
        b"[" * 100_000,
        b"[" + b'{"Ma":"A"},' * 1001 + b'{"Ma":"B"}]',
        b" " * (1024 * 1024 + 1),
    ],
)
async def test_records_that_are_none(dmdc, body: bytes) -> None:
    before = await dmdc.ask("/dmdc/Category/maquocgia")
    answer = await dmdc.ask("/dmdc/Category/maquocgia", "POST", "one", data=io.BytesIO(body))
    assert dmdc.status in {400, 413}
    assert (set(answer), answer["Count"]) == ({"MSG", "Count"}, 0)
    assert answer["MSG"].startswith("Data not insert: ")
    assert await dmdc.ask("/dmdc/Category/maquocgia") == before


async def test_what_is_not_there(dmdc) -> None:
    for path in (
        "/dmdc/Category/x",
        "/dmdc/Metadata/..%2f..",
        "/dmdc/1.0/Category/'%20OR%201=1",
        "/",
        "/x",
        "/dmdc/9/AllCategory",
    ):
        assert (await dmdc.ask(path))["Count"] == 0
        assert dmdc.status == 404
    await dmdc.ask("/dmdc/AllCategory", "DELETE")
    assert dmdc.status == 405


async def test_the_agencies_of_the_hub_are_listed_by_level(hub, dmdc, tables, monkeypatch) -> None:
    monkeypatch.setattr("adapters.dmdc.adapter.PAGE", 3)
    tables.add(tables.category(AGENCIES), [{"MaDinhDanhCap1": "000.00.00.H99", "TenDonVi": "UBND tỉnh Ví Dụ"}])
    line = Hub(url=hub.url, token=hub.token(hub.environment), every=1)
    for _ in range(2):
        await follow(line, tables)
    second = {item["MaDinhDanhCap2"]: item for item in await dmdc.ask("/dmdc/Category/qlvanbandieuhanhcap2")}
    party = await hub.party(hub.environment)
    assert (second[hub.environment]["TenDonVi"], second[hub.environment]["MaDinhDanhCap1"]) == (
        party.name,
        "000.00.00.H56",
    )
    assert len(second) > 5
    assert "000.00.00.H99" in [item["MaDinhDanhCap1"] for item in await dmdc.ask(f"/dmdc/Category/{AGENCIES}")]
    with pytest.raises(Refused):
        await follow(Hub(url=hub.url, token="wrong", every=1), tables)
    assert len(await dmdc.ask("/dmdc/Category/qlvanbandieuhanhcap2")) == len(second)


@pytest.mark.parametrize(
    ("code", "level", "parent"),
    [
        ("000.00.12.H56", 2, "000.00.00.H56"),
        ("000.12.31.H53", 3, "000.00.31.H53"),
        ("001.12.31.H53", 4, "000.12.31.H53"),
        ("002.00.20.H13", 3, "000.00.20.H13"),
    ],
)
def test_levels_of_codes(code: str, level: int, parent: str) -> None:
    assert (level_of(code), above(code)) == (level, parent)


def test_a_database_that_is_none(tmp_path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database" * 100)
    with pytest.raises(Refused) as refusal:
        Tables(tmp_path / "x.db", {})
    assert refusal.value.reason.code == "lookup-data-unusable"


@pytest.mark.parametrize("name", ["categories.csv", "columns.csv", "maquocgia.csv"])
def test_a_seed_that_is_none(tmp_path, name: str) -> None:
    for file in SEED.glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(Refused) as refusal:
        read_seed(tmp_path)
    assert refusal.value.reason.code == "lookup-data-unusable"


def test_the_tables_are_still_there_after_a_restart(tables, tmp_path) -> None:
    tables.add(tables.category("maquocgia"), [{"Ma": "JP"}])
    with contextlib.closing(sqlite3.connect(tmp_path / "dmdc.db")) as line:
        assert line.execute("SELECT count(*) FROM records WHERE key = 'JP'").fetchone() == (1,)


async def test_an_enterprise_is_told_with_the_members_of_the_register(register) -> None:
    for prefix in ("/apiCSDLDKDN/1.0", "/apiCSDLDKDN"):
        answer = await register.ask(f"{prefix}/chiTietDoanhNghiep?msdn=2899700000")
        assert (answer["Status"], answer["Message"], answer["DataCount"]) == (1, "", 1)
        data = answer["Data"]
        assert list(data) == ["MainInformation", "HOAdress", "BusinessActivity", "Representatives", "Member"]
        assert list(data["MainInformation"]) == [
            *("ENTERPRISE_ID", "ENTERPRISE_GDT_CODE", "NAME", "ENTERPRISE_STATUS", "LEGAL_NAMES", "CAPITAL_AMOUNT")
        ]
        assert list(data["HOAdress"]) == ["CityID", "DistrictID", "WardID", "AddressFullText"]
        assert [list(item) for item in data["BusinessActivity"]] == [["CODE", "NAME", "IS_MAIN"]]
        assert data["Representatives"] == [{"FULL_NAME": "TRẦN THỊ MẪU"}]


async def test_an_enterprise_that_is_not_there(register) -> None:
    answer = await register.ask("/apiCSDLDKDN/1.0/chiTietDoanhNghiep?msdn=0100109106")
    assert (register.status, answer["Status"], answer["DataCount"], answer["Data"]) == (200, 0, 0, None)
    assert "0100109106" in answer["Message"]


async def test_dossiers(register) -> None:
    listed = await register.ask("/apiCSDLDKDN/1.0/danhSachHoSo?from=2023-03-01&to=05/03/2023")
    assert (listed["Status"], listed["DataCount"]) == (1, 4)
    assert {item["RECEIPT_DATE"][:10] for item in listed["Data"]} == {"2023-03-01", "2023-03-02", "2023-03-03"}
    day = "from_ts=1678035600&to_ts=1678122000"  # 6 March 2023 in Vietnam
    today = await register.ask(f"/apiCSDLDKDN/1.0/danhSachHoSoTrongNgay?{day}&offset=1&limit=5")
    assert [item["IN_JOURNAL_NO"] for item in today["Data"]] == ["H0603-0002/23", "H0603-0003/23"]
    state = await register.ask("/apiCSDLDKDN/1.0/tinhTrangHoSo?in_journal_no=H0603-0002/23")
    assert (state["Status"], state["Data"]["PROCESS_STATUS"]) == (1, "1")
    assert (await register.ask("/apiCSDLDKDN/1.0/tinhTrangHoSo?in_journal_no=none"))["Status"] == 0


@pytest.mark.parametrize(
    "asked",
    [
        "chiTietDoanhNghiep",
        "chiTietDoanhNghiep?msdn=",
        "chiTietDoanhNghiep?msdn=2800000001",
        "chiTietDoanhNghiep?msdn=2899700000&msdn=2899700018",
        "chiTietDoanhNghiep?msdn=%00",
        "chiTietDoanhNghiep?msdn=%ff",
        "chiTietDoanhNghiep?msdn=" + "1" * 5000,
        "chiTietDoanhNghiep?msdn=%D9%A2899700000",
        "danhSachHoSo?from=2023-03-01",
        "danhSachHoSo?from=2023-03-01&to=2023-03-06",
        "danhSachHoSo?from=2023-03-02&to=2023-03-01",
        "danhSachHoSo?from=9999-12-31&to=9999-12-31",
        "danhSachHoSo?from=x&to=y",
        "danhSachHoSoTrongNgay?from_ts=1&to_ts=2&offset=-1",
        "danhSachHoSoTrongNgay?from_ts=1&to_ts=2&limit=1001",
        "danhSachHoSoTrongNgay?from_ts=2&to_ts=1",
        "danhSachHoSoTrongNgay?from_ts=0&to_ts=86401",
        "danhSachHoSoTrongNgay?from_ts=99999999999999999999&to_ts=1",
        "tinhTrangHoSo",
    ],
)
async def test_look_ups_that_cannot_be_read(register, asked: str) -> None:
    answer = await register.ask(f"/apiCSDLDKDN/1.0/{asked}")
    assert (register.status, answer["Status"], answer["Data"]) == (400, 0, None)
    assert answer["Message"]


async def test_garbage_is_answered(register, dmdc) -> None:
    chance = random.Random(4)
    for _ in range(150):
        noise = "".join(
            chance.choice(["%00", "%ff", "/", "..", "?", "&", "=", "a", "%25", "'", "%F0%9F%98%80"]) for _ in range(9)
        )
        for caller, start in ((register, "/apiCSDLDKDN/1.0/"), (dmdc, "/dmdc/Category/")):
            await caller.ask(start + noise)
            await caller.ask(start + "chiTietDoanhNghiep?msdn=" + noise.replace("/", ""))


def test_the_sample_register_is_made_up_of_right_codes(tmp_path) -> None:
    codes = list(read_register(SAMPLE).enterprises)
    assert len(codes) == 6
    assert all(tax_code(code) == code for code in codes)
    for code in ("2800000001", "2899700000-001", "28997000", "0100109106", "0300588569", "١٢٣٤٥٦٧٨٩٠"):
        assert is_code(code) == (tax_code(code) is not None)
    stored = json.loads(SAMPLE.read_text())
    stored["enterprises"][0]["MainInformation"]["ENTERPRISE_GDT_CODE"] = "2800000001"
    for wrong in (json.dumps(stored), "{", '{"dossiers":[{}]}'):
        (tmp_path / "register.json").write_text(wrong)
        with pytest.raises(Refused) as refusal:
            read_register(tmp_path / "register.json")
        assert refusal.value.reason.code == "lookup-data-unusable"


async def test_an_address_that_is_taken(dmdc) -> None:
    port = int(dmdc.url.rpartition(":")[2])
    with pytest.raises(Refused) as refusal:
        async with serving(enterprises.build(read_register(SAMPLE)), "127.0.0.1", port):
            await asyncio.sleep(0)
    assert refusal.value.reason.code == "lookup-address-unusable"
