"""What is audited is documented and really emitted, and no change by people bypasses the trail."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from exchange.api.app import ROUTES
from exchange.auth.permissions import PERMISSIONS, Action
from exchange.core.audit import AuditEvent

CHANGES = {
    **dict.fromkeys(("put", "put_all", "put_group", "remove_group", "put_rule", "remove_rule"), "registry"),
    "add_certificate": "registry",
    "trust": "trust",
    "revoke": "trust",
    "connect": "systems",
    "apply": "authorities",
}
"""Methods that audit what they do when they are told who does it, and the name of what has them."""


def reference(root: Path, name: str) -> str:
    return (root / "docs" / "reference" / name).read_text("utf-8")


def rows(text: str) -> list[list[str]]:
    """Give the cells of the rows of all tables of a page that start with a code."""
    lines = re.findall(r"^\| (`.*) \|$", text, re.M)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


def test_every_event_is_listed_with_its_sentence(root: Path) -> None:
    listed = {cells[0]: cells[1] for cells in rows(reference(root, "audit-events.md")) if len(cells) == 3}
    assert listed == {f"`{event}`": event.sentence for event in AuditEvent}


def test_every_event_is_emitted_somewhere(sources: dict[str, ast.Module]) -> None:
    emitted = {
        node.attr
        for path, tree in sources.items()
        if not path.endswith("core/audit.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "AuditEvent"
    }
    chosen = {
        node.attr
        for node in ast.walk(next(item for item in sources["exchange/core/audit.py"].body if named(item, "event_of")))
        if isinstance(node, ast.Attribute)
    }
    assert sorted(event.name for event in AuditEvent if event.name not in emitted | chosen) == []


def named(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == name


def test_every_change_says_who_makes_it(sources: dict[str, ast.Module]) -> None:
    """A call of the stores' methods in product code has one argument more than what is changed: its author."""
    calls = [
        (path, node)
        for path, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and CHANGES.get(node.func.attr) == node.func.value.attr
    ]
    assert len(calls) >= 18
    least = dict.fromkeys(CHANGES, 2) | {"put_all": 3, "add_certificate": 4, "trust": 4, "connect": 3}
    silent = [
        f"{path}:{call.lineno}"
        for path, call in calls
        if isinstance(call.func, ast.Attribute) and len(call.args) + len(call.keywords) < least[call.func.attr]
    ]
    assert silent == []


def test_the_documented_permissions_are_the_ones_that_hold(root: Path) -> None:
    found = [tuple(cells) for cells in rows(reference(root, "permissions.md")) if len(cells) == 3]
    assert found == [(f"`{item.actor}`", f"`{item.action}`", item.resource) for item in PERMISSIONS]


def test_every_route_is_documented_with_its_action(root: Path) -> None:
    found = {
        cells[0].strip("`"): cells[1].strip("`") for cells in rows(reference(root, "permissions.md")) if len(cells) == 2
    }
    assert found == {f"{route.method} {route.path}": route.action.value for route in ROUTES}
    assert set(found.values()) == {action.value for action in Action}
