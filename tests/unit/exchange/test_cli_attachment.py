"""A file beside a letter, from the command line of its sender to that of its receiver."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def drawing(tmp_path):
    path = tmp_path / "bản vẽ.bin"
    path.write_bytes(os.urandom(600_000))
    return path


def _letter(office, tmp_path, number: int, *files) -> None:
    named = ("--number", number, "--notation", "CV-LON", "--subject", "V/v bản vẽ")
    beside = [item for file in files for item in ("--detach", file)]
    office.run(
        "letter", "--from", office.lam_son, "--to", office.environment, *named, *beside, "-o", tmp_path / "l.edxml"
    )


def test_a_file_goes_beside_its_letter(office, drawing, tmp_path) -> None:
    sender, agency = office.caller(office.lam_son), office.caller(office.environment)
    _letter(office, tmp_path, 901, drawing)
    office.run("sign", *office.key(office.lam_son), "--detach", drawing, tmp_path / "l.edxml")
    assert "attachment-not-stored" in office.fail("send", *sender, tmp_path / "l.signed.edxml")

    digest, size, name = office.run("attachment", "upload", *sender, drawing).stdout.strip().split("\t")
    assert (size, name) == ("600000", "bản vẽ.bin")
    message = office.run("send", *sender, tmp_path / "l.signed.edxml").stdout.split()[0]

    listed = office.run("attachment", "list", *agency, message).stdout.strip().split("\t")
    assert (listed[0], listed[1], listed[2], listed[-1]) == ("1", size, digest, name)
    folder = tmp_path / "in"
    folder.mkdir()
    for out in (folder, tmp_path / "renamed.bin"):
        office.run("attachment", "download", *agency, "--out", out, message, 1)
    assert (folder / "bản vẽ.bin").read_bytes() == drawing.read_bytes() == (tmp_path / "renamed.bin").read_bytes()
    assert "not-found" in office.fail("attachment", "download", *agency, "--out", folder, message, 2)
    assert "not-found" in office.fail("attachment", "download", *office.caller(office.one_stop), message, 1)


def test_only_the_files_that_the_letter_names_are_signed(office, drawing, tmp_path) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(b"other")
    _letter(office, tmp_path, 902, drawing)
    for wrong in ((other,), (drawing, other)):
        beside = [item for file in wrong for item in ("--detach", file)]
        line = office.fail("sign", *office.key(office.lam_son), *beside, tmp_path / "l.edxml")
        assert line.startswith("files-beside-differ: The letter names beside it: bản vẽ.bin")
