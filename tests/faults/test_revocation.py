"""Whatever process a letter comes to, a revocation made by another program holds for it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.client import Client, HubRefused
from exchange.config import Home
from exchange.founding import authority_of
from exchange.sandbox import making, ready
from exchange.sandbox.province import ENVIRONMENT, LAM_SON, TAX
from tests.servers.authority import Authority
from trust_store.keys import HeldKey, load_pem

ROOT = Path(__file__).parents[2]
MOST = 64


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("revocation") / "hub"
    asyncio.run(making.make(folder, history=False))
    return folder


@contextlib.contextmanager
def serving(home: Path) -> Iterator[tuple[str, list[int]]]:
    """Serve by two processes; gives the address and both processes."""
    command = [sys.executable, "-m", "exchange", "serve", "--dir", str(home), "--port", "0", "--workers", "2"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, "the hub did not come up"
        listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
        workers = [int(line) for line in listed.stdout.split()]
        assert len(workers) == 2
        yield found[0], workers
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


def key_of(home: Path, code: str) -> HeldKey:
    stem = home / "parties" / code
    return load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())


def connections(worker: int) -> int:
    """Count the sockets that a process has open."""
    found = 0
    for each in Path(f"/proc/{worker}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found += str(each.readlink()).startswith("socket:")
    return found


@contextlib.asynccontextmanager
async def clients(home: Path, url: str, workers: list[int], code: str) -> AsyncIterator[list[Client]]:
    """Open connections until each process has some of them; a connection stays with its process."""
    listed = ready.read(home / ready.FILE).party(code)
    assert listed is not None
    before, opened = [connections(each) for each in workers], []
    async with contextlib.AsyncExitStack() as stack:
        while len(opened) < MOST and (
            len(opened) < 8 or any(connections(each) < count + 2 for each, count in zip(workers, before, strict=True))
        ):
            opened.append(await stack.enter_async_context(Client(url, listed.token)))
            await opened[-1].whoami()
        assert all(connections(each) > count for each, count in zip(workers, before, strict=True))
        yield opened


async def outcome(home: Path, client: Client, code: str, number: int) -> str:
    """Send a letter, and tell what the hub said."""
    drafted = draft_letter(
        sender=Organ(organ_id=code),
        receivers=[Organ(organ_id=ENVIRONMENT)],
        number=str(number),
        notation="CV-R",
        subject="V/v thử",
        at=datetime.now(VIETNAM),
    )
    try:
        await client.submit(sign(build(drafted), key_of(home, code)))
    except HubRefused as refusal:
        return refusal.reason.code
    return "taken on"


@pytest.mark.parametrize("by", ["the local list", "a list of the authority"])
async def test_what_is_revoked_is_refused_by_every_process_at_once(home: Path, tmp_path: Path, by: str) -> None:
    code = LAM_SON if by == "the local list" else TAX
    certificate = key_of(home, code).certificate
    file, folder = tmp_path / "file", ["--dir", str(home)]
    if by == "the local list":
        file.write_bytes(certificate.pem)
        command = ["cert", "revoke", *folder, "--why", "mất khóa", str(file)]
    else:
        at = datetime.now(UTC)
        file.write_bytes(Authority.of(authority_of(Home(home))).list(at, {certificate: at - timedelta(hours=1)}))
        command = ["cert", "crl", "import", *folder, str(file)]
    with serving(home) as (url, workers):
        async with clients(home, url, workers, code) as opened:
            said = {await outcome(home, each, code, number) for number, each in enumerate(opened)}
            assert said == {"taken on"}
            await asyncio.to_thread(subprocess.run, [sys.executable, "-m", "exchange", *command], cwd=ROOT, check=True)
            began = time.monotonic()
            said = {await outcome(home, each, code, number + MOST) for number, each in enumerate(opened)}
            print(
                f"{by}: refused {len(opened)} times within {time.monotonic() - began:.2f} s of the end of the command"
            )
            assert said == {"certificate-revoked"}
