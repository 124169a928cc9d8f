"""The machine behind the pure rooms: its clock, its randomness, its processors."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import structlog

from exchange.core.ports import P, T

HEAVY = 64 * 1024
"""Work on at least so many bytes leaves the event loop; below, a thread costs more than the work."""


class SystemClock:
    """Tell the time of this machine."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


class SystemEntropy:
    """Give the operating system's random bytes."""

    def draw(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return os.urandom(count)


class ThreadWorkers:
    """Do light work at once and heavy work in a few threads; libxml2 and the cryptography let go of the interpreter."""

    def __init__(self, threads: int = 2) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="worker")
        self._waiter = ThreadPoolExecutor(1, thread_name_prefix="device")

    async def run(self, weight: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on something of `weight` bytes."""
        if weight < HEAVY:
            return work(*args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **kwargs))

    async def wait(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` that waits for a device, in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._waiter, lambda: work(*args, **kwargs))

    def close(self) -> None:
        """Wait for what is running and let the threads go."""
        self._pool.shutdown()
        self._waiter.shutdown(cancel_futures=True)


class LoggedProgress:
    """Write each passed step to the log, at debug level, where there is a log: a command writes for people."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("congvan.path").bind()
        self._is_wanted = structlog.is_configured() and self._log.is_enabled_for(logging.DEBUG)

    def passed(self, step: str) -> None:
        """Note a step."""
        if self._is_wanted:
            self._log.debug("passed", step=step)
