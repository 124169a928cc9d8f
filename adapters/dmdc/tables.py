"""The tables of categories: what columns they have, from a folder of CSV files, and their records, in SQLite."""

from __future__ import annotations

import csv
import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.lookups import DATA, MALFORMED, UNKNOWN
from exchange.client import Refused

SEED, ADDED, HUB = "seed", "added", "hub"
"""Where a record comes from: the folder of CSV files, a caller, the hub's directory."""
MAX_RECORDS: Final = 1000
MAX_VALUE: Final = 1000
Record = Mapping[str, str | None]
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS records (
    category TEXT NOT NULL, key TEXT NOT NULL, origin TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (category, key)
) WITHOUT ROWID"""
_SEED: Final = """
INSERT INTO records (category, key, origin, body) VALUES (?, ?, ?, ?)
ON CONFLICT (category, key) DO UPDATE SET body = excluded.body WHERE records.origin = excluded.origin"""
_PUT: Final = "INSERT OR REPLACE INTO records (category, key, origin, body) VALUES (?, ?, ?, ?)"
_ADD: Final = "INSERT OR IGNORE INTO records (category, key, origin, body) VALUES (?, ?, ?, ?)"
_LIST: Final = "SELECT body FROM records WHERE category = ? ORDER BY key"
_FORGET: Final = "DELETE FROM records WHERE category = ? AND origin = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Describe one property of the records of a category."""

    code: str
    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """Describe a category; the first of its columns is the key."""

    code: str
    name: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> str:
        """Name the column whose values occur once."""
        return self.columns[0].code


class Duplicate(Exception):
    """A record has a key that is taken: `number` counts from 1, `column` and `value` are what is taken."""

    def __init__(self, number: int, column: str, value: str) -> None:
        super().__init__(f"record {number}")
        self.number, self.column, self.value = number, column, value


class Tables:
    """Keep the records of all categories; every method is whole or not at all, and may be called from any thread."""

    def __init__(self, path: Path, categories: Mapping[str, Category]) -> None:
        self.categories = categories
        self._lock = threading.Lock()
        try:
            self._line = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._line.execute("PRAGMA journal_mode = WAL")
            self._line.execute(_TABLE)
        except sqlite3.Error as error:
            raise Refused(DATA, f"The database cannot be used: {error}", where=path.name) from None

    def close(self) -> None:
        """Close the database."""
        self._line.close()

    def category(self, code: str) -> Category:
        """Find a category.

        Raises:
            Refused: `lookup-unknown`.
        """
        found = self.categories.get(code)
        if found is None:
            raise Refused(UNKNOWN, "There is no such category; see AllCategory", where="category")
        return found

    def seed(self, records: Mapping[str, Sequence[Record]]) -> None:
        """Take the records of the folder over; those that a caller added or the hub has stay as they are."""
        rows = [self._row(code, SEED, record) for code, items in records.items() for record in items]
        with self._lock, self._line:
            self._line.execute("BEGIN IMMEDIATE")
            self._line.executemany(_SEED, rows)

    def listed(self, category: Category) -> bytes:
        """Give the records of a category as JSON, ordered by their keys."""
        with self._lock:
            bodies = [body for (body,) in self._line.execute(_LIST, (category.code,))]
        return f"[{','.join(bodies)}]".encode()

    def add(self, category: Category, records: Sequence[Record]) -> None:
        """Add records.

        Raises:
            Duplicate: a key is taken; nothing was added.
        """
        with self._lock, self._line:
            self._line.execute("BEGIN IMMEDIATE")
            for number, record in enumerate(records, start=1):
                row = self._row(category.code, ADDED, record)
                if self._line.execute(_ADD, row).rowcount == 0:
                    raise Duplicate(number, category.key, row[1])

    def replace(self, records: Mapping[str, Iterable[Record]]) -> None:
        """Put what the hub has in place of what it had; its word stands against any other record of the same key."""
        rows = [self._row(code, HUB, record) for code, items in records.items() for record in items]
        with self._lock, self._line:
            self._line.execute("BEGIN IMMEDIATE")
            for code in records:
                self._line.execute(_FORGET, (code, HUB))
            self._line.executemany(_PUT, rows)

    def _row(self, code: str, origin: str, record: Record) -> tuple[str, str, str, str]:
        category = self.categories[code]
        whole = {column.code: record.get(column.code) for column in category.columns}
        return code, whole[category.key] or "", origin, json.dumps(whole, ensure_ascii=False)


def check_records(category: Category, given: object) -> Sequence[Record]:
    """Read records that somebody wants to add.

    Raises:
        Refused: `lookup-malformed`, with the number of the record.
    """
    items = given if isinstance(given, list) else [given]
    if not 1 <= len(items) <= MAX_RECORDS:
        raise Refused(MALFORMED, f"Give 1 to {MAX_RECORDS} records", where="body")
    return [_checked(category, item, number) for number, item in enumerate(items, start=1)]


def read_seed(folder: Path) -> tuple[Mapping[str, Category], Mapping[str, Sequence[Record]]]:
    """Read categories.csv, columns.csv and one file for each category that has records.

    Raises:
        Refused: `lookup-data-unusable`.
    """
    columns: dict[str, list[Column]] = {}
    for row in _rows(folder / "columns.csv", "category", "code", "name", "type"):
        columns.setdefault(row["category"], []).append(Column(code=row["code"], name=row["name"], type=row["type"]))
    listed = _rows(folder / "categories.csv", "category", "name")
    categories = {
        row["category"]: Category(code=row["category"], name=row["name"], columns=tuple(columns[row["category"]]))
        for row in listed
        if row["category"] in columns
    }
    if len(categories) != len(listed):
        raise Refused(DATA, "A category has no columns, or is there twice", where="categories.csv")
    return categories, {code: _records(folder, category) for code, category in categories.items()}


def _records(folder: Path, category: Category) -> Sequence[Record]:
    path = folder / f"{category.code}.csv"
    rows = _rows(path, *(column.code for column in category.columns)) if path.exists() else []
    return [{name: value or None for name, value in row.items()} for row in rows if row[category.key]]


def _rows(path: Path, *names: str) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != names:
                raise Refused(DATA, f"The first row is not {','.join(names)}", where=path.name)
            return [{name: (row[name] or "").strip() for name in names} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refused(DATA, f"The file cannot be read: {type(error).__name__}", where=path.name) from None


def _checked(category: Category, given: object, number: int) -> Record:
    place, known = f"record {number}", {column.code for column in category.columns}
    if not isinstance(given, dict) or not set(given) <= known:
        raise Refused(MALFORMED, f"A record is an object with members of {', '.join(sorted(known))}", where=place)
    if not all(value is None or (isinstance(value, str) and _is_text(value)) for value in given.values()):
        raise Refused(MALFORMED, f"A value is null or a text of at most {MAX_VALUE} characters", where=place)
    if not given.get(category.key):
        raise Refused(MALFORMED, f"{category.key} is needed", where=place)
    return given


def _is_text(value: str) -> bool:
    return len(value) <= MAX_VALUE and value.isprintable()
