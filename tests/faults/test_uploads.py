"""Kill the hub while a large file comes in, and cut the line while it comes and goes: nothing is lost, nothing left lying.

`CONGVAN_LARGE_MB` is the size of the large file; `make large` takes 2,048.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from envelopes.drafting import FileBeside, digests, draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.client import Client
from exchange.config import Home
from exchange.core.hub import Hub
from exchange.core.model import PartyId, derive
from exchange.core.ports.files import UploadId
from exchange.core.sweep import discard_orphans
from exchange.sandbox import making, ready
from exchange.sandbox.province import ENVIRONMENT, LAM_SON
from exchange.transfer import measure
from exchange.wiring import open_exchange
from tests.faults import nursery
from trust_store.errors import Refused
from trust_store.keys import load_pem

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).parent / "upload_process.py"
MEGABYTE = 1024 * 1024
LARGE = int(os.environ.get("CONGVAN_LARGE_MB", "64")) * MEGABYTE
STEPS = ["1-append", "2-check", "3-keep", "4-commit"]
DATA = os.urandom(700_000)
DIGEST = hashlib.sha256(DATA).hexdigest()
SENDER = PartyId(LAM_SON)
KEY = UploadId(derive("upload", SENDER, DIGEST, str(len(DATA))))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "hub"
    asyncio.run(making.make(folder, history=False))
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "hub")
    (tmp_path / "data").write_bytes(DATA)
    return tmp_path / "hub"


def _run(home: Path, last: str) -> int:
    return nursery.run(CHILD, home, SENDER, last, home.parent / "data")[0]


def _with_hub(home: Path, look: Callable[[Hub], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_exchange(Home(home)) as exchange:
            return await look(exchange.hub)

    return asyncio.run(run())


def _parts(home: Path) -> list[str]:
    return [path.name for path in (home / "blobs" / "parts").iterdir()]


def _age(home: Path) -> None:
    for path in [*(home / "blobs").glob("??/*"), *(home / "blobs" / "parts").iterdir()]:
        os.utime(path, (1, 1))


@pytest.mark.parametrize("step", STEPS)
def test_a_file_that_came_whole_before_the_kill_is_there_after_a_look(step: str, home: Path) -> None:
    assert _run(home, f"upload.{step}") == -signal.SIGKILL
    before = _with_hub(home, lambda hub: hub.uploads.files.get(SENDER, DIGEST))
    assert (before is not None) == (step >= "4")
    assert _parts(home) == [KEY]

    standing = _with_hub(home, lambda hub: hub.uploads.look(SENDER, KEY))
    assert standing.offset == len(DATA)
    assert _with_hub(home, lambda hub: hub.uploads.files.get(SENDER, DIGEST)) is not None
    assert _with_hub(home, lambda hub: hub.blobs.get(DIGEST)) == DATA
    assert _run(home, "none") == 0
    _age(home)
    _with_hub(home, discard_orphans)
    assert _parts(home) == []
    assert _with_hub(home, lambda hub: hub.blobs.get(DIGEST)) == DATA


@pytest.mark.parametrize("step", STEPS)
def test_what_nobody_asks_for_after_the_kill_is_swept(step: str, home: Path) -> None:
    assert _run(home, f"upload.{step}") == -signal.SIGKILL

    async def pass_time(hub: Hub) -> None:
        now = hub.clock.now()
        await hub.uploads.files.expire(now + timedelta(days=8), now + timedelta(days=1))
        _age(home)
        await discard_orphans(hub)

    _with_hub(home, pass_time)
    assert _parts(home) == []
    with pytest.raises(Refused):
        _with_hub(home, lambda hub: hub.blobs.size(DIGEST))
    with pytest.raises(Refused):
        _with_hub(home, lambda hub: hub.uploads.look(SENDER, KEY))
    assert _run(home, "none") == 0
    assert _with_hub(home, lambda hub: hub.blobs.get(DIGEST)) == DATA


@contextlib.contextmanager
def _sandbox(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], ready.Ready]]:
    file = folder / "ready.json"
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "exchange", "sandbox", "--dir", str(folder / "hub"), "--port", "0"]
    process = subprocess.Popen([*command, "--ready-file", str(file)], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not file.exists():
            assert process.poll() is None, "the sandbox ended by itself"
            assert time.monotonic() < deadline, "the sandbox did not come up"
            time.sleep(0.05)
        yield process, ready.read(file)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def _make(path: Path, size: int) -> Path:
    block = os.urandom(MEGABYTE)
    with path.open("wb") as file:
        for number in range(size // MEGABYTE):
            file.write(number.to_bytes(8, "big") + block[8:])
    return path


def _client(sandbox: ready.Ready, code: str, url: str = "") -> Client:
    party = sandbox.party(code)
    assert party is not None
    return Client(url or sandbox.url, party.token)


def _letter(sandbox: ready.Ready, file: FileBeside) -> bytes:
    party = sandbox.party(LAM_SON)
    assert party is not None
    letter = draft_letter(
        sender=Organ(organ_id=LAM_SON),
        receivers=[Organ(organ_id=ENVIRONMENT)],
        number="1",
        notation="CV-LON",
        subject="Hồ sơ bản vẽ",
        at=datetime.now(VIETNAM),
        detached=[file],
    )
    key = load_pem(Path(party.key).read_bytes(), Path(party.cert).read_bytes())
    return sign(build(letter), key, digests(letter, [file]))


def test_a_hub_killed_in_the_middle_of_a_file_goes_on_behind_what_it_had(home: Path) -> None:
    source, told = _make(home.parent / "large", 48 * MEGABYTE), list[int]()

    async def upload_until_killed(sandbox: ready.Ready, process: subprocess.Popen[bytes]) -> None:
        def kill(done: int, _size: int) -> None:
            if done > 24 * MEGABYTE:
                process.kill()
                is_killed.set()

        is_killed = asyncio.Event()
        async with _client(sandbox, LAM_SON) as client:
            going = asyncio.create_task(client.upload(source, on_progress=kill))
            await is_killed.wait()
            going.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await going
        await asyncio.to_thread(process.wait)
        await asyncio.sleep(0.25)  # what was still to be written fails now, and the loop closes the broken transport

    async def upload_the_rest(sandbox: ready.Ready) -> None:
        async with _client(sandbox, LAM_SON) as client:
            stored = await client.upload(source, on_progress=lambda done, _: told.append(done))
            await client.submit(_letter(sandbox, FileBeside(name="large", digest=stored.digest, size=stored.size)))

    with _sandbox(home.parent) as (process, sandbox):
        asyncio.run(upload_until_killed(sandbox, process))
        process.wait(timeout=30)
    with _sandbox(home.parent) as (_, sandbox):
        asyncio.run(upload_the_rest(sandbox))
    assert told[0] > 8 * MEGABYTE
    with source.open("rb") as file:
        digest = measure(file).digest
    assert _with_hub(home, lambda hub: hub.blobs.size(digest)) == source.stat().st_size
    assert hashlib.sha256(_with_hub(home, lambda hub: hub.blobs.get(digest))).hexdigest() == digest
    assert _parts(home) == []


class Cutter:
    """Stand between client and hub, and cut the line whenever so many bytes have passed."""

    def __init__(self, url: str, cuts: list[int]) -> None:
        self._host, _, self._port = url.removeprefix("http://").partition(":")
        self._cuts, self._passed, self.done = sorted(cuts), 0, 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(self._host, int(self._port))
        both = (writer, inner_writer)
        await asyncio.gather(self._pass(reader, inner_writer, both), self._pass(inner_reader, writer, both))

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, both: tuple[asyncio.StreamWriter, ...]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                self._passed += len(data)
                if self._cuts and self._passed >= self._cuts[0]:
                    self._cuts.pop(0)
                    self.done += 1
                    break
                writer.write(data)
                await writer.drain()
        for each in both:
            each.transport.abort()


class Memory:
    """Know how much memory a process had at most since it was last asked to forget."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._folder = Path(f"/proc/{process.pid}")
        (self._folder / "clear_refs").write_text("5")
        self.base = self._read("VmRSS")

    @property
    def growth(self) -> int:
        return self._read("VmHWM") - self.base

    def _read(self, name: str) -> int:
        line = next(line for line in (self._folder / "status").read_text().splitlines() if line.startswith(name))
        return int(line.split()[1]) * 1024


