"""Two processes compete for the sequencer and are killed at any statement: the log stays one log, and proves every receipt.

`make log` does it with five hundred kills (LOG_KILLS).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from envelopes.leaf import entry_of
from envelopes.log.checkpoint import open_checkpoint
from envelopes.log.note import read_vkey
from envelopes.log.tree import Edge, leaf_hash
from envelopes.receipt import check_log, open_receipt
from exchange.config import Home
from exchange.core.sweep import seal_waiting
from exchange.sandbox import making
from exchange.wiring import open_exchange

CHILD = Path(__file__).parent / "sequencer_process.py"
ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("LOG_KILLS", "20"))


def read(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{folder / 'hub.db'}?mode=ro", uri=True)


def check_one_log(folder: Path) -> int:
    """Recompute the whole log from its entries alone: every checkpoint there ever was is a state of this one tree."""
    with read(folder) as database:
        ((key,),) = database.execute("SELECT key FROM logs")
        entries = [row[0] for row in database.execute("SELECT entry FROM log_entries ORDER BY place")]
        assert [row[0] for row in database.execute("SELECT place FROM log_entries ORDER BY place")] == [
            *range(len(entries))
        ]
        checkpoints = database.execute("SELECT size, note FROM log_checkpoints ORDER BY size").fetchall()
        chained = database.execute("SELECT mailbox, number FROM log_entries ORDER BY place").fetchall()
        lost = database.execute(
            "SELECT count(*) FROM evidence WHERE id NOT IN (SELECT evidence FROM log_entries)"
            " AND id NOT IN (SELECT evidence FROM log_pending)"
        ).fetchone()
    edge, roots = Edge(), [Edge().root]
    for entry in entries:
        edge.append(leaf_hash(entry))
        roots.append(edge.root)
    for size, note in checkpoints:
        assert (size, roots[size]) == ((found := open_checkpoint(note, read_vkey(key))).size, found.root)
    assert checkpoints[-1][0] == len(entries)
    counts: dict[str, int] = {}
    for mailbox, number in chained:
        counts[mailbox] = counts.get(mailbox, 0) + 1
        assert number == counts[mailbox]
    assert lost == (0,)
    return len(entries)


@pytest.mark.timeout(1800)
def test_a_log_is_one_log_whoever_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    asyncio.run(making.make(folder, history=False))
    command = [sys.executable, "-W", "ignore", str(CHILD), str(folder), str(KILLS), "6962"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    check_one_log(folder)

    async def finish() -> int:
        """Seal what the killed left, and find every receipt that anybody was given as it was."""
        async with open_exchange(Home(folder)) as exchange:
            while (await seal_waiting(exchange.hub))[0]:
                pass
            given = [bytes.fromhex(line) for line in (folder / "receipts.txt").read_text().splitlines()]
            for sealed in given:
                stated, signed = open_receipt(sealed)
                proof = check_log(signed.element)
                kept = await exchange.hub.store.evidence.get(stated.id)
                place = await exchange.hub.store.log.place(stated.id)
                assert proof is not None
                assert kept is not None
                assert place is not None
                assert (kept.sealed, place.checkpoint) == (sealed, proof.checkpoint)
                entries = await exchange.hub.store.log.entries(1, place.index, 1)
                assert entries == [entry_of(kept.leaf, proof.links)]
            return len(given)

    receipts, entries = asyncio.run(finish()), check_one_log(folder)
    assert 0 < receipts <= entries
    print(f"rounds and kills: {done.stdout.decode().strip()}; receipts given: {receipts}; entries: {entries}")
