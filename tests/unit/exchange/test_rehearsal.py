"""What may be costly is tried in a process of its own; that process may die, and everything goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from pathlib import Path

import pytest

from envelopes.opened import open_signed
from exchange.rehearsal import ELEMENTS, NAMESPACES, REFERENCES, SIZE, ProcessRehearsal, is_unusual
from trust_store.errors import Refused

UNUSUAL = b"<a>" + b" " * SIZE + b"</a>"
BROKEN = b"<a>" + b" " * SIZE + b"</b>"


@pytest.fixture
async def rehearsal():
    made = ProcessRehearsal(30, processes=1)
    yield made
    await made.close()
    assert not made.pids


def _is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def _costs_too_much(rehearsal: ProcessRehearsal, data: bytes = UNUSUAL) -> None:
    with pytest.raises(Refused) as refusal:
        await rehearsal.rehearse(data)
    assert refusal.value.reason.code == "too-costly"


@pytest.mark.parametrize(
    ("mark", "most"), [(b"<", ELEMENTS), (b"xmlns", NAMESPACES), (b"Reference", REFERENCES), (b" ", SIZE)]
)
def test_what_is_unusual_is_counted(mark: bytes, most: int) -> None:
    assert not is_unusual(mark * most)
    assert is_unusual(mark * (most + 1))


def test_what_cannot_be_counted_is_unusual() -> None:
    assert is_unusual("<a/>".encode("utf-16"))


async def test_what_is_usual_starts_nothing(rehearsal) -> None:
    await rehearsal.rehearse(b"<a/>")
    assert not rehearsal.pids


async def test_one_process_serves_again_and_again(rehearsal) -> None:
    for _ in range(3):
        await asyncio.gather(rehearsal.rehearse(UNUSUAL), rehearsal.rehearse(UNUSUAL))
        (pid,) = rehearsal.pids
    await rehearsal.rehearse(UNUSUAL)
    assert rehearsal.pids == {pid}


async def test_a_refusal_is_the_same_as_without_a_rehearsal(rehearsal) -> None:
    with pytest.raises(Refused) as expected:
        open_signed(BROKEN)
    with pytest.raises(Refused) as refusal:
        await rehearsal.rehearse(BROKEN)
    assert refusal.value.reason is expected.value.reason
    assert (refusal.value.detail, refusal.value.where) == (expected.value.detail, expected.value.where)


async def test_what_takes_too_long_is_killed_and_the_next_is_served(rehearsal) -> None:
    impatient = ProcessRehearsal(0.02, processes=1)
    costly = b"<a>" + b"".join(b"<b%d>%s</b%d>" % (n, b"x" * 2400, n) for n in range(15_000)) + b"</a>"
    await _costs_too_much(impatient, costly)
    assert not impatient.pids
    await impatient.close()
    await rehearsal.rehearse(costly)


async def test_a_process_that_hangs_is_killed(rehearsal) -> None:
    await rehearsal.rehearse(UNUSUAL)
    (pid,) = rehearsal.pids
    hanging = ProcessRehearsal(0.3, processes=1)
    hanging._free, hanging._running = rehearsal._free, rehearsal._running
    os.kill(pid, signal.SIGSTOP)
    await _costs_too_much(hanging)
    assert not _is_running(pid)
    await rehearsal.rehearse(UNUSUAL)
    assert rehearsal.pids != {pid}


async def test_a_process_that_is_killed_at_work_costs_one_document_only(rehearsal) -> None:
    await rehearsal.rehearse(UNUSUAL)
    (pid,) = rehearsal.pids
    os.kill(pid, signal.SIGSTOP)
    doomed, waiting = (asyncio.create_task(each) for each in (_costs_too_much(rehearsal), rehearsal.rehearse(UNUSUAL)))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    await asyncio.gather(doomed, waiting)
    assert rehearsal.pids
    assert pid not in rehearsal.pids


async def test_a_process_that_died_of_boredom_is_replaced(rehearsal) -> None:
    await rehearsal.rehearse(UNUSUAL)
    (process,) = rehearsal._running
    process.kill()
    await process.wait()
    await rehearsal.rehearse(UNUSUAL)


async def test_who_gives_up_waiting_leaves_a_pool_that_works(rehearsal) -> None:
    await rehearsal.rehearse(UNUSUAL)
    (pid,) = rehearsal.pids
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rehearsal.rehearse(UNUSUAL), 0.2)
    assert not _is_running(pid)
    await rehearsal.rehearse(UNUSUAL)


async def test_the_hubs_secrets_stay_in_the_hub(rehearsal, monkeypatch) -> None:
    monkeypatch.setenv("CONGVAN_PASSWORD", "secret")
    await rehearsal.rehearse(UNUSUAL)
    (pid,) = rehearsal.pids
    assert b"CONGVAN" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert re.search("Max core file size +0 +0", Path(f"/proc/{pid}/limits").read_text())


def test_it_works_on_another_event_loop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def work() -> None:
        made = ProcessRehearsal(30, processes=1)
        try:
            await made.rehearse(UNUSUAL)
            (pid,) = made.pids
            os.kill(pid, signal.SIGKILL)
        finally:
            await made.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())
