"""The key that secrets are locked with."""

from __future__ import annotations

import pytest

from exchange.auth.vault import FileVault
from exchange.machine import SystemEntropy
from trust_store.errors import Refused


@pytest.fixture
def path(tmp_path):
    return tmp_path / "systems.key"


def vault(path) -> FileVault:
    return FileVault(path, SystemEntropy())


def test_what_is_locked_comes_back_and_tells_nothing(path) -> None:
    locked = vault(path).lock(b"secret", "system a")
    assert b"secret" not in locked
    assert vault(path).unlock(locked, "system a") == b"secret"
    assert vault(path).lock(b"secret", "system a") != locked


def test_the_key_is_made_once_and_for_its_user_only(path) -> None:
    assert not path.exists()
    vault(path).lock(b"", "")
    key = path.read_bytes()
    assert (len(key), path.stat().st_mode & 0o777) == (32, 0o600)
    vault(path).lock(b"", "")
    assert path.read_bytes() == key
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("change", ["about", "bit", "short", "key", "no key", "broken key"])
def test_what_was_changed_or_locked_elsewhere_stays_locked(path, change) -> None:
    locked, about = vault(path).lock(b"secret", "system a"), "system a"
    if change == "about":
        about = "system b"
    elif change == "bit":
        locked = locked[:-1] + bytes([locked[-1] ^ 1])
    elif change == "short":
        locked = locked[:5]
    elif change == "key":
        path.write_bytes(bytes(32))
    elif change == "no key":
        path.unlink()
    else:
        path.write_bytes(b"x")
    with pytest.raises(Refused) as refusal:
        vault(path).unlock(locked, about)
    assert refusal.value.reason.code == "vault-locked"
    assert "secret" not in refusal.value.detail.replace("A secret was", "")


def test_a_key_that_cannot_be_written_is_refused(tmp_path) -> None:
    with pytest.raises(Refused) as refusal:
        vault(tmp_path / "nowhere" / "systems.key").lock(b"", "")
    assert refusal.value.reason.code == "storage-failing"
