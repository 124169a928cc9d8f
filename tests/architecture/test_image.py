"""The container image keeps its promises, as far as its recipe tells without an engine to build it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from exchange.cli.main import COMMANDS


@pytest.fixture(scope="module")
def steps(root: Path) -> list[tuple[str, str]]:
    """Read the recipe as pairs of instruction and argument, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (root / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def final(steps: list[tuple[str, str]]) -> dict[str, str]:
    """Take the last stage, which is what runs."""
    start = max(index for index, (word, _) in enumerate(steps) if word == "FROM")
    return dict(steps[start:])


def test_it_runs_as_an_ordinary_user(steps: list[tuple[str, str]]) -> None:
    assert final(steps)["USER"] not in {"root", "0"}


def test_it_says_whether_it_is_well(steps: list[tuple[str, str]]) -> None:
    last = final(steps)
    assert f"127.0.0.1:{last['EXPOSE']}/healthz" in last["HEALTHCHECK"]


def test_it_starts_a_command_that_exists(steps: list[tuple[str, str]]) -> None:
    last = final(steps)
    assert json.loads(last["ENTRYPOINT"]) == ["congvan"]
    started = json.loads(last["CMD"])
    assert started[0] in COMMANDS
    assert started[started.index("--dir") + 1] == last["VOLUME"]
    assert started[started.index("--port") + 1] == last["EXPOSE"]


def test_nothing_is_fetched_but_by_hash(steps: list[tuple[str, str]]) -> None:
    assert [word for word, _ in steps if word == "ADD"] == []
    installing = re.findall(r"pip (?:install|download|wheel)[^&]*", " && ".join(text for _, text in steps))
    assert len(installing) == 4
    assert [command for command in installing if not re.search("--require-hashes|--no-index", command)] == []


def test_what_it_copies_exists_and_is_sent(root: Path, steps: list[tuple[str, str]]) -> None:
    copied = {name for word, text in steps if word == "COPY" and "--from" not in text for name in text.split()[:-1]}
    sent = {line[1:] for line in (root / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert copied == sent
    assert [name for name in sorted(copied) if not (root / name).exists()] == []
