"""Whatever is changed in the log of a hub, fsck names the first thing that does not follow from the rest."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from exchange.cli.main import cli
from exchange.config import Home
from exchange.core.model import PartyId
from exchange.errors import NOT_SENDER
from exchange.sandbox import making
from exchange.sandbox.province import LAM_SON
from exchange.wiring import open_exchange
from trust_store.errors import Refused


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a hub with the usual history and some hundred refusals, so that its log has a full tile."""
    folder = tmp_path_factory.mktemp("fsck") / "hub"

    async def make() -> None:
        await making.make(folder)
        async with open_exchange(Home(folder)) as exchange:
            hub = exchange.hub
            sender = await hub.store.directory.get(PartyId(LAM_SON))
            assert sender is not None
            for number in range(300):
                refusal = Refused(NOT_SENDER, str(number))
                statement = hub.registrar.reject(refusal, sender, f"{number:064x}", 1, hub.clock.now())
                await hub.store.evidence.add(statement)

    asyncio.run(make())
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "hub"))


def fsck(folder: Path, *more: object) -> tuple[int, list[dict[str, str]]]:
    done = CliRunner().invoke(cli, ["fsck", "--dir", str(folder), "--json", *map(str, more)])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_hub_as_it_was_made_is_sound(folder: Path) -> None:
    assert fsck(folder) == (0, [])
    said = CliRunner().invoke(cli, ["fsck", "--dir", str(folder), "--log-only"])
    assert said.exit_code == 0
    assert "entries are as they must be" in said.output


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("UPDATE log_entries SET entry = zeroblob(32) WHERE place = 7", "log-entry-wrong"),
        ("UPDATE log_entries SET number = number + 100000 WHERE place = 7", "log-entry-wrong"),
        ("UPDATE log_entries SET mailbox = 'other' WHERE place = 7", "log-entry-wrong"),
        ("UPDATE log_entries SET message = 'other' WHERE place = 1", "log-entry-wrong"),
        ("DELETE FROM log_entries WHERE place = 7", "log-entry-wrong"),
        ("UPDATE evidence SET salt = zeroblob(16) WHERE id = (SELECT evidence FROM log_entries WHERE place = 7)",
         "log-entry-wrong"),
        ("UPDATE evidence SET text = CAST(text || ' ' AS BLOB) WHERE id = (SELECT evidence FROM log_entries WHERE place = 7)",
         "log-entry-wrong"),
        ("UPDATE evidence SET leaf = zeroblob(32) WHERE id = (SELECT evidence FROM log_entries WHERE place = 7)",
         "log-entry-wrong"),
        ("DELETE FROM evidence WHERE id = (SELECT evidence FROM log_entries WHERE place = 7)", "log-entry-wrong"),
        ("UPDATE log_checkpoints SET note = (SELECT note FROM log_checkpoints WHERE size = 0) WHERE size ="
         " (SELECT min(size) FROM log_checkpoints WHERE size > 0)", "log-checkpoint-wrong"),
        ("UPDATE log_checkpoints SET edge = CAST(edge || zeroblob(32) AS BLOB) WHERE size > 5", "log-checkpoint-wrong"),
        ("UPDATE log_checkpoints SET note = 'nothing' WHERE size > 5", "log-checkpoint-wrong"),
        ("DELETE FROM log_checkpoints WHERE size = (SELECT max(size) FROM log_checkpoints)", "log-checkpoint-wrong"),
        ("UPDATE log_tiles SET hashes = zeroblob(8192) WHERE level = 0 AND tile = 0", "log-tile-wrong"),
        ("UPDATE log_tiles SET hashes = zeroblob(32) WHERE level = 1", "log-tile-wrong"),
        ("DELETE FROM log_tiles WHERE level = 0 AND tile = 1", "log-tile-wrong"),
        ("UPDATE evidence SET id = 'another' WHERE id = (SELECT evidence FROM log_entries ORDER BY place DESC LIMIT 1)",
         "log-evidence-outside"),
        ("UPDATE log_entries SET entry = 7 WHERE place = 7", "log-entry-wrong"),
        ("UPDATE evidence SET text = 'text' WHERE id = (SELECT evidence FROM log_entries WHERE place = 7)",
         "database-damaged"),
    ],
)  # fmt: skip
def test_whatever_is_changed_is_named(folder: Path, change: str, name: str) -> None:
    with sqlite3.connect(folder / "hub.db") as database:
        assert database.execute(change).rowcount > 0
    code, found = fsck(folder, "--log-only")
    assert code == 2
    assert name in {each["name"] for each in found}


def test_the_first_divergence_is_named_with_its_place(folder: Path) -> None:
    with sqlite3.connect(folder / "hub.db") as database:
        database.execute("UPDATE log_entries SET entry = zeroblob(32) WHERE place IN (7, 9)")
        ((evidence,),) = database.execute("SELECT evidence FROM log_entries WHERE place = 7").fetchall()
    code, found = fsck(folder, "--log-only")
    assert (code, [(each["name"], each["subject"]) for each in found]) == (2, [("log-entry-wrong", evidence)])
    assert "at 7 " in found[0]["text"]


def test_a_walk_goes_on_where_it_was(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "progress.json"
    assert fsck(folder, "--resume", kept) == (0, [])
    before = json.loads(kept.read_bytes())
    with sqlite3.connect(folder / "hub.db") as database:
        database.execute(
            "UPDATE evidence SET text = CAST(text || ' ' AS BLOB) WHERE id = (SELECT evidence FROM log_entries WHERE place = 7)"
        )
        ((size,),) = database.execute("SELECT max(size) FROM log_checkpoints").fetchall()
    assert before["size"] == size
    assert fsck(folder, "--resume", kept, "--log-only")[0] == 0
    assert fsck(folder, "--log-only")[0] == 2


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"log": 1, "size": 3, "roots": []}', b'{"log": 1, "size": 1, "roots": ["x"]}']
)
def test_a_file_that_is_no_progress_is_refused(folder: Path, tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "progress.json"
    kept.write_bytes(content)
    said = CliRunner().invoke(cli, ["fsck", "--dir", str(folder), "--resume", str(kept)])
    assert said.exit_code == 1
    assert "fsck-progress-malformed" in said.output
