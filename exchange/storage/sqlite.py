"""SQLite behind the session: one writer with group commit, a few readers, and nothing answered before it is on disk.

All units of work that wait together go into one transaction, each behind its own savepoint, so one disk flush serves many.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import ClauseElement
from sqlalchemy.dialects import sqlite

from exchange.storage.session import Compiled, Row, T, Unit, compile_for

READERS = 2
BATCH = 128
_DIALECT = sqlite.dialect()
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON")


class SqliteSession:
    """Run statements on one connection; each text is compiled once."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self.connection = connection
        self._compiled: dict[ClauseElement, Compiled] = {}

    async def rows(self, statement: ClauseElement, **values: object) -> Sequence[Row]:
        """Run a statement and return all its rows."""
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = compile_for(_DIALECT, statement)
        fetched = await self.connection.execute_fetchall(compiled.sql, compiled.arguments(values))
        return list(fetched)


class SqliteDatabase:
    """Do units of work on one database file."""

    def __init__(self, writer: SqliteSession, readers: Sequence[SqliteSession]) -> None:
        self._writer = writer
        self._readers: asyncio.Queue[SqliteSession] = asyncio.Queue()
        for reader in readers:
            self._readers.put_nowait(reader)
        self._waiting: asyncio.Queue[tuple[Unit[Any], asyncio.Future[Any]]] = asyncio.Queue()

    async def transact(self, unit: Unit[T]) -> T:
        """Do a unit of work in the next group commit."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((unit, done))
        return await done

    async def read(self, unit: Unit[T]) -> T:
        """Do a unit of work on a connection that cannot write."""
        reader = await self._readers.get()
        try:
            return await unit(reader)
        finally:
            self._readers.put_nowait(reader)

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
        try:
            await self._writer.connection.execute("BEGIN IMMEDIATE")
            results = [await self._attempt(unit) for unit, _ in group]
            await self._writer.connection.execute("COMMIT")
        except Exception as error:
            with contextlib.suppress(aiosqlite.Error):
                await self._writer.connection.execute("ROLLBACK")
            results = [error for _ in group]
        for (_, done), result in zip(group, results, strict=True):
            if done.cancelled():
                continue
            if isinstance(result, BaseException):
                done.set_exception(result)
            else:
                done.set_result(result)

    async def _attempt(self, unit: Unit[Any]) -> Any:
        """Do one unit behind a savepoint, so that its failure undoes it alone."""
        connection = self._writer.connection
        await connection.execute("SAVEPOINT unit")
        try:
            result = await unit(self._writer)
        except Exception as error:
            await connection.execute("ROLLBACK TO unit")
            result = error
        await connection.execute("RELEASE unit")
        return result


@contextlib.asynccontextmanager
async def open_database(path: Path) -> AsyncIterator[SqliteDatabase]:
    """Open a migrated database file for reading and writing."""
    async with contextlib.AsyncExitStack() as stack:
        sessions = []
        for number in range(READERS + 1):
            connection = await stack.enter_async_context(aiosqlite.connect(path, isolation_level=None))
            for pragma in (*_PRAGMAS, *(("query_only=ON",) if number else ())):
                await connection.execute_fetchall(f"PRAGMA {pragma}")
            sessions.append(SqliteSession(connection))
        database = SqliteDatabase(sessions[0], sessions[1:])
        writing = asyncio.create_task(database.write_forever(), name="sqlite writer")
        try:
            yield database
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
