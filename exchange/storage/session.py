"""What every database driver offers to the stores: run one compiled statement, and do a unit of work whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.sql.compiler import SQLCompiler

from trust_store.errors import Misuse

T = TypeVar("T")
Row = Sequence[Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Session(Protocol):
    """Run statements inside one unit of work."""

    def rows(self, statement: ClauseElement, **values: object) -> Sequence[Row]:
        """Run a statement and return all its rows."""
        ...

    def many(self, statement: ClauseElement, values: Iterable[Mapping[str, object]]) -> None:
        """Run a statement that changes something with these values one after another."""
        ...


Unit = Callable[[Session], T]
"""A unit of work is plain code and runs whole, so that none of its statements waits for the loop."""


class Database(Protocol):
    """Do units of work."""

    async def transact(self, unit: Unit[T], *, heavy: bool = False) -> T:
        """Do a unit of work in a transaction; on return it survives a power cut, on an exception nothing of it stays.

        `heavy`: it takes more than a few dozen statements, so everything else must be able to go on meanwhile.
        """
        ...

    async def read(self, unit: Unit[T]) -> T:
        """Do a unit of work that only reads, and may take a while: lists, searches."""
        ...

    async def look(self, unit: Unit[T]) -> T:
        """Do a unit of work that only looks a few rows up by their keys; sees everything that was committed before."""
        ...

    def end_with(self, unit: Unit[T], heard: Callable[[T], object]) -> None:
        """End every transaction from now on with this unit; `heard` is told what came of it when it is on disk.

        A failure undoes this unit alone, and is logged.
        """
        ...

    def post(self, unit: Unit[object]) -> None:
        """Do a unit of work in the next transaction without waiting for it; it must be such that losing it loses nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Compiled:
    """Hold the text of a statement, the names of its parameters in the order of their marks, and the constant ones."""

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, object]

    def arguments(self, values: Mapping[str, object]) -> list[object]:
        """Put the values in the order of the marks."""
        known = {**self.constants, **values}
        return [known[name] for name in self.names]


def compile_for(dialect: Dialect, statement: ClauseElement) -> Compiled:
    """Compile a statement for a dialect with positional parameters."""
    compiler = statement.compile(dialect=dialect)
    if not isinstance(compiler, SQLCompiler):
        raise Misuse("only statements with parameters are compiled here")
    constants = {name: bind.value for name, bind in compiler.binds.items() if not bind.required}
    return Compiled(str(compiler), tuple(compiler.positiontup or ()), constants)


def micros(moment: datetime) -> int:
    """Write a moment as the tables keep it."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """Read a moment as the tables keep it."""
    return _EPOCH + value * _MICROSECOND
