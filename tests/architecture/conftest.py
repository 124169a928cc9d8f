"""The files that the rules of the house are measured on."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOMS = ("trust_store", "envelopes", "exchange", "adapters")


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def sources(root: Path) -> dict[str, ast.Module]:
    """Map the path of every source file of the four rooms to its syntax tree."""
    files = sorted(file for room in ROOMS for file in (root / room).rglob("*.py"))
    return {file.relative_to(root).as_posix(): ast.parse(file.read_text("utf-8")) for file in files}


@pytest.fixture(scope="session")
def tracked(root: Path) -> list[Path]:
    """List the files that are, or are about to be, in the repository, relative to its root."""
    if not (root / ".git").exists():
        pytest.skip("not a checkout: which files belong to the repository is not known, 5 cases left out")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout.decode().split("\0")
    return [Path(name) for name in listed if name and (root / name).is_file()]