@pytest.mark.timeout(3600)
def test_a_large_file_goes_up_and_down_over_a_line_that_breaks(tmp_path: Path, template: Path) -> None:
    shutil.copytree(template, tmp_path / "hub")
    source, target = _make(tmp_path / "source", LARGE), tmp_path / "target"
    cuts = [LARGE * quarter // 4 for quarter in (1, 2, 3)]

    async def carry(sandbox: ready.Ready, process: subprocess.Popen[bytes]) -> str:
        async with _client(sandbox, LAM_SON) as client:
            await client.upload(_make(tmp_path / "small", MEGABYTE))
        memory, up, down = Memory(process), Cutter(sandbox.url, cuts), Cutter(sandbox.url, cuts)
        started = time.monotonic()
        async with up.open() as url, _client(sandbox, LAM_SON, url) as client:
            stored = await client.upload(source)
        sent = time.monotonic()
        async with _client(sandbox, LAM_SON) as client:
            view = await client.submit(_letter(sandbox, FileBeside(name="x", digest=stored.digest, size=stored.size)))
        async with down.open() as url, _client(sandbox, ENVIRONMENT, url) as client:
            fetched = await client.download(view.message, 1, target, digest=stored.digest)
        ended = time.monotonic()
        assert (up.done, down.done, fetched) == (3, 3, stored)
        assert memory.growth < 100 * MEGABYTE
        with target.open("rb") as file:
            assert await asyncio.to_thread(measure, file) == stored
        return (
            f"{LARGE // MEGABYTE} MB, cut 3 times each way: up {sent - started:.1f} s, down {ended - sent:.1f} s; "
            f"the hub had {memory.base / MEGABYTE:.1f} MB and grew by {memory.growth / MEGABYTE:.1f} MB at most"
        )

    with _sandbox(tmp_path) as (process, sandbox):
        print(asyncio.run(carry(sandbox, process)))
