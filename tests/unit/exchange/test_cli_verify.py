"""`verify` says of every file what it is, in words or as one JSON object a line, and its exit code says whether all are valid."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from envelopes.drafting import FileBeside, digests, draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from trust_store.keys import load_pem

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def signed(office, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    office.letter(folder / "letter.edxml", office.environment, number=500)
    office.run("sign", *office.key(office.lam_son), folder / "letter.edxml")
    return folder / "letter.signed.edxml"


@pytest.fixture
def tampered(signed, tmp_path) -> Path:
    path = tmp_path / "tampered.edxml"
    path.write_bytes(signed.read_bytes().replace(b"V/v", b"V-v"))
    return path


def _lines(office, *arguments, code) -> list[dict[str, str]]:
    said = office.run("verify", "--json", *arguments, code=code)
    assert said.stderr == ""
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert all(set(line) == {"file", "verdict", "reason", "text", "level", "proven"} for line in lines)
    assert all(line["text"] for line in lines)
    return lines


def test_a_valid_document_ends_with_0_and_names_its_signer(office, signed) -> None:
    (line,) = _lines(office, "--anchor", office.anchor, signed, code=0)
    assert (line["file"], line["verdict"], line["reason"]) == (str(signed), "valid", "")
    assert office.lam_son in line["text"]
    said = office.run("verify", "--anchor", office.anchor, signed).stdout
    assert said == f"{signed}: valid. {line['text']}\n"


def test_one_bad_file_among_good_ones_ends_with_1(office, signed, tampered, tmp_path) -> None:
    files = (signed, tampered, tmp_path / "missing", tmp_path, signed)
    lines = _lines(office, "--anchor", office.anchor, *files, code=1)
    assert [line["file"] for line in lines] == [str(path) for path in files]
    assert [(line["verdict"], line["reason"]) for line in lines] == [
        ("valid", ""),
        ("invalid", "content-changed"),
        ("invalid", "file-unreadable"),
        ("invalid", "file-unreadable"),
        ("valid", ""),
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "xml-malformed"),
        (b"hello", "xml-malformed"),
        (b"<a/>", "signature-missing"),
        (b"<!DOCTYPE a><a/>", "xml-doctype"),
        (b"<a>" * 300 + b"</a>" * 300, "xml-limits"),
    ],
)
def test_rubbish_is_invalid_with_a_reason(office, tmp_path, data, reason) -> None:
    (tmp_path / "file.xml").write_bytes(data)
    (line,) = _lines(office, "--anchor", office.anchor, tmp_path / "file.xml", code=1)
    assert (line["verdict"], line["reason"]) == ("invalid", reason)


def test_a_draft_is_not_signed(office, signed) -> None:
    (line,) = _lines(office, "--anchor", office.anchor, signed.with_name("letter.edxml"), code=1)
    assert line["reason"] == "signature-missing"


def test_without_the_right_anchor_nobody_is_believed(office, signed, tmp_path) -> None:
    office.run("init", "--dir", tmp_path / "other", "--name", "Khác", "--code", "1")
    (line,) = _lines(office, "--anchor", tmp_path / "other" / "trust-anchor.pem", signed, code=1)
    assert line["reason"] == "path-untrusted"
    (line,) = _lines(office, signed, code=1)
    assert line["verdict"] != "valid"
    assert line["reason"] == "anchor-missing"


def test_a_revoked_certificate_is_not_believed(office, signed) -> None:
    certificate = office.folder / f"{office.lam_son}.cert.pem"
    (line,) = _lines(office, "--anchor", office.anchor, "--revoked", certificate, signed, code=1)
    assert (line["verdict"], line["reason"]) == ("invalid", "certificate-revoked")


@pytest.mark.parametrize(
    ("moment", "reason"),
    [("2000-01-01", "certificate-not-yet-valid"), ("2100-01-01T00:00:00+07:00", "certificate-expired")],
)
def test_a_moment_can_be_given(office, signed, moment, reason) -> None:
    (line,) = _lines(office, "--anchor", office.anchor, "--at", moment, signed, code=1)
    assert line["reason"] == reason


def test_wrong_options_end_with_2_and_wrong_anchors_with_1(office, signed) -> None:
    assert "not a moment" in office.run("verify", "--at", "yesterday", signed, code=2).stderr
    office.run("verify", "--anchor", "no-such-file", signed, code=2)
    assert office.fail("verify", "--anchor", signed, signed).startswith("certificate-malformed: ")


def test_a_name_with_odd_letters_stays_one_line(office, signed, tmp_path) -> None:
    path = tmp_path / 'công "văn"\n.edxml'
    path.write_bytes(signed.read_bytes())
    (line,) = _lines(office, "--anchor", office.anchor, path, code=0)
    assert line["file"] == str(path)


def test_verifying_needs_neither_network_nor_database(office, signed) -> None:
    code = (
        "import sys\n"
        "from exchange.cli.main import cli\n"
        "try: cli(['verify', '--anchor', sys.argv[1], sys.argv[2]])\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "print(sorted({'aiohttp', 'aiosqlite', 'sqlalchemy', 'alembic'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code, str(office.anchor), str(signed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.fixture(scope="module")
def with_files(office, tmp_path_factory) -> Path:
    """A letter signed over two files beside it, which lie in the same folder under other names."""
    folder = tmp_path_factory.mktemp("beside")
    (folder / "one").write_bytes(b"one")
    (folder / "two").write_bytes(b"2" * 3_000_000)
    files = [
        FileBeside(name=f"{path.name}.dwg", digest=hashlib.sha256(path.read_bytes()).hexdigest(), size=1)
        for path in (folder / "one", folder / "two")
    ]
    letter = draft_letter(
        sender=Organ(organ_id=office.lam_son),
        receivers=[Organ(organ_id=office.environment)],
        number="501",
        notation="CV-LS",
        subject="V/v",
        at=datetime.now(VIETNAM),
        detached=files,
    )
    stem = office.folder / office.lam_son
    key = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
    (folder / "letter.edxml").write_bytes(sign(build(letter), key, digests(letter, files)))
    return folder


def _given(office, folder, *names, code, anchor=True) -> list[tuple[str, str]]:
    attachments = [item for name in names for item in ("--attachment", folder / name)]
    trusted = ("--anchor", office.anchor) if anchor else ()
    lines = _lines(office, *trusted, *attachments, folder / "letter.edxml", code=code)
    assert [line["file"] for line in lines] == [str(folder / name) for name in ("letter.edxml", *names)]
    return [(line["verdict"], line["reason"]) for line in lines]


def test_files_beside_a_letter_are_found_by_their_digest(office, with_files) -> None:
    assert _given(office, with_files, "two", "one", code=0) == [("valid", "")] * 3


def test_a_letter_without_its_files_is_not_fully_known(office, with_files) -> None:
    assert _given(office, with_files, code=1) == [("unknown", "attachment-not-at-hand")]
    found = _given(office, with_files, "one", code=1)
    assert found == [("unknown", "attachment-not-at-hand"), ("valid", "")]
    digest = hashlib.sha256((with_files / "two").read_bytes()).hexdigest()
    said = office.run("verify", "--anchor", office.anchor, with_files / "letter.edxml", code=1).stdout
    assert digest in said


def test_a_file_that_was_changed_matches_nothing(office, with_files) -> None:
    (with_files / "changed").write_bytes(b"One")
    found = _given(office, with_files, "one", "two", "changed", code=1)
    assert found == [("valid", "")] * 3 + [("invalid", "attachment-unmatched")]


def test_nothing_is_said_for_files_of_a_letter_that_is_not_believed(office, with_files) -> None:
    found = _given(office, with_files, "one", "two", code=1, anchor=False)
    assert found == [("unknown", "anchor-missing")] + [("invalid", "attachment-unmatched")] * 2
