"""SQLite behind the session: one writer with group commit, a few readers, and nothing answered before it is on disk.

All units of work that wait together go into one transaction, each behind its own savepoint, so one disk flush serves many.
A group, like a reading unit, runs whole on the thread of its connection: one change of threads for all its statements.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
import structlog
from sqlalchemy import ClauseElement
from sqlalchemy.dialects import sqlite

from exchange.errors import BUSY, DISK_FULL, STORAGE_FAILING
from exchange.storage.session import Compiled, Row, T, Unit, compile_for
from trust_store.errors import Refused

READERS = 2
BATCH = 256
QUEUE = 8192
_DIALECT = sqlite.dialect()
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON")
_LOG = structlog.get_logger("congvan.storage")
_COMPILED: dict[ClauseElement, Compiled] = {}


class SqliteSession:
    """Run statements on one connection, on its thread; each text is compiled once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, statement: ClauseElement, **values: object) -> Sequence[Row]:
        """Run a statement and return all its rows."""
        compiled = _COMPILED.get(statement)
        if compiled is None:
            compiled = _COMPILED[statement] = compile_for(_DIALECT, statement)
        return self.connection.execute(compiled.sql, compiled.arguments(values)).fetchall()


class SqliteConnection(aiosqlite.Connection):
    """Run whole units on the connection's thread."""

    def __init__(self, path: Path) -> None:
        super().__init__(lambda: sqlite3.connect(path, isolation_level=None, cached_statements=512), 64)

    async def unit(self, work: Callable[[SqliteSession], T]) -> T:
        """Run one unit of work; its statements follow each other without waiting for the event loop."""
        result: T = await self._execute(lambda: work(SqliteSession(self._conn)))  # type: ignore[no-untyped-call]
        return result


class SqliteDatabase:
    """Do units of work on one database file."""

    def __init__(self, writer: SqliteConnection, readers: Sequence[SqliteConnection], near: sqlite3.Connection) -> None:
        self._writer = writer
        self._near = SqliteSession(near)
        self._readers: asyncio.Queue[SqliteConnection] = asyncio.Queue()
        for reader in readers:
            self._readers.put_nowait(reader)
        self._waiting: asyncio.Queue[tuple[Unit[Any], asyncio.Future[Any]]] = asyncio.Queue(QUEUE)
        self.groups = self.units = 0

    @property
    def waiting(self) -> int:
        """Count the units that wait for the writer."""
        return self._waiting.qsize()

    async def transact(self, unit: Unit[T]) -> T:
        """Do a unit of work in the next group commit.

        Raises:
            Refused: `hub-busy`: more work waits than can be done soon.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait((unit, done))
        except asyncio.QueueFull:
            raise Refused(BUSY, f"{QUEUE:,} changes wait to be written") from None
        return await done

    async def read(self, unit: Unit[T]) -> T:
        """Do a unit of work on a connection that cannot write."""
        reader = await self._readers.get()
        try:
            return await reader.unit(unit)
        finally:
            self._readers.put_nowait(reader)

    async def look(self, unit: Unit[T]) -> T:
        """Do a short unit of work at once: a look-up by key takes less than handing it to a thread."""
        return unit(self._near)

    def post(self, unit: Unit[object]) -> None:
        """Do a unit of work in the next group commit without waiting for it; a full queue or a failure drops it."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        done.add_done_callback(_forget)
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait((unit, done))

    async def write_forever(self) -> None:
        """Commit what waits, group after group, until cancelled; a group that was begun is finished first."""
        while True:
            group = [await self._waiting.get()]
            while not self._waiting.empty() and len(group) < BATCH:
                group.append(self._waiting.get_nowait())
            committing = asyncio.create_task(self._commit(group))
            try:
                await asyncio.shield(committing)
            finally:
                await committing

    async def _commit(self, group: list[tuple[Unit[Any], asyncio.Future[Any]]]) -> None:
        units = [unit for unit, done in group if not done.cancelled()]
        self.groups, self.units = self.groups + 1, self.units + len(units)
        waiting = [done for _, done in group if not done.cancelled()]
        try:
            results = await self._writer.unit(lambda session: _commit_all(session, units))
        except sqlite3.OperationalError as error:
            _LOG.error("commit failed", error=str(error), units=len(units))
            full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
            refusal = Refused(DISK_FULL if full else STORAGE_FAILING, "The change could not be committed")
            results = [refusal for _ in units]
        except Exception as error:
            results = [error for _ in units]
        for done, result in zip(waiting, results, strict=True):
            if done.cancelled():
                continue
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)


def _forget(done: asyncio.Future[object]) -> None:
    """Note that nobody waits for this outcome."""
    if not done.cancelled() and done.exception() is not None:
        _LOG.warning("posted work failed", error=type(done.exception()).__name__)


def _commit_all(session: SqliteSession, units: Sequence[Unit[Any]]) -> list[Any]:
    """Do all units in one transaction; a failure of one is its result, a failure to commit is everybody's."""
    execute = session.connection.execute
    try:
        execute("BEGIN IMMEDIATE")
        results = [_attempt(session, unit) for unit in units]
        execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            execute("ROLLBACK")
        raise
    return results


def _attempt(session: SqliteSession, unit: Unit[Any]) -> Any:
    """Do one unit behind a savepoint, so that its failure undoes it alone."""
    execute = session.connection.execute
    execute("SAVEPOINT unit")
    try:
        result = unit(session)
    except Exception as error:
        execute("ROLLBACK TO unit")
        result = error
    execute("RELEASE unit")
    return result


@contextlib.asynccontextmanager
async def open_database(path: Path) -> AsyncIterator[SqliteDatabase]:
    """Open a migrated database file for reading and writing."""
    async with contextlib.AsyncExitStack() as stack:
        connections = []
        for number in range(READERS + 1):
            connection = SqliteConnection(path)
            await stack.enter_async_context(connection)
            for pragma in (*_PRAGMAS, *(("query_only=ON",) if number else ())):
                await connection.execute_fetchall(f"PRAGMA {pragma}")
            connections.append(connection)
        near = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        stack.callback(near.close)
        for pragma in (*_PRAGMAS, "query_only=ON"):
            near.execute(f"PRAGMA {pragma}")
        database = SqliteDatabase(connections[0], connections[1:], near)
        writing = asyncio.create_task(database.write_forever(), name="sqlite writer")
        try:
            yield database
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
