"""A hub that is told to stop stops soon, whoever waits, and comes up again with everything."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from pathlib import Path

import pytest

from exchange.client import Client, HubRefused
from exchange.rehearsal import ELEMENTS


async def _poll(url: str, token: str) -> tuple[list, float]:
    started = time.monotonic()
    async with Client(url, token, timeout=60) as client:
        return await client.lease(wait=50), time.monotonic() - started


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_waiting_long_poll_does_not_hold_up_the_end(office, tmp_path, number) -> None:
    shutil.copytree(office.unused, tmp_path / "hub")
    with office.serving(tmp_path / "hub") as (process, url):
        polls = [asyncio.create_task(_poll(url, token)) for token in office.tokens.values()]
        await asyncio.sleep(0.7)
        assert not any(poll.done() for poll in polls)
        started = time.monotonic()
        process.send_signal(number)
        answers = await asyncio.wait_for(asyncio.gather(*polls), 15)
        code = await asyncio.to_thread(process.wait, 15)
        assert (code, time.monotonic() - started < 5) == (0, True)
        assert all(found == [] and lasted < 10 for found, lasted in answers)


async def test_an_idle_connection_does_not_hold_up_the_end(office, tmp_path) -> None:
    shutil.copytree(office.unused, tmp_path / "hub")
    with office.serving(tmp_path / "hub") as (process, url):
        async with Client(url, office.tokens[office.lam_son]) as client:
            assert (await client.whoami()).id == office.lam_son
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(process.wait, 15)
            assert (code, time.monotonic() - started < 5) == (0, True)
    with office.serving(tmp_path / "hub") as (_, url):
        async with Client(url, office.tokens[office.lam_son]) as client:
            assert (await client.whoami()).id == office.lam_son


def _children(pid: int) -> list[int]:
    """List the processes that a process started and that still run."""
    fields = {int(path.parent.name): _fields(path) for path in Path("/proc").glob("[0-9]*/stat")}
    return [child for child, (state, parent) in fields.items() if parent == pid and state != "Z"]


def _fields(path: Path) -> tuple[str, int]:
    try:
        state, parent, *_ = path.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "Z", 0
    return state, int(parent)


async def test_a_hub_that_is_killed_leaves_no_process_behind(office, tmp_path) -> None:
    shutil.copytree(office.unused, tmp_path / "hub")
    with office.serving(tmp_path / "hub") as (process, url):
        async with Client(url, office.tokens[office.lam_son]) as client:
            with pytest.raises(HubRefused) as refusal:
                await client.submit(b"<a>" + b"<b/>" * ELEMENTS + b"</a>")
            assert refusal.value.reason.code == "xml-limits"
        (child,) = _children(process.pid)
        process.kill()
        await asyncio.to_thread(process.wait, 15)
        async with asyncio.timeout(15):
            while _fields(Path(f"/proc/{child}/stat"))[0] != "Z":  # noqa: ASYNC110 - it is nobody's child any more
                await asyncio.sleep(0.02)
