"""Let two processes compete for the sequencer of one hub, and kill them by SIGKILL at any statement, again and again.

Arguments: the hub's folder, how many kills, a seed. Each process states rejections, has them sealed and writes the receipts
down. Prints how many rounds, kills and receipts there were. Everything is imported once; each process is a fork.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

from exchange.config import Home
from exchange.core.model import PartyId
from exchange.errors import NOT_SENDER
from exchange.sandbox.province import LAM_SON
from exchange.storage.sqlite import SqliteSession, SqliteWriter
from exchange.wiring import open_exchange
from trust_store.errors import Refused

STATEMENTS, FURTHEST = 6, 280
RECEIPTS = "receipts.txt"


class Doom:
    """Kill this process when so many statements were run; the moments before and after a commit count as well."""

    def __init__(self, left: int) -> None:
        self.left = left

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def arm(self) -> None:
        rows, many, apart = SqliteSession.rows, SqliteSession.many, SqliteWriter._apart
        doom = self

        def counted_rows(session: SqliteSession, *arguments: Any, **values: Any) -> Any:
            doom.step()
            return rows(session, *arguments, **values)

        def counted_many(session: SqliteSession, *arguments: Any) -> Any:
            doom.step()
            return many(session, *arguments)

        async def counted_apart(writer: SqliteWriter, *arguments: Any) -> Any:
            doom.step()
            result = await apart(writer, *arguments)
            doom.step()
            return result

        SqliteSession.rows, SqliteSession.many = counted_rows, counted_many  # type: ignore[method-assign]
        SqliteWriter._apart = counted_apart  # type: ignore[method-assign]


async def work(folder: Path, doom: Doom, name: str) -> None:
    async with open_exchange(Home(folder)) as exchange:
        hub = exchange.hub
        sender = await hub.store.directory.get(PartyId(LAM_SON))
        assert sender is not None
        doom.arm()
        receipts = os.open(folder / RECEIPTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        async def one(number: int) -> None:
            digest = os.urandom(32).hex()
            refusal = Refused(NOT_SENDER, f"{name} {number}")
            statement = hub.registrar.reject(refusal, sender, digest, number, hub.clock.now())
            await hub.store.evidence.add(statement)
            os.write(receipts, (await hub.seal(statement.id)).xml.hex().encode() + b"\n")

        await asyncio.gather(*map(one, range(STATEMENTS)))


def fork(folder: Path, after: int, name: str) -> int:
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        asyncio.run(work(folder, Doom(after), name))
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def main(folder: Path, kills: int, seed: int) -> None:
    chance, killed, rounds = random.Random(seed), 0, 0
    while killed < kills:
        rounds += 1
        pair = [fork(folder, chance.randrange(1, FURTHEST), f"{rounds}-{number}") for number in range(2)]
        ended = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in pair]
        killed += ended.count(-signal.SIGKILL)
        if not {*ended} <= {0, -signal.SIGKILL}:
            sys.exit(f"A process ended with {ended}")
    print(rounds, killed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
