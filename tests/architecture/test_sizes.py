"""Files and functions stay small enough to be read at a glance."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

FILE_LINES, FUNCTION_LINES, MEDIAN_LINES = 300, 40, 10
ALLOWED: dict[str, tuple[int, str]] = {}
"""Longer files: the path, how many lines it may have, and why it is better whole."""


def functions(sources: dict[str, ast.Module]) -> dict[str, int]:
    """Count the lines of every function, from its `def` to its end."""
    return {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_files_are_short(root: Path, sources: dict[str, ast.Module]) -> None:
    lines = {path: len((root / path).read_text("utf-8").splitlines()) for path in sources}
    assert {path: count for path, count in lines.items() if count > ALLOWED.get(path, (FILE_LINES, ""))[0]} == {}


def test_no_exception_is_out_of_date(root: Path) -> None:
    needed = {path for path in ALLOWED if len((root / path).read_text("utf-8").splitlines()) > FILE_LINES}
    assert set(ALLOWED) == needed


def test_functions_are_short(sources: dict[str, ast.Module]) -> None:
    assert {name: count for name, count in functions(sources).items() if count > FUNCTION_LINES} == {}


def test_the_median_function_is_very_short(sources: dict[str, ast.Module]) -> None:
    assert median(functions(sources).values()) <= MEDIAN_LINES
