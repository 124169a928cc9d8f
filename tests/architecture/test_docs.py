"""The documentation names everything that can be met: commands, routes, settings, reasons; and its links lead somewhere."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import click
import msgspec
import pytest

from exchange.api.app import build_app
from exchange.cli.main import cli
from exchange.config import Settings
from trust_store.errors import CATALOGUE

ROOMS = ("trust_store", "envelopes", "exchange", "adapters")
LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.M | re.S)
CODE = re.compile(r"`[^`\n]+`")


def pages(root: Path) -> list[Path]:
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page: its headings in small letters, without signs, with hyphens for spaces."""
    found: dict[str, int] = {}
    given: set[str] = set()
    text = FENCE.sub("", page.read_text("utf-8"))
    for title in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text, re.M):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        given.add(f"{slug}-{found[slug]}" if slug in found else slug)
        found[slug] = found.get(slug, 0) + 1
    return given | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def broken(page: Path) -> Iterator[str]:
    """Give the relative links of a page that lead nowhere."""
    for target in LINK.findall(CODE.sub("", FENCE.sub("", page.read_text("utf-8")))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / unquote(path) if path else page
        if not file.exists() or (anchor and unquote(anchor) not in anchors(file)):
            yield f"{page.name}: {target}"


def commands(group: click.Group, words: str = "congvan") -> Iterator[str]:
    """Give every command with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, f"{words} {name} is listed but not there"
        yield f"{words} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} {name}")


def reference(root: Path, name: str) -> str:
    return (root / "docs" / "reference" / name).read_text("utf-8")


@pytest.fixture(scope="module")
def reasons() -> set[str]:
    """Load every module of the product, and give the codes of the reasons that they declare."""
    for room in ROOMS:
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            if ".migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    return {code for code, reason in CATALOGUE.items() if reason.title}


def test_every_link_leads_somewhere(root: Path) -> None:
    assert [link for page in pages(root) for link in broken(page)] == []


def test_every_command_is_described(root: Path) -> None:
    text = reference(root, "cli.md")
    assert [command for command in commands(cli) if not re.search(rf"{re.escape(command)}\b", text)] == []


def test_every_reason_is_described(root: Path, reasons: set[str]) -> None:
    text = reference(root, "reasons.md")
    assert sorted(code for code in reasons if f"`{code}`" not in text) == []


def test_every_described_reason_exists(root: Path, reasons: set[str]) -> None:
    """A reason is described by a heading or a table row that starts with its code."""
    described = re.findall(r"^(?:#+|\|)\s*`([a-z0-9-]+)`", reference(root, "reasons.md"), re.M)
    assert described
    assert sorted(set(described) - reasons) == []


def test_every_route_is_described(root: Path) -> None:
    nothing: Any = None
    routes = [
        f"{route.method} {route.resource.canonical}"
        for route in build_app(nothing, max_message_bytes=1, watch=nothing).router.routes()
        if route.resource is not None and route.method != "HEAD"
    ]
    text = reference(root, "api.md")
    assert len(routes) > 5
    assert [route for route in routes if not re.search(rf"{re.escape(route)}(?![\w/{{])", text)] == []


def test_every_setting_is_described(root: Path) -> None:
    text = reference(root, "settings.md")
    assert [field.name for field in msgspec.structs.fields(Settings) if f"`{field.name}`" not in text] == []


def test_every_threat_names_a_test_that_exists(root: Path) -> None:
    text = (root / "THREAT_MODEL.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| threat")]
    named = {row: re.findall(r"`(tests/[\w/]+\.py)`", row) for row in rows}
    assert rows
    assert [row for row, tests in named.items() if not tests] == []
    assert {test for tests in named.values() for test in tests if not (root / test).exists()} == set()
