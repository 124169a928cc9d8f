"""The program that rehearses: a process with little memory and little time, which its parent may kill.

It speaks over its pipes. It says `READY` once; then each job is eight bytes of length and a document, and each answer eight
bytes of length and nothing for "opened", or a refusal in JSON. It ends when its input does, so it never outlives its parent.
"""

from __future__ import annotations

import contextlib
import math
import resource
import signal
import sys
from typing import Final

import msgspec

from envelopes.opened import open_signed
from trust_store.errors import Refused

READY: Final = b"\x01"
LENGTH: Final = 8
MEMORY: Final = 1536 * 1024 * 1024
"""Bytes of address space, for the largest document that is allowed and all that is made of it."""


def write_refusal(refusal: Refused) -> bytes:
    """Write a refusal for the parent."""
    return msgspec.json.encode((refusal.reason.code, refusal.detail, refusal.where))


def rehearse(data: bytes) -> bytes:
    """Open a document, and say what came of it."""
    try:
        open_signed(data)
    except Refused as refusal:
        return write_refusal(refusal)
    return b""


def bound_time(seconds: int) -> None:
    """Let the system end this process after so many more seconds of work, should nobody else be there to do it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, hard))


def main(seconds: int) -> None:
    """Rehearse until the input ends."""
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
        answer = rehearse(data)
        del data
        answers.write(len(answer).to_bytes(LENGTH) + answer)
        answers.flush()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main(int(sys.argv[1]))
