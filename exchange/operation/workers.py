"""Serve one hub by several processes: fork them, replace one that ends by itself, and end all together.

The processes share what was opened before the fork: the listening sockets, the wires of the bell, the slots of the figures.
Everything else they share is in the database, and each keeps only what another can take over.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import Final

import structlog

from exchange.delivery.wires import SharedBell, Wires
from exchange.operation.slots import Slots
from trust_store.errors import reason

WORKERS_FAIL = reason(
    "workers-fail",
    "The processes of the hub end as soon as they begin",
    "See what they logged; congvan serve --workers 1 shows the reason by itself",
)
SOON: Final = 5.0
"""Seconds within which the end of a process counts as a failure to begin."""
MOST_FAILURES: Final = 5
PAUSE: Final = 0.5
_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
_LOG = structlog.get_logger("congvan.workers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Say which of how many processes this one is, and what it shares with the others."""

    index: int
    wires: Wires
    slots: Slots
    lifeline: int
    """A pipe that ends with the first process."""

    @property
    def leads(self) -> bool:
        """Tell whether this one does what one process does for all."""
        return self.index == 0

    @property
    def count(self) -> int:
        """Give how many processes there are."""
        return self.wires.count

    def bell(self) -> SharedBell:
        """Make a bell that the other processes hear too, and that hears them on the running loop."""
        return SharedBell(self.wires, self.index)

    def follow(self) -> None:
        """End when the first process is gone, however it went."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self.lifeline, self._let_go, loop)

    def _let_go(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self.lifeline)
        os.kill(os.getpid(), signal.SIGTERM)


@dataclass(slots=True)
class _Team:
    """Hold the processes that run, and whether they shall."""

    started: dict[int, tuple[int, float]] = field(default_factory=dict)
    failures: int = 0
    is_stopping: bool = False


def become_worker(count: int) -> Worker:
    """Fork so many processes; it returns in each of them, and never in the first, which watches over them and ends last.

    To be called before there are threads or an event loop.
    """
    wires, slots, (lifeline, held) = Wires(count), Slots(count), os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    team, vacant = _Team(), list(range(count))
    while vacant or team.started:
        for index in vacant:
            if _fork(team, index):
                return _begin(Worker(index=index, wires=wires, slots=slots, lifeline=lifeline), held)
        vacant = _attend(team)
    sys.exit(1 if team.failures >= MOST_FAILURES else 0)


def _fork(team: _Team, index: int) -> bool:
    """Fork; tell whether this is the new process."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        team.started[pid] = index, time.monotonic()
    return pid == 0


def _begin(worker: Worker, held: int) -> Worker:
    """Begin as a process of its own: what a terminal sends goes to the first one, which passes it on once."""
    os.close(held)
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    return worker


def _attend(team: _Team) -> list[int]:
    """Wait for something to happen; return the place of a process that has to be replaced, after a pause."""
    number = signal.sigwait(_SIGNALS)
    if number == signal.SIGCHLD:
        return _reap(team)
    _stop(team, signal.SIGKILL if team.is_stopping else signal.SIGTERM)
    return []


def _reap(team: _Team) -> list[int]:
    """Take one process that ended off the list; others that ended meanwhile are signalled for again."""
    pid, status = os.waitpid(-1, os.WNOHANG) if team.started else (0, 0)
    if pid not in team.started:
        return []
    index, since = team.started.pop(pid)
    if team.started:
        os.kill(os.getpid(), signal.SIGCHLD)
    if team.is_stopping:
        return []
    code = os.waitstatus_to_exitcode(status)
    _LOG.error("worker ended", worker=index, code=code)
    team.failures = team.failures + 1 if time.monotonic() - since < SOON else 0
    if team.failures >= MOST_FAILURES:
        _LOG.error("workers fail", code=WORKERS_FAIL.code, detail=WORKERS_FAIL.title, fix=WORKERS_FAIL.fix)
        _stop(team, signal.SIGTERM)
        return []
    time.sleep(PAUSE)
    return [index]


def _stop(team: _Team, number: int) -> None:
    team.is_stopping = True
    for pid in team.started:
        os.kill(pid, number)
