"""The rooms look in one direction, and the pure ones reach nothing outside."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

PURE = ("trust_store/", "envelopes/", "exchange/core/")


def test_every_contract_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(root))
    assert lint_imports("setup.cfg", no_cache=True) == 0


def test_pure_rooms_take_nothing_of_urllib_but_parsing(sources: dict[str, ast.Module]) -> None:
    """Import contracts see only `urllib` as a whole; parsing an address is pure, opening one is not."""
    found = [
        f"{path}: {name}"
        for path, tree in sources.items()
        if path.startswith(PURE)
        for name in imported(tree)
        if name.partition(".")[0] == "urllib" and not name.startswith("urllib.parse")
    ]
    assert found == []


def imported(tree: ast.Module) -> list[str]:
    """List everything imported absolutely, by its full name."""
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    members = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not node.level
        for alias in node.names
    ]
    return names + members
