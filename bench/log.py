"""What the transparency log costs: appending, proving from tiles, walking through all of it, and the bytes that it takes.

    python -m bench.log --entries 100000

Prints each in microseconds an entry, as a ratio to hashing the entry into a tree in memory, the floor of any such log.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from envelopes.leaf import commit
from envelopes.log.checkpoint import Checkpoint, write_checkpoint
from envelopes.log.note import Signer, write_note
from envelopes.log.tiles import inclusion_proof
from envelopes.log.tree import EMPTY, Edge, leaf_hash
from envelopes.receipt import Event
from exchange.core.audit import Author
from exchange.core.model import EvidenceId, MessageKey, PartyId, Statement
from exchange.core.ports.log import LogRecord
from exchange.operation.logbook import Walk, examine_log
from exchange.storage.evidence import insert_statement
from exchange.storage.log import LogStore
from exchange.storage.migration import migrate
from exchange.storage.session import Session
from exchange.storage.sqlite import SqliteSession, open_database

SIGNER = Signer(name="congvan/bench/1", key=Ed25519PrivateKey.generate())
NOW = datetime.now(UTC)
GROUP, PROOFS, PARTIES = 60, 2000, 500
TABLES = ("logs", "log_pending", "log_entries", "log_tiles", "log_checkpoints")


def sign(size: int, root: bytes) -> str:
    text = write_checkpoint(Checkpoint(origin=SIGNER.name, size=size, root=root))
    return write_note(text, [SIGNER.sign(text)])


def statement(number: int) -> Statement:
    text, salt = b"statement %d" % number, os.urandom(16)
    return Statement(
        id=EvidenceId(f"{number:026}"),
        owner=PartyId(f"party-{number % PARTIES}"),
        message=MessageKey(f"message-{number // 3}"),
        event=Event.SUBMISSION_REJECTION,
        receiver="",
        at=NOW,
        text=text,
        salt=salt,
        leaf=commit(text, salt),
    )


async def append(path: Path, entries: int) -> tuple[float, float]:
    """Append in groups, as a busy hub does; return the seconds of appending, and of one proof from tiles."""
    async with open_database(path) as database:
        store = LogStore(database)
        record = LogRecord(log=1, key=SIGNER.verifier.vkey, begun_at=NOW)
        await store.begin(record, sign(0, EMPTY), Author(actor="bench", at=NOW))
        spent = 0.0
        for start in range(0, entries, GROUP):
            made = [statement(number) for number in range(start, min(start + GROUP, entries))]

            def unit(session: Session, made: list[Statement] = made) -> None:
                for each in made:
                    insert_statement(session, each)

            await database.transact(unit)
            begun = time.perf_counter()
            await store.sequence(1, sign, NOW, GROUP)
            spent += time.perf_counter() - begun

        async def read(level: int, number: int, _width: int) -> bytes:
            return await store.tile(1, level, number)

        begun = time.perf_counter()
        for number in range(PROOFS):
            await inclusion_proof(read, number * (entries // PROOFS), entries)
        return spent, (time.perf_counter() - begun) / PROOFS


def walk(path: Path) -> float:
    with sqlite3.connect(path) as connection:
        begun, walked = time.perf_counter(), Walk()
        found = list(examine_log(SqliteSession(connection), walked))
        assert found == [], found
        return time.perf_counter() - begun


def size_of_log(path: Path) -> int:
    """Measure the file with and without the tables of the log."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole = path.stat().st_size
        for table in TABLES:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return whole - path.stat().st_size


def floor(entries: int) -> float:
    edge, data = Edge(), os.urandom(32)
    begun = time.perf_counter()
    for _ in range(entries):
        edge.append(leaf_hash(data))
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    count = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.db"
        migrate(path)
        least = floor(count)
        spent, proof = asyncio.run(append(path, count))
        walked, size = walk(path), size_of_log(path)
    show = partial(print, flush=True)
    show(f"{count:,} entries; floor {least / count * 1e6:.2f} us an entry")
    show(
        f"append, {GROUP} at a time  {spent / count * 1e6:8.1f} us an entry  x{spent / least:.0f}  {count / spent:,.0f}/s"
    )
    show(f"prove from tiles      {proof * 1e6:8.1f} us a proof")
    show(f"walk (congvan fsck)   {walked / count * 1e6:8.1f} us an entry  {count / walked:,.0f}/s")
    show(f"stored                {size / count:8.1f} bytes an entry")


if __name__ == "__main__":
    main()
