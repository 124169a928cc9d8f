"""Back a hub up in the middle of traffic, kill it, and restore: what was receipted before is there with its receipt."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.cli.main import cli
from exchange.client import Client
from exchange.config import Home
from exchange.operation.backup import back_up
from exchange.operation.manifest import FILE, read_manifest
from exchange.sandbox import making, ready
from exchange.sandbox.province import LAM_SON, ONE_STOP
from trust_store.errors import Refused
from trust_store.keys import load_pem

ROOT = Path(__file__).parents[2]
LETTERS = 40


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backup") / "hub"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONGVAN_INLINE_BYTES", "0")  # what is made now are files; what is sent later is not
        asyncio.run(making.make(folder))
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Home:
    shutil.copytree(template, tmp_path / "hub")
    return Home(tmp_path / "hub")


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, [str(item) for item in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result


@contextlib.contextmanager
def serving(folder: Path, file: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    command = [sys.executable, "-m", "exchange", "sandbox", "--dir", str(folder), "--port", "0"]
    file.unlink(missing_ok=True)
    process = subprocess.Popen([*command, "--ready-file", str(file)], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not file.exists():
            assert process.poll() is None, "the sandbox ended by itself"
            assert time.monotonic() < deadline, "the sandbox did not come up"
            time.sleep(0.05)
        yield process, ready.read(file).url
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def letters(folder: Path) -> list[bytes]:
    stem = folder / "parties" / LAM_SON
    key = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
    return [
        sign(
            build(
                draft_letter(
                    sender=Organ(organ_id=LAM_SON),
                    receivers=[Organ(organ_id=ONE_STOP)],
                    number=str(number),
                    notation="CV-BK",
                    subject=f"Thư số {number}",
                    at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
                    files=[("a.pdf", b"%PDF-1.4 " + os.urandom(2000))],
                )
            ),
            key,
        )
        for number in range(1, LETTERS + 1)
    ]


async def send_and_back_up(url: str, token: str, sent: list[bytes], back_it_up: Callable[[], None]) -> dict[int, str]:
    """Send all the time; return the receipts that came before the backup began."""
    receipts: dict[int, str] = {}
    enough = asyncio.Event()

    async def send() -> None:
        async with Client(url, token, timeout=30) as client:
            for index, letter in enumerate(sent):
                receipts[index] = (await client.submit(letter)).receipt
                if index == LETTERS // 4:
                    enough.set()

    sending = asyncio.create_task(send())
    await enough.wait()
    before = dict(receipts)
    await asyncio.to_thread(back_it_up)
    await sending
    return before


@pytest.mark.timeout(180)
def test_what_was_receipted_before_a_backup_is_restored_with_its_receipt(home: Home, tmp_path: Path) -> None:
    token = ready.read(home.folder / ready.FILE).party(LAM_SON).token
    sent, copy, restored = letters(home.folder), tmp_path / "copy", tmp_path / "restored"
    said: list[Result] = []

    def back_it_up() -> None:
        said.append(run("backup", "--dir", home.folder, "--to", copy, "--with-keys"))

    with serving(home.folder, tmp_path / "ready.json") as (process, url):
        before = asyncio.run(send_and_back_up(url, token, sent, back_it_up))
        process.kill()
    assert said[0].exit_code == 0, said[0].output
    assert before

    result = run("restore", "--from", copy, "--dir", restored)
    assert result.exit_code == 0, result.output
    for name in ("sandbox.json", "parties"):
        path = home.folder / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, restored / name)
    with serving(restored, tmp_path / "again.json") as (_, url):

        async def resend() -> dict[int, str]:
            async with Client(url, token, timeout=30) as client:
                return {index: (await client.submit(sent[index])).receipt for index in before}

        assert asyncio.run(resend()) == before


def back(home: Home, to: Path, **options: bool) -> int:
    return back_up(home, to, at=datetime.now(UTC), **options).added


def test_a_second_backup_adds_only_what_is_new(home: Home, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    first = back(home, copy)
    assert first == len(list(home.blobs.glob("??/*"))) > 0
    assert back(home, copy) == 0
    assert len(list(copy.glob("snapshot-*"))) == 1
    assert len(read_manifest(copy).files) == len([path for path in copy.rglob("*") if path.is_file()]) - 1


def test_files_of_one_disk_are_linked_and_others_copied(home: Home, tmp_path: Path, monkeypatch) -> None:
    back(home, tmp_path / "linked")
    blob = next(home.blobs.glob("??/*"))
    place = blob.relative_to(home.folder)
    assert (tmp_path / "linked" / place).samefile(blob)

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    back(home, tmp_path / "copied")
    assert not (tmp_path / "copied" / place).samefile(blob)
    assert (tmp_path / "copied" / place).read_bytes() == blob.read_bytes()


def test_keys_are_copied_only_where_they_are_wanted(home: Home, tmp_path: Path) -> None:
    result = run("backup", "--dir", home.folder, "--to", tmp_path / "without")
    assert result.exit_code == 0
    assert "private keys are not in it" in result.stderr
    assert [*(tmp_path / "without").rglob("*.key.pem"), *(tmp_path / "without").rglob("systems.key")] == []
    back(home, tmp_path / "with", with_keys=True)
    keys = [*(tmp_path / "with").rglob("*.key.pem"), *(tmp_path / "with").rglob("systems.key")]
    assert {path.name for path in keys} == {"hub.key.pem", "authority.key.pem", "log.key.pem", "systems.key"}
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}

    bare = run("restore", "--from", tmp_path / "without", "--dir", tmp_path / "bare")
    assert (bare.exit_code, "key-unusable" in bare.stdout) == (2, True)
    assert "systems-key-missing" in bare.stdout
    whole = run("restore", "--from", tmp_path / "without", "--keys", home.keys, "--dir", tmp_path / "whole")
    assert whole.exit_code == 0, whole.output
    assert (tmp_path / "whole" / "keys" / "systems.key").read_bytes() == home.vault.read_bytes()


def first(copy: Path, end: str) -> Path:
    return next(copy / item.path for item in read_manifest(copy).files if item.path.endswith(end))


def a_blob(copy: Path) -> Path:
    return next(copy / item.path for item in read_manifest(copy).files if item.path.startswith("blobs/"))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "find"),
    [
        (flip, a_blob),
        (Path.unlink, a_blob),
        (lambda path: os.truncate(path, 4096), lambda copy: first(copy, "hub.db")),
        (flip, lambda copy: first(copy, "hub.db")),
        (flip, lambda copy: first(copy, "hub.toml")),
        (flip, lambda copy: copy / FILE),
        (lambda path: os.truncate(path, 100), lambda copy: copy / FILE),
    ],
    ids=[
        "a bit of a blob",
        "a lost blob",
        "a short database",
        "a bit of the database",
        "settings",
        "manifest",
        "short manifest",
    ],
)
def test_a_damaged_backup_is_named_and_not_restored(
    home: Home, tmp_path: Path, damage: Callable[[Path], object], find: Callable[[Path], Path]
) -> None:
    copy, new = tmp_path / "copy", tmp_path / "new"
    back(home, copy, with_keys=True)
    path = find(copy)
    damage(path)
    result = run("restore", "--from", copy, "--dir", new)
    assert result.exit_code == 1
    assert result.stderr.startswith("backup-damaged: ")
    assert path.name == FILE or path.relative_to(copy).as_posix() in result.stderr
    assert not new.exists()


def test_a_folder_without_manifest_is_no_backup(home: Home, tmp_path: Path) -> None:
    back(home, tmp_path / "copy")
    (tmp_path / "copy" / FILE).unlink()
    assert run("restore", "--from", tmp_path / "copy", "--dir", tmp_path / "new").stderr.startswith("backup-missing: ")
    assert back(home, tmp_path / "copy") == len(list(home.blobs.glob("??/*")))


def test_a_manifest_cannot_write_outside_of_the_new_folder(home: Home, tmp_path: Path) -> None:
    import hashlib

    back(home, tmp_path / "copy")
    written = json.loads((tmp_path / "copy" / FILE).read_bytes())
    written["manifest"]["files"][0]["place"] = "../outside"
    body = json.dumps(written["manifest"], separators=(",", ":"), ensure_ascii=False)
    forged = f'{{"sha256":"{hashlib.sha256(body.encode()).hexdigest()}","manifest":{body}}}'
    (tmp_path / "copy" / FILE).write_text(forged, "utf-8")
    result = run("restore", "--from", tmp_path / "copy", "--dir", tmp_path / "new")
    assert result.stderr.startswith("backup-damaged: The manifest names a file outside")
    assert not (tmp_path / "outside").exists()


def test_a_hub_is_never_written_over(home: Home, tmp_path: Path) -> None:
    back(home, tmp_path / "copy")
    before = home.settings.read_bytes()
    assert run("restore", "--from", tmp_path / "copy", "--dir", home.folder).stderr.startswith("hub-exists: ")
    assert home.settings.read_bytes() == before
    with pytest.raises(Refused) as refusal:
        back_up(home, home.folder, at=datetime.now(UTC))
    assert refusal.value.reason.code == "backup-folder"


def test_bytes_that_the_hub_lost_come_from_the_backup_before_or_are_told(home: Home, tmp_path: Path) -> None:
    back(home, tmp_path / "copy")
    lost, changed = sorted(home.blobs.glob("??/*"))[:2]
    lost.unlink()
    flip(changed)
    made = back_up(home, tmp_path / "copy", at=datetime.now(UTC))
    assert made.manifest.missing == ()
    assert (tmp_path / "copy" / "blobs" / lost.parent.name / lost.name).exists()
    result = run("backup", "--dir", home.folder, "--to", tmp_path / "new")
    assert result.exit_code == 1
    assert set(read_manifest(tmp_path / "new").missing) == {lost.name, changed.name}


def test_backup_and_restore_are_in_the_audit_trail(home: Home, tmp_path: Path) -> None:
    run("backup", "--dir", home.folder, "--to", tmp_path / "copy", "--with-keys")
    run("restore", "--from", tmp_path / "copy", "--dir", tmp_path / "new")
    with (
        contextlib.closing(sqlite3.connect(home.database)) as old,
        contextlib.closing(sqlite3.connect(tmp_path / "new" / "hub.db")) as new,
    ):
        query = "SELECT event FROM audit ORDER BY number DESC LIMIT 1"
        assert (old.execute(query).fetchone(), new.execute(query).fetchone()) == (("backup-made",), ("restored",))


def test_a_backup_is_restored_into_the_folder_where_one_stands(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("backup", "--dir", home.folder, "--to", tmp_path / "copy", "--with-keys")
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    result = run("restore", "--from", Path("..") / "copy", "--dir", ".")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Nothing is wrong.")
    assert (tmp_path / "new" / "hub.db").is_file()
