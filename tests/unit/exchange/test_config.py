"""Settings come from hub.toml, the environment has the last word, and whatever is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.config import Home, Settings, read_settings
from trust_store.errors import Refused

BASE = 'name = "Trục liên thông"\ncode = "000.00.99.H56"\n'


def _home(folder: Path, text: str | bytes) -> Home:
    data = text.encode() if isinstance(text, str) else text
    (folder / "hub.toml").write_bytes(data)
    return Home(folder)


def _refused(home: Home, environment: dict[str, str]) -> Refused:
    with pytest.raises(Refused) as refusal:
        read_settings(home, environment)
    return refusal.value


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    found = read_settings(_home(tmp_path, BASE), {})
    assert found == Settings(name="Trục liên thông", code="000.00.99.H56")
    assert (found.max_message_bytes, found.sweep_seconds) == (48 * 1024 * 1024, 5.0)


def test_what_is_said_counts(tmp_path: Path) -> None:
    found = read_settings(_home(tmp_path, BASE + "max_message_bytes = 1000\nsweep_seconds = 1\n"), {})
    assert (found.max_message_bytes, found.sweep_seconds) == (1000, 1.0)


def test_the_environment_has_the_last_word(tmp_path: Path) -> None:
    environment = {"CONGVAN_NAME": "Khác", "CONGVAN_MAX_MESSAGE_BYTES": "2000", "CONGVAN_TOKEN": "x", "NAME": "y"}
    found = read_settings(_home(tmp_path, BASE + "max_message_bytes = 1000\n"), environment)
    assert (found.name, found.code, found.max_message_bytes) == ("Khác", "000.00.99.H56", 2000)


@pytest.mark.parametrize(
    ("text", "environment", "named"),
    [
        (BASE + "colour = 1\n", {}, "colour"),
        (BASE + 'max_message_bytes = "many"\n', {}, "max_message_bytes"),
        (BASE + "sweep_seconds = []\n", {}, "sweep_seconds"),
        (BASE, {"CONGVAN_SWEEP_SECONDS": "soon"}, "sweep_seconds"),
        ('code = "1"\n', {}, "name"),
        ("name = '1'\ncode = []\n", {}, "code"),
        ("name =", {}, "TOML"),
        (b'name = "\xff"\ncode = "1"\n', {}, "hub.toml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str | bytes, environment: dict[str, str], named: str) -> None:
    refusal = _refused(_home(tmp_path, text), environment)
    assert refusal.reason.code == "setting-malformed"
    assert named in refusal.detail


def test_a_folder_without_settings_is_no_hub(tmp_path: Path) -> None:
    assert _refused(Home(tmp_path), {}).reason.code == "hub-missing"
