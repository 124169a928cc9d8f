"""Connected systems by the command line, on a hub that nobody serves; and requests explained."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from exchange.ngsp.headers import sign

SECRET = "a-secret-of-the-test"


@pytest.fixture
def manage(office, tmp_path):
    shutil.copytree(office.unused, tmp_path / "hub")

    def run(verb: str, *arguments: object, fail: bool = False):
        called = ("system", verb, "--dir", tmp_path / "hub", *arguments)
        return office.fail(*called) if fail else office.run(*called)

    return run


def test_a_system_is_connected_shown_and_changed(office, manage, tmp_path) -> None:
    added = manage("add", "--name", "QLVB", "--unsigned", "vxp.1", office.environment)
    assert re.fullmatch(r"[a-z2-7]{52}\n", added.stdout)
    assert added.stdout.strip() not in added.stderr
    assert manage("list").stdout == "vxp.1\tactive\t1\tQLVB\n"
    shown = manage("show", "vxp.1").stdout
    assert added.stdout.strip() not in shown
    assert "may send\tnone, placeholder, valid, wrong-namespace\n" in shown
    assert shown.endswith(f"{office.environment}\tthrough this system only\n")
    listed = manage("agencies", "--add", office.one_stop, "--also-api", "--remove", "h56.12", "vxp.1").stdout
    assert listed == f"{office.one_stop}\tover the API too\n"
    assert "may send\tnone, placeholder, valid" in manage("show", "vxp.1").stdout
    rotated = manage("rotate", "--overlap-hours", "1", "vxp.1")
    assert rotated.stdout != added.stdout
    assert manage("show", "vxp.1").stdout.count("\nsecret ") == 2
    assert manage("suspend", "vxp.1").stdout == "vxp.1 is suspended\n"
    assert manage("resume", "vxp.1").stdout == "vxp.1 is active\n"
    key = tmp_path / "hub" / "keys" / "systems.key"
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("code", "verb", "arguments"),
    [
        ("system-exists", "add", ("--name", "x", "one")),
        ("not-found", "add", ("--name", "x", "two", "nobody")),
        ("request-malformed", "add", ("--name", "x", "a b")),
        ("request-malformed", "add", ("--name", "", "two")),
        ("not-found", "show", ("two",)),
        ("not-found", "rotate", ("two",)),
        ("not-found", "suspend", ("two",)),
        ("not-found", "agencies", ("--add", "nobody", "one")),
    ],
)
def test_what_cannot_be_is_refused(manage, code, verb, arguments) -> None:
    manage("add", "--name", "x", "one")
    assert manage(verb, *arguments, fail=True).startswith(f"{code}: ")


def test_a_secret_is_taken_over_and_not_shown(office, manage, tmp_path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    added = manage("add", "--name", "x", "--secret-file", file, "one")
    assert (added.stdout, SECRET in added.stderr) == ("", False)
    file.write_text("short")
    assert manage("add", "--name", "x", "--secret-file", file, "two", fail=True).startswith("system-secret: ")
    capture = tmp_path / "capture.txt"
    capture.write_bytes(captured())
    assert "WRONG" not in office.run("ngsp", "trace", "--dir", tmp_path / "hub", capture).stdout


def captured(changed: str = "") -> bytes:
    members = {"XroadVnpt-systemid": "one", "XroadVnpt-docId": "1"}
    text = json.dumps(members)
    headers = {**members, "XroadVnpt-sign-header": text, "XroadVnpt-hash-header": sign(SECRET.encode(), text.encode())}
    if changed:
        headers[changed] = "2"
    lines = [
        "POST /axis/getEdoc HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        "XroadVnpt-status: x",
    ]
    return "\r\n".join([*lines, "", "{}"]).encode()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("", ""),
        ("XroadVnpt-docId", "header XroadVnpt-docId: '1' was signed, '2' was received"),
        ("XroadVnpt-hash-header", "system-unknown"),
        ("XroadVnpt-sign-header", "sign-header-malformed"),
    ],
)
def test_a_captured_request_is_explained(office, tmp_path, changed, said) -> None:
    secret, capture = tmp_path / "secret", tmp_path / "capture.txt"
    secret.write_text(SECRET)
    capture.write_bytes(captured(changed))
    told = office.run("ngsp", "trace", "--secret-file", secret, capture, code=1 if changed else 0).stdout
    assert ("WRONG" in told) == bool(changed)
    assert said in told
    assert SECRET not in told
    if not changed:
        assert "XroadVnpt-status is not signed, and is not read" in told


def test_what_is_no_request_is_refused(office, tmp_path) -> None:
    secret, capture = tmp_path / "secret", tmp_path / "capture.txt"
    secret.write_text(SECRET)
    capture.write_text("hello")
    assert office.fail("ngsp", "trace", "--secret-file", secret, capture).startswith("request-unreadable: ")
