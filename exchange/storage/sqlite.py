"""SQLite behind the session: one writer with group commit, a few readers, and nothing answered before it is on disk.

All units of work that wait together go into one transaction, each behind its own savepoint, so one disk flush serves many.
Their statements run on the loop, where each takes microseconds; only the flush, and waiting for another process that writes,
happen on a thread. What says that it is heavy, and what reads for long, runs whole on the thread of its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite
import structlog
from sqlalchemy import ClauseElement
from sqlalchemy.dialects import sqlite

from exchange.errors import BUSY, DISK_FULL, STORAGE_FAILING
from exchange.storage.session import Compiled, Row, T, Unit, compile_for
from exchange.storage.turn import Turn
from trust_store.errors import Refused

READERS = 2
BATCH = 256
QUEUE = 8192
_DIALECT = sqlite.dialect()
_PATIENT, _IMPATIENT = "PRAGMA busy_timeout=10000", "PRAGMA busy_timeout=0"
_READ_ONLY = "PRAGMA query_only=ON"
_PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON")
_LOG = structlog.get_logger("congvan.storage")
_COMPILED: dict[ClauseElement, Compiled] = {}


class SqliteSession:
    """Run statements on one connection, on its thread; each text is compiled once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, statement: ClauseElement, **values: object) -> Sequence[Row]:
        """Run a statement and return all its rows."""
        compiled = _compiled(statement)
        return self.connection.execute(compiled.sql, compiled.arguments(values)).fetchall()

    def many(self, statement: ClauseElement, values: Iterable[Mapping[str, object]]) -> None:
        """Run a statement that changes something with these values one after another."""
        compiled = _compiled(statement)
        self.connection.executemany(compiled.sql, map(compiled.arguments, values))


class SqliteConnection(aiosqlite.Connection):
    """Run whole units on the connection's thread."""

    def __init__(self, path: Path) -> None:
        super().__init__(lambda: sqlite3.connect(path, isolation_level=None, cached_statements=512), 64)

    async def unit(self, work: Callable[[SqliteSession], T]) -> T:
        """Run one unit of work; its statements follow each other without waiting for the event loop."""
        result: T = await self._execute(lambda: work(SqliteSession(self._conn)))  # type: ignore[no-untyped-call]
        return result


