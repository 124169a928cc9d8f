"""Rules of the house that a machine can check in the text of the code."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("trust_store", "envelopes", "exchange", "adapters")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
BROAD = {
    "exchange/api/problems.py": "the last line of defence: a failure becomes a problem document and a log line",
    "exchange/server.py": "the sweep must outlive a failure of one round",
    "exchange/storage/sqlite.py": "what a unit of work raises belongs to its caller, not to the writer",
}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)
    assert not re.search(r"SELECT\s+\*", text, re.I)
    if "cli" not in path.parts:
        assert not re.search(r"^\s*print\(", text, re.M)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_broad_handlers_have_a_reason(path: Path) -> None:
    broad = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    ]
    assert not broad or _name(path) in BROAD


def test_the_reasons_for_broad_handlers_are_about_real_files() -> None:
    assert BROAD.keys() <= {_name(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_public_name_is_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not tree.body:
        return
    assert ast.get_docstring(tree), "the module says nothing about itself"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("room", ROOMS)
def test_everything_can_be_imported_and_exports_what_it_says(room: str) -> None:
    package = importlib.import_module(room)
    for found in pkgutil.walk_packages(package.__path__, f"{room}."):
        if found.name.endswith(("__main__", "migrations.env")) or ".versions." in found.name:
            continue
        module = importlib.import_module(found.name)
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name)
