"""Files and functions stay small enough to be read at a glance."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

FILE_LINES, FUNCTION_LINES, MEDIAN_LINES = 300, 40, 10
ALLOWED = {
    "exchange/client.py": (320, "one short method for each question to the hub, which a user of it looks up in one place"),
    "exchange/storage/migrations/versions/v0001_first_tables.py upgrade": (
        140,
        "a migration is a list of tables, written once and never changed after",
    ),
    "exchange/storage/migrations/versions/v0002_mailboxes_and_access.py upgrade": (160, "the same"),
}
"""What may be longer: a path, or a path and a function in it, with its own limit and why it is better whole."""


def files(root: Path, sources: dict[str, ast.Module]) -> dict[str, int]:
    """Count the lines of every file."""
    return {path: len((root / path).read_text("utf-8").splitlines()) for path in sources}


def functions(sources: dict[str, ast.Module]) -> dict[str, int]:
    """Count the lines of every function, without those of its docstring."""
    return {
        f"{path} {node.name}": (node.end_lineno or 0) - node.lineno + 1 - docstring_lines(node)
        for path, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function's docstring."""
    first = node.body[0]
    return (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) else 0


def over(counts: dict[str, int], limit: int) -> dict[str, int]:
    """Keep what is longer than its own limit, or the common one."""
    return {name: count for name, count in counts.items() if count > ALLOWED.get(name, (limit, ""))[0]}


def test_files_are_short(root: Path, sources: dict[str, ast.Module]) -> None:
    assert over(files(root, sources), FILE_LINES) == {}


def test_functions_are_short(sources: dict[str, ast.Module]) -> None:
    assert over(functions(sources), FUNCTION_LINES) == {}


def test_the_median_function_is_very_short(sources: dict[str, ast.Module]) -> None:
    assert median(functions(sources).values()) <= MEDIAN_LINES


def test_every_exception_is_needed(root: Path, sources: dict[str, ast.Module]) -> None:
    long = {path for path, count in files(root, sources).items() if count > FILE_LINES}
    long |= {name for name, count in functions(sources).items() if count > FUNCTION_LINES}
    assert ALLOWED.keys() <= long