class SqliteWriter:
    """Write in groups on one connection, which one thread at a time uses: the loop's, or for what may block its own."""

    def __init__(self, connection: sqlite3.Connection, turn: Turn) -> None:
        self._session, self._turn = SqliteSession(connection), turn
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite writer")

    async def commit(self, units: Sequence[Unit[Any]], *, heavy: bool) -> list[Any]:
        """Do all units in one transaction; a failure of one is its result, a failure to commit is everybody's."""
        execute = self._session.connection.execute
        try:
            await self._begin()
            results = await self._apart(self._attempt_all, units) if heavy else self._attempt_all(units)
            await self._apart(execute, "COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                await self._apart(execute, "ROLLBACK")
            raise
        finally:
            self._turn.give()
        return results

    async def close(self) -> None:
        """Close the connection."""
        await self._apart(self._session.connection.close)
        self._thread.shutdown()
        self._turn.close()

    async def _begin(self) -> None:
        """Begin at once where nobody else writes, and wait for another process on the thread."""
        if not self._turn.take_now():
            await self._apart(self._turn.wait)
        execute = self._session.connection.execute
        try:
            execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            await self._apart(self._begin_patiently)

    def _begin_patiently(self) -> None:
        execute = self._session.connection.execute
        execute(_PATIENT)
        try:
            execute("BEGIN IMMEDIATE")
        finally:
            execute(_IMPATIENT)

    def _attempt_all(self, units: Sequence[Unit[Any]]) -> list[Any]:
        return [self._attempt(unit) for unit in units]

    def _attempt(self, unit: Unit[Any]) -> Any:
        """Do one unit behind a savepoint, so that its failure undoes it alone."""
        execute = self._session.connection.execute
        execute("SAVEPOINT unit")
        try:
            result = unit(self._session)
        except Exception as error:
            execute("ROLLBACK TO unit")
            result = error
        execute("RELEASE unit")
        return result

    async def _apart(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


class SqliteDatabase:
    """Do units of work on one database file."""

    def __init__(self, writer: SqliteWriter, readers: Sequence[SqliteConnection], near: sqlite3.Connection) -> None:
        self._writer = writer
        self._near = SqliteSession(near)
        self._readers: asyncio.Queue[SqliteConnection] = asyncio.Queue()
        for reader in readers:
            self._readers.put_nowait(reader)
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(QUEUE)
        self._last: Unit[Any] | None = None
        self._heard: Callable[[Any], object] = _LOG.debug
        self.groups = self.units = 0

    @property
    def waiting(self) -> int:
        """Count the units that wait for the writer."""
        return self._waiting.qsize()

    async def transact(self, unit: Unit[T], *, heavy: bool = False) -> T:
        """Do a unit of work in the next group commit.

        Raises:
            Refused: `hub-busy`: more work waits than can be done soon.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait(_Waiting(unit, done, heavy))
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

    def end_with(self, unit: Unit[T], heard: Callable[[T], object]) -> None:
        """End every group commit from now on with this unit; `heard` is told what came of it when it is on disk."""
        self._last, self._heard = unit, heard

    def post(self, unit: Unit[object]) -> None:
        """Do a unit of work in the next group commit without waiting for it; a full queue or a failure drops it."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        done.add_done_callback(_forget)
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(_Waiting(unit, done, heavy=False))

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

    async def _commit(self, group: list[_Waiting]) -> None:
        wanted = [item for item in group if not item.done.cancelled()]
        self.groups, self.units = self.groups + 1, self.units + len(wanted)
        results: Sequence[Any]
        try:
            heavy = any(item.heavy for item in wanted)
            last = [self._last] if self._last is not None else []
            results = await self._writer.commit([*(item.unit for item in wanted), *last], heavy=heavy)
            if last:
                *results, ended = results
                self._hear(ended)
        except sqlite3.OperationalError as error:
            _LOG.error("commit failed", error=str(error), units=len(wanted))
            full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
            refusal = Refused(DISK_FULL if full else STORAGE_FAILING, "The change could not be committed")
            results = [refusal for _ in wanted]
        except Exception as error:
            results = [error for _ in wanted]
        for item, result in zip(wanted, results, strict=True):
            if item.done.cancelled():
                continue
            if isinstance(result, Exception):
                item.done.set_exception(result)
            else:
                item.done.set_result(result)

    def _hear(self, ended: object) -> None:
        """Tell what came of the unit that ends every group."""
        if isinstance(ended, Exception):
            _LOG.error("the end of a group failed", error=type(ended).__name__, detail=str(ended))
        else:
            self._heard(ended)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Hold a unit of work that waits for the writer."""

    unit: Unit[Any]
    done: asyncio.Future[Any]
    heavy: bool


def _compiled(statement: ClauseElement) -> Compiled:
    found = _COMPILED.get(statement)
    if found is None:
        found = _COMPILED[statement] = compile_for(_DIALECT, statement)
    return found


def _connect(path: Path, *more: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512, check_same_thread=False)
    for pragma in (_PATIENT, *_PRAGMAS, *more):
        connection.execute(pragma)
    return connection


def _forget(done: asyncio.Future[object]) -> None:
    """Note that nobody waits for this outcome."""
    if not done.cancelled() and done.exception() is not None:
        _LOG.warning("posted work failed", error=type(done.exception()).__name__)


@contextlib.asynccontextmanager
async def open_database(path: Path) -> AsyncIterator[SqliteDatabase]:
    """Open a migrated database file for reading and writing."""
    async with contextlib.AsyncExitStack() as stack:
        readers = []
        for _ in range(READERS):
            reader = SqliteConnection(path)
            await stack.enter_async_context(reader)
            for pragma in (_PATIENT, *_PRAGMAS, _READ_ONLY):
                await reader.execute_fetchall(pragma)
            readers.append(reader)
        writer = SqliteWriter(_connect(path, _IMPATIENT), Turn(path))
        stack.push_async_callback(writer.close)
        near = _connect(path, _PATIENT, _READ_ONLY)
        stack.callback(near.close)
        database = SqliteDatabase(writer, readers, near)
        writing = asyncio.create_task(database.write_forever(), name="sqlite writer")
        try:
            yield database
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
