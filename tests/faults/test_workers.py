"""Several processes serve one hub as one: killed, replaced, stopped, and none of it loses or doubles a letter."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.client import Client
from exchange.errors import Refused
from exchange.sandbox import making, ready
from exchange.sandbox.province import ENVIRONMENT, LAM_SON
from trust_store.keys import load_pem

ROOT = Path(__file__).parents[2]
FIGURES = "figures-for-the-watchman-0001"
WORKERS = 3


class Served:
    """A hub that several processes serve."""

    def __init__(self, process: subprocess.Popen[str], url: str, home: Path) -> None:
        self.process, self.url, self.home, self.record = process, url, home, ready.read(home / ready.FILE)

    @property
    def workers(self) -> set[int]:
        listed = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return {int(line) for line in listed.stdout.split()}

    def client(self, party: str) -> Client:
        listed = self.record.party(party)
        assert listed is not None
        return Client(self.url, listed.token)

    def letter(self, number: int) -> bytes:
        stem = self.home / "parties" / LAM_SON
        key = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
        drafted = draft_letter(
            sender=Organ(organ_id=LAM_SON),
            receivers=[Organ(organ_id=ENVIRONMENT)],
            number=str(number),
            notation="CV-W",
            subject="V/v thử",
            at=datetime.now(VIETNAM),
        )
        return sign(build(drafted), key)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workers") / "hub"
    asyncio.run(making.make(folder, history=False))
    with (folder / "hub.toml").open("a", encoding="utf-8") as file:
        file.write(f"metrics_token = {FIGURES!r}\n")
    return folder


@contextlib.contextmanager
def _serving(home: Path, *more: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "exchange", "serve", "--dir", str(home), "--port", "0"]
    command += ["--workers", str(WORKERS), *more]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, "the hub did not come up"
        yield Served(process, found[0], home)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


def _until(what, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_a_letter_taken_on_by_one_process_wakes_readers_of_all(home: Path) -> None:
    with _serving(home) as hub:
        _until(lambda: len(hub.workers) == WORKERS)
        polls = [asyncio.create_task(_poll(hub)) for _ in range(8)]
        await asyncio.sleep(1)
        async with asyncio.timeout(15):
            for number in range(1, 1 + len(polls)):
                async with hub.client(LAM_SON) as sender:
                    await sender.submit(hub.letter(number))
            found = [item.delivery for answer in await asyncio.gather(*polls) for item in answer]
            async with hub.client(ENVIRONMENT) as reader:
                while len(found) < len(polls):
                    found += [item.delivery for item in await reader.lease(limit=8)]
        assert len(set(found)) == len(found) == len(polls)
        await asyncio.sleep(1.5)
        figures = await _figures(hub)
        assert re.search(rf'route="/v1/messages",status="201"}} {len(polls)}\.0', figures), figures


async def _poll(hub: Served):
    async with hub.client(ENVIRONMENT) as reader:
        return await reader.lease(limit=1, wait=30)


async def _figures(hub: Served) -> str:
    headers = {"Authorization": f"Bearer {FIGURES}"}
    async with aiohttp.ClientSession() as session, session.get(f"{hub.url}/metrics", headers=headers) as answer:
        return await answer.text()


async def test_processes_that_are_killed_are_replaced_and_lose_nothing(home: Path) -> None:
    with _serving(home) as hub:
        _until(lambda: len(hub.workers) == WORKERS)
        killed, receipts = set[int](), dict[int, str]()
        for number in range(100, 160):
            if number % 20 == 10:
                victim = min(hub.workers - killed)
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)
            receipts[number] = await _insist(hub, hub.letter(number))
        _until(lambda: len(hub.workers - killed) == WORKERS)
        async with hub.client(LAM_SON) as sender:
            sent = [item for item in await sender.sent(limit=200) if item.message_id.endswith("/CV-W")]
        numbers = [item.message_id for item in sent if int(item.message_id.split(",")[2].split("/")[0]) >= 100]
        assert len(killed) == 3
        assert sorted(numbers) == sorted(set(numbers))
        assert len(numbers) == len(receipts) == 60


async def _insist(hub: Served, letter: bytes) -> str:
    """Send until there is a receipt, on a new connection each time."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(Refused):
                async with hub.client(LAM_SON) as sender:
                    return (await sender.submit(letter)).receipt
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_all_end_with_the_first_process_however_it_ends(home: Path, how: signal.Signals) -> None:
    with _serving(home) as hub:
        _until(lambda: len(hub.workers) == WORKERS)
        workers = hub.workers
        hub.process.send_signal(how)
        assert hub.process.wait(timeout=20) == (-9 if how is signal.SIGKILL else 0)
        _until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_processes_that_cannot_begin_are_given_up(home: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "exchange", "serve", "--dir", str(home), "--port", "0", "--workers", "2"]
    certificate = tmp_path / "none.pem"
    certificate.write_text("no certificate")
    tls = ["--tls-cert", str(certificate), "--tls-key", str(certificate)]
    found = subprocess.run([*command, *tls], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 1
    assert "tls-unusable" in found.stderr
    assert "workers-fail" in found.stderr
