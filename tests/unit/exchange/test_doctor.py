"""The doctor finds what is broken, names it, says what to do, and finds nothing where nothing is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from exchange.cli.main import cli
from exchange.config import Home
from exchange.operation.doctor import examine_hub, exit_code
from exchange.operation.findings import RULES, Finding, Severity
from exchange.sandbox import making

DAY = 86400


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doctor") / "hub"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONGVAN_INLINE_BYTES", "0")
        asyncio.run(making.make(folder))
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Home:
    shutil.copytree(template, tmp_path / "hub")
    return Home(tmp_path / "hub")


def examine(home: Home, *, deep: bool = False, days: float = 0, **environment: str) -> list[Finding]:
    at = datetime.now(UTC) + timedelta(days=days)
    return list(examine_hub(home, at=at, deep=deep, environment=environment))


def names(home: Home, **options: object) -> set[str]:
    return {item.rule.name for item in examine(home, **options)}


def change(home: Home, *statements: str) -> None:
    with sqlite3.connect(home.database) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def blob(home: Home) -> Path:
    return sorted(home.blobs.glob("??/*"))[0]


def move_in(home: Home, edit: Callable[[bytes], bytes] = bytes) -> None:
    """Keep the bytes of one message in the database and not as a file."""
    path = blob(home)
    with sqlite3.connect(home.database) as connection:
        (row,) = connection.execute("SELECT sender, key FROM messages WHERE digest = ?", (path.name,)).fetchall()
        connection.execute("INSERT INTO contents VALUES (?, ?, ?)", (*row, edit(path.read_bytes())))
    connection.close()
    path.unlink()


def age(path: Path, seconds: float = 2 * DAY) -> None:
    moment = datetime.now(UTC).timestamp() - seconds
    os.utime(path, (moment, moment))


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def put(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    age(path)


def swap_keys(home: Home) -> None:
    shutil.copy(home.keys / "authority.key.pem", home.keys / "hub.key.pem")


HELD = (
    "UPDATE deliveries SET held = 'quarantined' WHERE message = (SELECT min(message) FROM deliveries)",
    "INSERT INTO remarks SELECT sender, key, 'message-quarantined', 1, 'message-quarantined', '' FROM messages"
    " WHERE key = (SELECT min(message) FROM deliveries)",
)
BROKEN: dict[str, tuple[str, Callable[[Home], object]]] = {
    "mail that was given up": (
        "mail-undelivered",
        lambda home: change(home, "INSERT INTO mails VALUES ('a', 'b', 'c@d', 'failed', 14, 0, '550 nobody')"),
    ),
    "a message that nobody decided about": ("quarantine-waiting", lambda home: change(home, *HELD)),
    "an authority of clients that is none": (
        "certificate-unreadable",
        lambda home: append(home.settings, 'client_ca = "hub.toml"\n'),
    ),
    "an unknown setting": ("settings-wrong", lambda home: append(home.settings, "colour = 1\n")),
    "no settings": ("settings-wrong", lambda home: home.settings.unlink()),
    "an open folder": ("folder-open", lambda home: home.folder.chmod(0o755)),
    "a readable key": ("key-readable", lambda home: (home.keys / "hub.key.pem").chmod(0o644)),
    "readable keys": ("key-readable", lambda home: home.keys.chmod(0o755)),
    "a stray file": ("file-stray", lambda home: put(home.folder / "notes.txt")),
    "a write that never ended": ("blob-unfinished", lambda home: put(home.blobs / "ab" / ".tmpx")),
    "little disk": ("disk-low", lambda home: append(home.settings, f"min_free_bytes = {2**62}\n")),
    "no key": ("key-unusable", lambda home: (home.keys / "hub.key.pem").unlink()),
    "another key": ("key-unusable", swap_keys),
    "no key known": ("hub-key-missing", lambda home: change(home, "DELETE FROM hub_keys")),
    "a key with a name that cannot be read": (
        "key-unusable",
        lambda home: change(home, "UPDATE hub_keys SET place = 'pkcs11:object=a'"),
    ),
    "a key of a change that was broken off": (
        "hub-key-unused",
        lambda home: put(home.keys / "hub-0123456789abcdef.key.pem"),
    ),
    "a PIN that others can read": (
        "key-readable",
        lambda home: (put(home.folder / "pin"), append(home.settings, "signing_password_file = 'pin'\n")),
    ),
    "no anchor file": ("anchor-unreadable", lambda home: home.anchor.unlink()),
    "no anchor": ("anchor-none", lambda home: change(home, "DELETE FROM trust_certificates")),
    "a spoiled certificate": (
        "certificate-unreadable",
        lambda home: change(home, "UPDATE party_certificates SET der = x'00' WHERE party = '2899000016'"),
    ),
    "a party without certificate": (
        "party-without-certificate",
        lambda home: change(home, "DELETE FROM party_certificates"),
    ),
    "a party without token": ("party-without-token", lambda home: change(home, "DELETE FROM tokens")),
    "a truncated database": ("database-damaged", lambda home: os.truncate(home.database, 8192)),
    "no database": ("database-damaged", lambda home: home.database.unlink()),
    "a text as database": ("database-damaged", lambda home: put(home.database, "no database" * 1000)),
    "a strange table": ("database-foreign", lambda home: change(home, "CREATE TABLE mine (x)")),
    "a lost table": ("database-damaged", lambda home: change(home, "DROP TABLE statuses")),
    "another revision": (
        "database-revision",
        lambda home: change(home, "UPDATE alembic_version SET version_num = '9999'"),
    ),
    "a lost message": (
        "delivery-without-message",
        lambda home: change(home, "DELETE FROM messages WHERE key = (SELECT message FROM deliveries LIMIT 1)"),
    ),
    "lost deliveries": ("message-without-delivery", lambda home: change(home, "DELETE FROM deliveries")),
    "lost evidence": (
        "evidence-missing",
        lambda home: change(home, "DELETE FROM evidence WHERE id = (SELECT receipt FROM messages LIMIT 1)"),
    ),
    "an unsealed statement": (
        "statement-unsealed",
        lambda home: change(
            home, "UPDATE evidence SET sealed = NULL, at = at - 120000000 WHERE id = (SELECT max(id) FROM evidence)"
        ),
    ),
    "a stuck lease": (
        "lease-stuck",
        lambda home: change(home, "UPDATE deliveries SET leased_until = consigned_at + 86400000000"),
    ),
    "statements from tomorrow": (
        "clock-behind",
        lambda home: change(home, "UPDATE evidence SET at = at + 86400000000"),
    ),
    "a text where bytes belong": (
        "database-damaged",
        lambda home: change(home, "UPDATE trust_certificates SET der = 'x'"),
    ),
    "a lost blob": ("blob-missing", lambda home: blob(home).unlink()),
    "a short blob": ("blob-size", lambda home: os.truncate(blob(home), 100)),
    "a part of no upload": ("upload-orphan", lambda home: put(home.parts / ("a" * 26))),
    "an orphan": ("blob-orphan", lambda home: put(home.blobs / "00" / ("00" * 32))),
}
DEEP: dict[str, tuple[str, Callable[[Home], object]]] = {
    "a changed blob": ("blob-changed", lambda home: flip(blob(home))),
    "changed bytes in the database": ("blob-changed", lambda home: move_in(home, lambda data: data + b" ")),
    "another class than recorded, of bytes in the database": (
        "signature-unverified",
        lambda home: (move_in(home), change(home, "UPDATE messages SET signature_class = 'absent'")),
    ),
    "another class than recorded": (
        "signature-unverified",
        lambda home: change(home, "UPDATE messages SET signature_class = 'absent'"),
    ),
    "a receipt of something else": (
        "receipt-unverified",
        lambda home: change(
            home,
            "UPDATE evidence SET sealed = (SELECT sealed FROM evidence WHERE sealed IS NOT NULL ORDER BY id LIMIT 1)",
        ),
    ),
    "a spoiled receipt": (
        "receipt-unverified",
        lambda home: change(home, "UPDATE evidence SET sealed = CAST(replace(sealed, 'Evidence', 'Evidenze') AS BLOB)"),
    ),
}


@pytest.mark.parametrize("deep", [False, True])
def test_nothing_is_found_where_nothing_is_wrong(home: Home, deep: bool) -> None:
    assert examine(home, deep=deep) == []
    move_in(home)
    assert examine(home, deep=deep) == []


@pytest.mark.parametrize(("name", "damage"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_found(home: Home, name: str, damage: Callable[[Home], object]) -> None:
    damage(home)
    assert name in names(home)


@pytest.mark.parametrize(("name", "damage"), DEEP.values(), ids=DEEP)
def test_a_deep_look_finds_what_sizes_do_not_tell(home: Home, name: str, damage: Callable[[Home], object]) -> None:
    damage(home)
    assert name not in names(home)
    assert name in names(home, deep=True)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (365 * 2 - 10, {"party-certificate-ending"}),
        (365 * 2 + 1, {"party-certificate-ended"}),
        (365 * 5 - 10, {"hub-certificate-ending"}),
        (365 * 5 + 1, {"hub-certificate-ended"}),
        (3650 - 10, {"authority-ending"}),
        (3660, {"authority-ended"}),
    ],
)
def test_what_ends_is_told_before_and_after(home: Home, days: int, expected: set[str]) -> None:
    assert expected <= names(home, days=days)


def test_a_changed_audit_trail_is_found(home: Home) -> None:
    """Whoever writes past the triggers cannot write past the chain."""
    with sqlite3.connect(home.database) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (trigger,) in triggers:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(
            "INSERT INTO audit SELECT coalesce(max(number), 0) + 1, 1, 'x', 'y', '', '', zeroblob(32), zeroblob(32) FROM audit"
        )
    connection.close()
    assert "audit-trail-broken" in names(home)


def test_the_folder_is_not_changed(home: Home) -> None:
    def files() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in home.folder.rglob("*") if path.is_file()}

    before = {name: data for name, data in files().items() if not name.endswith(("-wal", "-shm"))}
    examine(home, deep=True)
    after = {name: data for name, data in files().items() if not name.endswith(("-wal", "-shm"))}
    assert after == before


def test_the_exit_code_says_how_bad_it_is(home: Home) -> None:
    def run(*options: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["doctor", "--dir", str(home.folder), *options])
        return result.exit_code, result.stdout

    assert run("--deep") == (0, "Nothing is wrong.\n")
    put(home.folder / "notes.txt")
    assert run()[0] == 0
    home.folder.chmod(0o755)
    assert run()[0] == 1
    blob(home).unlink()
    code, said = run("--json")
    found = [json.loads(line) for line in said.splitlines()]
    assert code == 2
    assert [item["severity"] for item in found] == sorted(
        (item["severity"] for item in found), key=["error", "warning", "note"].index
    )
    assert all(item["text"] and item["fix"] and item["name"] in RULES for item in found)


def test_nothing_in_an_empty_folder_is_a_stack_trace(tmp_path: Path) -> None:
    assert exit_code(examine(Home(tmp_path / "none"))) == 2
    (tmp_path / "empty").mkdir(mode=0o700)
    assert {"settings-wrong", "anchor-unreadable", "database-damaged"} <= names(Home(tmp_path / "empty"))


def test_every_kind_of_finding_is_described() -> None:
    page = (Path(__file__).parents[3] / "docs" / "howto" / "operate-a-hub.md").read_text("utf-8")
    described = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert [name for name in RULES if name not in described] == []
    assert [name for name, item in RULES.items() if item.severity not in described[name]] == []
    assert set(Severity) == {item.severity for item in RULES.values()}
