"""The command line from an empty folder to a verified receipt, and every way to go wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from exchange.cli.mailbox import safe_name
from exchange.cli.main import COMMANDS

ROOT = Path(__file__).parents[3]


def _first(text: str) -> str:
    return text.split(maxsplit=1)[0]


@pytest.fixture
def sent(office, tmp_path):
    """Send a letter with two files; give its key at the hub and the signed file."""
    files = (tmp_path / "đơn.pdf", tmp_path / "ghi chú.txt")
    files[0].write_bytes(b"%PDF-1.4 content")
    files[1].write_text("Nội dung", encoding="utf-8")
    number = sent.count = sent.count + 1
    path = office.letter(tmp_path / "letter.edxml", office.environment, number=number, files=files)
    office.run("sign", *office.key(office.lam_son), path)
    signed = tmp_path / "letter.signed.edxml"
    said = office.run("send", *office.caller(office.lam_son), "--receipts", tmp_path / "receipts", signed).stdout
    return _first(said), signed


sent.count = 0


def test_the_whole_way_of_a_letter(office, sent, tmp_path) -> None:
    message, signed = sent
    (receipt,) = (tmp_path / "receipts").iterdir()
    agency, sender = office.caller(office.environment), office.caller(office.lam_son)

    inbox = office.run("inbox", *agency)
    (line,) = [line for line in inbox.stdout.splitlines() if message in line]
    delivery, _, _, who, what = line.split("\t")
    assert (who, what.endswith("V/v đề nghị")) == (office.lam_son, True)

    office.run("fetch", *agency, "--out", tmp_path / "in", message)
    got = {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    assert got.pop(f"{message}.edxml") == signed.read_bytes()
    assert got == {
        f"{message}-1-đơn.pdf": b"%PDF-1.4 content",
        f"{message}-2-ghi chú.txt": "Nội dung".encode(),
    }

    first, second = (office.run("ack", *agency, delivery).stdout for _ in range(2))
    assert first == second
    assert delivery not in office.run("inbox", *agency).stdout
    assert delivery in office.run("inbox", *agency, "--all").stdout

    for code, key in (("01", office.key(office.environment)), ("03", office.pem(office.environment))):
        office.run("status", *agency, *key, "--text", "Đã nhận", message, code)
    told = office.run("timeline", *sender, message).stdout.splitlines()
    events = ["SubmissionAcceptance", "ContentConsignment", "ContentHandover", "01", "ConsignmentAcceptance", "03"]
    assert sorted(line.split("\t")[1] for line in told) == sorted(events)

    office.run("receipt", *sender, "--anchor", office.anchor, "--out", tmp_path / "proof", message)
    proofs = sorted((tmp_path / "proof").iterdir())
    assert len(proofs) == 4
    assert receipt.read_bytes() in [path.read_bytes() for path in proofs]
    said = office.run("verify", "--anchor", office.anchor, signed, *proofs).stdout.splitlines()
    assert [line.partition(": ")[2].partition(".")[0] for line in said if line[0] != " "] == ["valid"] * 5
    assert [line.partition(": ")[0] for line in said if line[0] == " "] == ["  attachment 1, đơn.pdf"]


def test_sending_again_is_safe(office, sent) -> None:
    message, signed = sent
    again = office.run("send", *office.caller(office.lam_son), signed).stdout
    assert _first(again) == message
    assert office.run("inbox", *office.caller(office.environment)).stdout.count(message) == 1


def test_a_status_notice_is_fetched_as_a_sentence(office, sent, tmp_path) -> None:
    message, _ = sent
    said = office.run(
        "status", *office.caller(office.environment), *office.key(office.environment), "--text", "Sai", message, "02"
    )
    notice = _first(said.stdout)
    fetched = office.run("fetch", *office.caller(office.lam_son), "--out", tmp_path / "n", notice).stdout
    assert "status 02 about" in fetched
    assert "Sai" in fetched
    assert [path.name for path in (tmp_path / "n").iterdir()] == [f"{notice}.edxml"]


def test_keys_are_written_for_their_user_only(office) -> None:
    for suffix in ("key.pem", "p12"):
        path = office.folder / f"{office.lam_son}.{suffix}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_parties_and_certificates_are_listed(office) -> None:
    lines = office.run("party", "list", "--dir", office.hub).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == sorted(office.tokens)
    assert "H56.12" in next(line for line in lines if line.startswith(office.environment))
    (certificate,) = office.run("cert", "list", "--dir", office.hub, "H56.12").stdout.splitlines()
    assert office.environment in certificate


def test_suspending_and_resuming_act_on_the_running_hub(office) -> None:
    agency = office.caller(office.one_stop)
    office.run("party", "suspend", "--dir", office.hub, office.one_stop)
    assert office.fail("inbox", *agency).startswith("party-suspended: ")
    office.run("party", "resume", "--dir", office.hub, office.one_stop)
    office.run("inbox", *agency)


def test_one_more_token_opens_the_same_mailbox(office) -> None:
    token = office.run("party", "token", "--dir", office.hub, "02" + office.lam_son).stdout.strip()
    assert token not in office.tokens.values()
    office.run("inbox", "--url", office.url, "--token", token)


def test_a_revoked_certificate_is_refused_by_the_running_hub(office, tmp_path) -> None:
    office.run("cert", "issue", "--dir", office.hub, "--out", tmp_path, "--password", "x", office.one_stop)
    key = ("--key", tmp_path / f"{office.one_stop}.key.pem", "--cert", tmp_path / f"{office.one_stop}.cert.pem")
    path = office.letter(tmp_path / "l.edxml", office.lam_son, number=1, sender=office.one_stop)
    office.run("sign", *key, path)
    office.run("cert", "revoke", "--dir", office.hub, "--why", "lộ khóa", tmp_path / f"{office.one_stop}.cert.pem")
    said = office.fail("send", *office.caller(office.one_stop), tmp_path / "l.signed.edxml")
    assert said.startswith("certificate-revoked: ")
    assert "lộ khóa" in said


def test_trusting_a_known_authority_makes_it_an_anchor(office, tmp_path) -> None:
    office.run("init", "--dir", tmp_path / "a", "--name", "Một", "--code", "1")
    office.run("init", "--dir", tmp_path / "b", "--name", "Hai", "--code", "2")
    for more in (("--intermediate",), ()):
        office.run("authority", "trust", "--apply", "--dir", tmp_path / "a", *more, tmp_path / "b" / "trust-anchor.pem")
    with office.serving(tmp_path / "a") as (_, url), urllib.request.urlopen(f"{url}/v1/trust", timeout=10) as answer:
        assert len(json.load(answer)["anchors"]) == 2


def test_a_change_of_authorities_is_shown_and_made_only_when_asked(office, tmp_path) -> None:
    hub = ("--dir", tmp_path / "a")
    office.run("init", *hub, "--name", "Một", "--code", "1")
    office.run("party", "add", *hub, "--kind", "agency", "H56.12", "Sở")
    office.run("cert", "issue", *hub, "--out", tmp_path, "--password", "x", "H56.12")
    anchor = tmp_path / "a" / "trust-anchor.pem"
    before = office.run("authority", "list", *hub).stdout
    terms = ("--kind", "enterprise", "--use", "documents", "--revocation", "required", "--until", "2036-01-01")
    seen = office.run("authority", "trust", *hub, *terms, anchor).stdout
    assert "no longer believed: 1" in seen
    assert "Nothing was changed" in seen
    assert office.run("authority", "list", *hub).stdout == before
    office.run("authority", "trust", *hub, *terms, "--apply", anchor)
    told = "for documents, enterprise, revocation required, until 2036-01-01 00:00 UTC"
    assert told in office.run("authority", "list", *hub).stdout
    assert "no longer known" in office.run("authority", "forget", *hub, "--apply", anchor).stdout
    assert office.run("authority", "list", *hub).stdout == ""


MISSING = ("--dir", "no-such-folder")
FAILURES = {
    "serve nothing": ("hub-missing", ("serve", *MISSING)),
    "list nothing": ("hub-missing", ("party", "list", *MISSING)),
    "init again": ("hub-exists", ("init", "--dir", "{hub}", "--name", "x", "--code", "1")),
    "bad tax code": ("tax-code-malformed", ("party", "add", "--dir", "{hub}", "--kind", "enterprise", "123", "x")),
    "code taken": ("code-taken", ("party", "add", "--dir", "{hub}", "--kind", "agency", "H56.12", "x")),
    "unknown party": ("not-found", ("cert", "issue", "--dir", "{hub}", "--password", "x", "nobody")),
    "not a certificate": ("certificate-malformed", ("cert", "add", "--dir", "{hub}", "{party}", "{garbage}")),
    "trust no certificate": ("certificate-malformed", ("authority", "trust", "--dir", "{hub}", "{garbage}")),
    "no caller": ("caller-missing", ("inbox",)),
    "no such sandbox party": ("caller-missing", ("inbox", "--as", "nobody")),
    "no token": ("caller-missing", ("inbox", "--url", "{url}")),
    "wrong token": ("unauthenticated", ("inbox", "--url", "{url}", "--token", "cv_wrong")),
    "dead port": ("hub-unreachable", ("inbox", "--url", "http://127.0.0.1:9", "--token", "x")),
    "no url": ("hub-unreachable", ("inbox", "--url", "hub", "--token", "x")),
    "odd url": ("hub-unreachable", ("inbox", "--url", "http://[", "--token", "x")),
    "no key": ("key-missing", ("sign", "{unsigned}")),
    "half a key": ("key-certificate-missing", ("sign", "--key", "{pem}", "{unsigned}")),
    "wrong password": ("key-password", ("sign", "--p12", "{p12}", "--password", "wrong", "{unsigned}")),
    "not a key": ("key-unreadable", ("sign", "--p12", "{garbage}", "--password", "x", "{unsigned}")),
    "sign rubbish": ("xml-encoding", ("sign", "--p12", "{p12}", "--password", "{password}", "{garbage}")),
    "send unsigned": ("signature-missing", ("send", "{caller}", "{unsigned}")),
    "send rubbish": ("xml-encoding", ("send", "{caller}", "{garbage}")),
    "unknown message": ("not-found", ("timeline", "{caller}", "nothing")),
    "fetch nothing": ("not-found", ("fetch", "{caller}", "--out", "{folder}", "nothing")),
    "odd name": ("not-found", ("fetch", "{caller}", "--out", "{folder}", "../../etc/passwd")),
    "acknowledge nothing": ("not-found", ("ack", "{caller}", "nothing")),
    "receipts of nothing": ("not-found", ("receipt", "{caller}", "--out", "{folder}", "nothing")),
    "bad ready file": ("caller-missing", ("inbox", "--as", "x", "--ready", "{garbage}")),
    "port taken": ("address-unusable", ("serve", "--dir", "{hub}", "--port", "{port}")),
}


@pytest.fixture
def places(office, tmp_path):
    garbage, folder = tmp_path / "garbage", tmp_path / "folder"
    garbage.write_bytes(b"\x00\xffgarbage")
    unsigned = office.letter(tmp_path / "u.edxml", office.environment, number=1000)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield {
            "hub": office.hub,
            "url": office.url,
            "party": office.one_stop,
            "password": office.password,
            "garbage": garbage,
            "folder": folder,
            "unsigned": unsigned,
            "p12": office.folder / f"{office.lam_son}.p12",
            "pem": office.folder / f"{office.lam_son}.key.pem",
            "port": taken.getsockname()[1],
        }


@pytest.mark.parametrize("name", FAILURES)
def test_what_goes_wrong_is_said_in_one_clear_line(office, places, name) -> None:
    code, arguments = FAILURES[name]
    filled = [item.format(**places, caller="{caller}") for item in arguments]
    place = filled.index("{caller}") if "{caller}" in filled else None
    if place is not None:
        filled[place : place + 1] = office.caller(office.lam_son)
    assert office.fail(*filled).startswith(f"{code}: ")


def test_a_hub_without_its_key_says_so(office, tmp_path) -> None:
    shutil.copytree(office.unused, tmp_path / "hub")
    (tmp_path / "hub" / "keys" / "hub.key.pem").unlink()
    said = office.fail("party", "list", "--dir", tmp_path / "hub")
    assert said.startswith("key-unreadable: ")
    assert "hub.key.pem" in said


@pytest.mark.parametrize("arguments", [("inbox", "--no-such"), ("status", "m", "99"), ("no-such",), ("verify",)])
def test_a_wrong_use_ends_with_2(office, arguments) -> None:
    said = office.run(*arguments, code=2).stderr
    assert "Error: " in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(office, command) -> None:
    said = office.run(command, "--help").stdout
    assert said.startswith("Usage: ")


def test_the_list_of_commands_says_what_each_does(office) -> None:
    said = office.run("--help").stdout
    assert all(re.search(rf"^  {name}\s+\S", said, re.MULTILINE) for name in COMMANDS)


def _process(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "exchange", *map(str, arguments)]
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_a_process_ends_with_the_same_codes_and_lines(office, places) -> None:
    done = _process("party", "list", "--dir", office.hub)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 3)
    failed = _process("sign", places["unsigned"])
    assert (failed.returncode, failed.stdout, len(failed.stderr.splitlines())) == (1, "", 1)
    assert failed.stderr.startswith("key-missing: ")
    assert _process("no-such").returncode == 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Báo cáo (1).pdf", "Báo cáo (1).pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\system32\\cmd.exe", "cmd.exe"),
        ("/", "file"),
        ("", "file"),
        ("...", "file"),
        (".bashrc", "bashrc"),
        ("a\0b\n\r\tc.txt", "a_b___c.txt"),
        ("gpj.\u202etxt.exe", "gpj._txt.exe"),
        ("a;rm -rf $HOME|`x`.pdf", "a_rm -rf _HOME__x_.pdf"),
        ("-rf", "-rf"),
        ("..\\..\\x", "x"),
    ],
)
def test_a_file_name_from_outside_is_made_safe(given: str, kept: str) -> None:
    assert safe_name(given) == kept


@pytest.mark.parametrize("letter", ["a", "ế", "漢", "𠀀"])
def test_a_long_name_still_fits_into_a_file_system(letter: str, tmp_path: Path) -> None:
    name = "a" * 26 + "-10-" + safe_name(letter * 400 + ".pdf")
    (tmp_path / name).write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir()] == [name]
