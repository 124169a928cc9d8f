"""What a program is that does costly work: a process with little memory and little time, which its parent may kill.

It speaks over its pipes. It says `READY` once; then each job is eight bytes of length and a document, and each answer eight
bytes of length and what the program has to say of it. It ends when its input does, so it never outlives its parent.
"""

from __future__ import annotations

import contextlib
import math
import resource
import signal
import sys
from collections.abc import Callable
from typing import Final

READY: Final = b"\x01"
LENGTH: Final = 8
MEMORY: Final = 1536 * 1024 * 1024
"""Bytes of address space, for the largest document that is allowed and all that is made of it."""


def bound_time(seconds: int) -> None:
    """Let the system end this process after so many more seconds of work, should nobody else be there to do it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, hard))


def attend(work: Callable[[bytes], bytes], seconds: int) -> None:
    """Do the work on each job until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    answers.write(READY)
    answers.flush()
    while len(head := jobs.read(LENGTH)) == LENGTH:
        size = int.from_bytes(head)
        data = jobs.read(size)
        if len(data) < size:
            return
        bound_time(seconds)
        answer = work(data)
        del data
        answers.write(len(answer).to_bytes(LENGTH) + answer)
        answers.flush()


def run(work: Callable[[bytes], bytes]) -> None:
    """Be such a program; its one argument is how many seconds of work a job may take."""
    with contextlib.suppress(BrokenPipeError):
        attend(work, int(sys.argv[1]))
