"""Public names are described, and what the house forbids is nowhere."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
BROAD: dict[str, str] = {
    "adapters/lookups.py answer_failures": "a look-up that fails is answered in the form of its service, and logged",
    "envelopes/inside/cms.py read_token": "whatever a library stumbles over in a foreign token is a fault of the token",
    "envelopes/inside/pdf.py read_pdf": "whatever a PDF file does to the library that reads it is a fault of the file",
    "envelopes/inside/pdf.py _look": "what one signature does to the library must not hide the others",
    "exchange/api/problems.py answer_problems": "the edge answers a bug with a problem document and logs it",
    "exchange/blobs/local.py _put": "the temporary file is removed whatever stopped the write, and the error goes on",
    "exchange/delivery/mail.py carry_forever": "the courier survives its own failures: it logs them and tries again",
    "exchange/cosigning.py cosign_forever": "cosigning survives its own failures: it logs them and tries again",
    "exchange/gateway/app.py _answered": "the edge answers a bug in the form of WSO2 or OAuth and logs it",
    "exchange/lgsp/app.py answer_failures": "the edge answers a bug in the form of the dialect and logs it",
    "exchange/ngsp/app.py answer_failures": "the edge answers a bug in the client's own form and logs it",
    "exchange/operation/lookout.py look_forever": "the look-out survives its own failures: it logs them and tries again",
    "exchange/operation/refreshing.py run_forever": "refreshing survives its own failures: it logs them and tries again",
    "exchange/server.py _sweep_forever": "the sweep survives its own failures: it logs them and tries again",
    "exchange/timekeeping.py stamp_forever": "stamping survives its own failures: it logs them and tries again",
    "exchange/storage/sqlite.py _attempt": "the failure of one unit of a group goes to whoever asked for that unit",
    "exchange/storage/sqlite.py commit": "a transaction that was begun is rolled back, whatever ended it",
    "exchange/storage/sqlite.py _commit": "the failure of a group goes to everyone who waits for it",
}
"""Where everything may be caught, and why."""


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Give the public functions and classes of a module, and the public methods of those classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and not inner.name.startswith("_"):
                    yield inner


def broad_handlers(tree: ast.AST, inside: str = "") -> Iterator[str]:
    """Name the function around every handler that catches everything."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ExceptHandler) and catches_everything(node):
            yield inside
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from broad_handlers(node, node.name if named else inside)


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler names no error, or one that stands for all."""
    return handler.type is None or not {"Exception", "BaseException"}.isdisjoint(
        node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)
    )


def test_every_module_says_what_it_is(sources: dict[str, ast.Module]) -> None:
    assert [path for path, tree in sources.items() if tree.body and not ast.get_docstring(tree)] == []


def test_every_public_name_says_what_it_does(sources: dict[str, ast.Module]) -> None:
    bare = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in sources.items()
        for node in public(tree)
        if not ast.get_docstring(node)
    ]
    assert bare == []


def test_everything_exported_exists(sources: dict[str, ast.Module]) -> None:
    exporting = [
        path
        for path, tree in sources.items()
        if "__all__" in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    ]
    assert exporting
    for path in exporting:
        module = importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        assert [name for name in module.__all__ if not hasattr(module, name)] == [], path


def test_only_the_command_line_prints(sources: dict[str, ast.Module]) -> None:
    printing = [
        f"{path}:{node.lineno}"
        for path, tree in sources.items()
        if not path.startswith("exchange/cli/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


def test_nothing_is_marked_unfinished(root: Path, sources: dict[str, ast.Module]) -> None:
    assert [path for path in sources if UNFINISHED.search((root / path).read_text("utf-8"))] == []


def test_everything_is_caught_only_where_a_reason_is_given(sources: dict[str, ast.Module]) -> None:
    assert {f"{path} {name}" for path, tree in sources.items() for name in broad_handlers(tree)} == set(BROAD)


def test_columns_are_always_named(sources: dict[str, ast.Module]) -> None:
    texts = [
        (path, node.value)
        for path, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [path for path, text in texts if re.search(r"\bselect\s+\*", text, re.I)] == []
