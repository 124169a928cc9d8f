"""A connected system looks categories and enterprises up: through the gateway, at adapters that are processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path

import pytest

from adapters.enterprises.command import SAMPLE

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ports(unused_tcp_port_factory) -> tuple[int, int]:
    return unused_tcp_port_factory(), unused_tcp_port_factory()


@pytest.fixture
def settings(ports: tuple[int, int]) -> str:
    one, two = ports
    return f'gateway_routes = "dmdc=http://127.0.0.1:{one}, apiCSDLDKDN=http://127.0.0.1:{two}"\n'


@contextlib.asynccontextmanager
async def running(*arguments: str):
    """Run an adapter, wait until it says where it answers, and end it as an operator would."""
    command = [sys.executable, "-m", "exchange", "adapter", *arguments]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        assert line.startswith(b"Look-ups are answered at http://127.0.0.1:"), line
        yield
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def adapters(province, ports, tmp_path):
    live, token = province.live, tmp_path / "party.token"
    token.write_text(live.token(live.environment))
    hub = ("--url", live.url, "--token-file", str(token), "--every", "1")
    dmdc = ("dmdc", "--data", str(tmp_path / "dmdc.db"), "--port", str(ports[0]), "--writer", "one", *hub)
    async with running(*dmdc), running("enterprises", "--port", str(ports[1])):
        yield


async def test_a_system_looks_up_what_the_services_know(province, adapters) -> None:
    await province.connect("one")
    await province.connect("two")
    one, two = await province.token("one"), await province.token("two")
    listed = await province.call("GET", "/dmdc/1.0/AllCategory", token=one)
    assert "qlvanbandieuhanhcap1" in [item["CategoryCode"] for item in listed.json]
    agencies: list[dict[str, str]] = []
    for _ in range(100):
        agencies = (await province.call("GET", "/dmdc/Category/qlvanbandieuhanhcap2", token=two)).json
        if agencies:
            break
        await asyncio.sleep(0.1)
    assert province.live.environment in [item["MaDinhDanhCap2"] for item in agencies]
    stored = json.loads(SAMPLE.read_text())["enterprises"][1]
    path = "/apiCSDLDKDN/1.0/chiTietDoanhNghiep?msdn=2899700000"
    answer = await province.call("GET", path, token=two)
    assert answer.json == {"Status": 1, "Message": "", "DataCount": 1, "Data": stored}
    unknown = await province.call("GET", path.replace("2899700000", "0100109106"), token=one)
    assert (unknown.status, unknown.json["Status"]) == (200, 0)


async def test_the_gateway_says_who_adds(province, adapters) -> None:
    await province.connect("one")
    await province.connect("two")
    body, path = json.dumps({"Ma": "JP", "Ten": "Nhật Bản"}), "/dmdc/1.0/Category/maquocgia"
    forged = await province.call(
        "POST", path, token=await province.token("two"), data=body, headers={"X-Congvan-System": "one"}
    )
    assert (forged.status, forged.json["Count"]) == (403, 0)
    token = await province.token("one")
    assert (await province.call("POST", path, token=token, data=body)).json == {"MSG": "Done", "Count": 1}
    again = await province.call("POST", path, token=token, data=body)
    assert again.json == {"MSG": 'Data not insert: Record 1: Ma "JP is duplicate', "Count": 0}


async def test_a_service_that_is_not_there_is_503(province) -> None:
    await province.connect("one")
    answer = await province.call("GET", "/dmdc/1.0/AllCategory", token=await province.token("one"))
    assert answer.fault() == (503, 101503)
