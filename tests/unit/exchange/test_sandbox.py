"""A sandbox is made whole or not at all, is the same hub again, and keeps its secrets from other users."""

from __future__ import annotations

import asyncio
import shutil
import stat
from pathlib import Path

import pytest

from exchange.config import Home
from exchange.core.finding import Box, Search
from exchange.sandbox import making, ready
from exchange.sandbox.province import parties
from exchange.wiring import open_exchange
from trust_store.errors import Refused
from trust_store.keys import load_pem, load_pkcs12


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sandbox") / "hub"
    asyncio.run(making.make(folder))
    return folder


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_readable_by_their_user_only(sandbox: Path) -> None:
    keys = [*sandbox.rglob("*.key.pem"), *sandbox.rglob("*.p12"), sandbox / ready.FILE]
    assert len(keys) == 3 + 2 * len(parties()) + 1
    assert {path.name: _mode(path) for path in keys} == {path.name: 0o600 for path in keys}
    assert _mode(sandbox / "keys") == 0o700


def test_a_ready_file_is_whole_and_readable_by_its_user_only(sandbox: Path, tmp_path: Path) -> None:
    record, path = ready.read(sandbox / ready.FILE), tmp_path / "ready.json"
    located = ready.located(record, sandbox, "http://127.0.0.1:1")
    ready.write(path, located)
    assert _mode(path) == 0o600
    assert ready.read(path) == located
    assert [item.name for item in tmp_path.iterdir()] == ["ready.json"]
    for party in located.parties:
        assert all(Path(name).is_absolute() and Path(name).exists() for name in (party.key, party.cert, party.p12))


def test_every_party_can_sign_and_send(sandbox: Path) -> None:
    located = ready.located(ready.read(sandbox / ready.FILE), sandbox, "")
    assert {party.id for party in located.parties} == {party.id for party in parties()}
    assert len({party.token for party in located.parties}) == len(located.parties)
    for party in located.parties:
        held = load_pem(Path(party.key).read_bytes(), Path(party.cert).read_bytes())
        same = load_pkcs12(Path(party.p12).read_bytes(), party.p12_password.encode())
        assert held.certificate == same.certificate


async def test_the_same_folder_is_the_same_sandbox(sandbox: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    shutil.copytree(sandbox, folder)
    before = (folder / "hub.db").read_bytes()
    assert await making.make(folder) == ready.read(sandbox / ready.FILE)
    assert (folder / "hub.db").read_bytes() == before


async def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Refused) as refusal:
        await making.make(tmp_path)
    assert refusal.value.reason.code == "sandbox-folder"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


async def test_what_a_crash_left_aside_is_cleared_away(sandbox: Path, tmp_path: Path) -> None:
    aside = tmp_path / "hub.making"
    aside.mkdir()
    (aside / "hub.toml").write_text("half")
    await making.make(tmp_path / "hub", history=False)
    assert [path.name for path in tmp_path.iterdir()] == ["hub"]


async def test_the_history_waits_in_the_mailboxes(sandbox: Path, tmp_path: Path) -> None:
    shutil.copytree(sandbox, tmp_path / "hub")
    async with open_exchange(Home(tmp_path / "hub")) as exchange:
        store = exchange.hub.store
        sent = {party.id: await store.messages.sent(party.id, Search(kind="letter", limit=10)) for party in parties()}
        assert sum(len(letters) for letters in sent.values()) == 4
        waiting = [
            await store.mailboxes.inbox(party.id, Search(box=Box.WAITING), exchange.hub.clock.now())
            for party in parties()
        ]
        assert sum(len(found) for found in waiting) > 4
