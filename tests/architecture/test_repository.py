"""The repository holds what belongs to it, and nothing of the machine or the network that it was made on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDERS = {".ci", "adapters", "bench", "docs", "envelopes", "exchange", "tests", "trust_store"}
FILES = {
    ".dockerignore", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE", "Makefile", "README.md",
    "SECURITY.md", "THREAT_MODEL.md", "compose.yaml", "pyproject.toml", "requirements.lock", "ruff.toml", "setup.cfg",
}  # fmt: skip
MACHINE = rf"(?<![\w.}}])/({'|'.join(('work', 'root', 'home', 'Users'))})/\w"
INDEX = r"(?<!\w)-{2}(extra-)?index-url|pythonhosted\.|pypi\.org/simple|registry\.npmjs"
PRIVATE = r"-----BEGIN [A-Z ]*PRIVATE KEY-----(\\n|\s)+[A-Za-z0-9+/=]{40}"


def matching(root: Path, tracked: list[Path], pattern: str) -> list[str]:
    """List the text files in which a pattern occurs, with what was found."""
    found = ((path, re.search(pattern, (root / path).read_text("utf-8", "replace"))) for path in tracked)
    return [f"{path}: {match[0]}" for path, match in found if match]


def test_the_root_holds_nothing_else(tracked: list[Path]) -> None:
    assert {path.parts[0] for path in tracked if len(path.parts) > 1} <= FOLDERS
    assert {path.name for path in tracked if len(path.parts) == 1} <= FILES


@pytest.mark.parametrize("pattern", [MACHINE, INDEX], ids=["paths of a machine", "hosts of a package index"])
def test_nothing_names_where_it_was_made(root: Path, tracked: list[Path], pattern: str) -> None:
    assert matching(root, [path for path in tracked if path.name != Path(__file__).name], pattern) == []


def test_private_keys_are_only_in_tests(root: Path, tracked: list[Path]) -> None:
    outside = [path for path in tracked if path.parts[0] != "tests"]
    assert matching(root, outside, PRIVATE) == []
    assert [path for path in outside if path.suffix in {".p12", ".pfx", ".key"}] == []


def test_every_locked_package_has_hashes(root: Path) -> None:
    lock = (root / "requirements.lock").read_text("utf-8")
    entries = re.split(r"^(?=[a-z0-9][\w.-]*==)", lock, flags=re.M)[1:]
    assert len(entries) > 40
    assert [entry.split(" ", 1)[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in lock
