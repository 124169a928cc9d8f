"""Let processes that write to one database take turns: whoever waits goes on at once when the one before has committed.

SQLite by itself lets a process that finds the database locked look again after a while, which under load is always too late.
The lock is the system's own on a file beside the database, and is let go of when its holder ends, however that happens.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Turn:
    """Hold the place of one process in the line."""

    def __init__(self, database: Path) -> None:
        self._file = os.open(database.with_name(f"{database.name}-turn"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take_now(self) -> bool:
        """Take the turn if nobody has it; tell whether it was taken."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait(self) -> None:
        """Take the turn, after those who wait already; it blocks the thread that asks."""
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def give(self) -> None:
        """Let the next one have it."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Leave the line."""
        os.close(self._file)
