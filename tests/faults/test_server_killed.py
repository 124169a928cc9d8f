"""Kill the serving process by SIGKILL in the middle of traffic: what was receipted is there, once, with the same receipt."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.client import Client
from exchange.sandbox import ready
from exchange.sandbox.province import ENVIRONMENT, LAM_SON, ONE_STOP
from trust_store.errors import Refused
from trust_store.keys import load_pem

ROOT = Path(__file__).parents[2]
LETTERS = 60


@contextlib.contextmanager
def _sandbox(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], ready.Ready]]:
    file = folder / "ready.json"
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


def _letters(sandbox: ready.Ready) -> list[bytes]:
    party = sandbox.party(LAM_SON)
    assert party is not None
    key = load_pem(Path(party.key).read_bytes(), Path(party.cert).read_bytes())
    drafts = [
        draft_letter(
            sender=Organ(organ_id=LAM_SON),
            receivers=[Organ(organ_id=ONE_STOP), Organ(organ_id=ENVIRONMENT)],
            number=str(number),
            notation="CV-KILL",
            subject=f"Thư số {number}",
            at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
            files=[("a.pdf", b"%PDF-1.4 " + os.urandom(2000))],
        )
        for number in range(1, LETTERS + 1)
    ]
    return [sign(build(draft), key) for draft in drafts]


async def _send_until_killed(
    sandbox: ready.Ready, letters: list[bytes], process: subprocess.Popen[bytes]
) -> dict[int, str]:
    receipts: dict[int, str] = {}
    party = sandbox.party(LAM_SON)
    assert party is not None
    async with Client(sandbox.url, party.token, timeout=30) as client:

        async def send(index: int) -> None:
            with contextlib.suppress(Refused):
                receipts[index] = (await client.submit(letters[index])).receipt
            if len(receipts) == LETTERS // 3 and process.poll() is None:
                process.kill()

        for start in range(0, LETTERS, 8):
            await asyncio.gather(*(send(index) for index in range(start, min(start + 8, LETTERS))))
    return receipts


async def _send_all(sandbox: ready.Ready, letters: list[bytes]) -> dict[int, str]:
    party = sandbox.party(LAM_SON)
    assert party is not None
    async with Client(sandbox.url, party.token) as client:
        return {index: (await client.submit(letter)).receipt for index, letter in enumerate(letters)}


async def _mailbox(sandbox: ready.Ready, code: str) -> list[str]:
    party = sandbox.party(code)
    assert party is not None
    async with Client(sandbox.url, party.token) as client:
        found = await client.inbox(limit=200)
        digests = [item.digest for item in found if item.notation == "CV-KILL"]
        for item in found[:3]:
            assert len(await client.content(item.message)) == item.size
    return digests


@pytest.mark.timeout(180)
def test_what_was_receipted_survives_and_nothing_is_doubled(tmp_path: Path) -> None:
    with _sandbox(tmp_path) as (process, sandbox):
        letters = _letters(sandbox)
        before = asyncio.run(_send_until_killed(sandbox, letters, process))
        assert process.wait(timeout=30) == -signal.SIGKILL
        assert LETTERS // 3 <= len(before) < LETTERS

    (tmp_path / "ready.json").unlink()
    with _sandbox(tmp_path) as (_, again):
        survived = asyncio.run(_mailbox(again, ONE_STOP))
        assert len(survived) >= len(before)
        after = asyncio.run(_send_all(again, letters))
        assert {index: after[index] for index in before} == before
        for code in (ONE_STOP, ENVIRONMENT):
            delivered = asyncio.run(_mailbox(again, code))
            assert len(delivered) == len(set(delivered)) == LETTERS
