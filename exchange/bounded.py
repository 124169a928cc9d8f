"""Do what may be costly in a few processes that can be killed: little memory, little time, and none of the hub's secrets."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Final

import structlog

from exchange.bounded_process import LENGTH, READY
from trust_store.errors import Reason, Refused

START_SECONDS: Final = 60.0
_PIECE: Final = 256 * 1024
_ROOT: Final = Path(__file__).parents[1]
_LOG = structlog.get_logger("congvan.bounded")


class BoundedProcesses:
    """Run one program (a module, see `exchange.bounded_process`) in a few processes, started when needed and used again.

    A job that takes more than `seconds`, or more memory than the program allows itself, costs its process, and is refused
    with the reason `costly`.
    """

    def __init__(self, program: str, seconds: float, costly: Reason, processes: int = 2) -> None:
        self._program, self._seconds, self._costly = program, seconds, costly
        self._free: asyncio.LifoQueue[Process | None] = asyncio.LifoQueue()
        self._running: set[Process] = set()
        for _ in range(processes):
            self._free.put_nowait(None)

    @property
    def pids(self) -> frozenset[int]:
        """Name the processes that run now."""
        return frozenset(process.pid for process in self._running)

    async def perform(self, data: bytes) -> bytes:
        """Give a job to a process and return its answer.

        Raises:
            Refused: with the reason for what is too costly.
        """
        process, good = await self._free.get(), None
        try:
            process = await self._ready(process)
            answer = await self._ask(process, data)
            good = process
        finally:
            self._free.put_nowait(good)
            if good is None:
                await self._end(process)
        return answer

    async def close(self) -> None:
        """End the processes."""
        for process in list(self._running):
            await self._end(process)

    async def _ask(self, process: Process, data: bytes) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                return await _exchange(process, data)
        except TimeoutError:
            what = f"Checking it took more than {self._seconds:g} seconds"
        except (OSError, asyncio.IncompleteReadError):
            what = "Checking it took more than the time or memory that is allowed"
        _LOG.warning("killed", program=self._program, pid=process.pid, size=len(data), detail=what)
        raise Refused(self._costly, what)

    async def _ready(self, process: Process | None) -> Process:
        if process is not None:
            if process.returncode is None:
                return process
            await self._end(process)
        return await self._start()

    async def _start(self) -> Process:
        """Start a process that imports the same code as this one, and gets none of the hub's secrets."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONGVAN_")}
        command = (sys.executable, "-m", self._program, str(math.ceil(self._seconds) + 1))
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=_ROOT, env=environment, start_new_session=True
        )
        self._running.add(process)
        said = b""
        try:
            async with asyncio.timeout(START_SECONDS):
                said = await _output(process).readexactly(len(READY))
        finally:
            if not said:
                await self._end(process)
        return process

    async def _end(self, process: Process | None) -> None:
        if process is None or process not in self._running:
            return
        self._running.discard(process)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def _exchange(process: Process, data: bytes) -> bytes:
    if process.stdin is None:
        raise BrokenPipeError
    process.stdin.write(len(data).to_bytes(LENGTH))
    view = memoryview(data)
    for start in range(0, len(data), _PIECE):
        process.stdin.write(view[start : start + _PIECE])
        await process.stdin.drain()
    output = _output(process)
    return await output.readexactly(int.from_bytes(await output.readexactly(LENGTH)))


def _output(process: Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise BrokenPipeError
    return process.stdout
