"""`verify` looks into PDF files, e-invoices, and what is attached to letters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exchange.cli.insides import lines_of, record_of
from exchange.inside import judge_inside
from tests.authority import certificates
from trust_store.evidence import Evidence
from trust_store.policy import Policy

INVOICE = Path(__file__).parents[2] / "vectors" / "einvoice" / "tdiep_202_ts24_public_test.xml"


@pytest.fixture(scope="module")
def folder(papers, tmp_path_factory) -> Path:
    """Hold a signed PDF, the same one changed afterwards, and the root that its signer is under."""
    pki = certificates.Pki()
    root = pki.authority("Root")
    signed = papers.sign(papers.plain(), pki.make("Sở Nội vụ", root))
    made = tmp_path_factory.mktemp("insides")
    (made / "root.pem").write_bytes(root.certificate.pem)
    (made / "signed.pdf").write_bytes(signed)
    (made / "changed.pdf").write_bytes(papers.changed(signed, papers.replace_text))
    (made / "plain.pdf").write_bytes(papers.plain())
    return made


def test_pdf_files_and_invoices_are_told_in_words_and_as_json(office, folder) -> None:
    files = [folder / "signed.pdf", folder / "changed.pdf", folder / "plain.pdf", INVOICE]
    said = office.run("verify", "--json", "--anchor", folder / "root.pem", *files, code=1)
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert [(line["verdict"], line["reason"]) for line in lines] == [
        ("valid", ""),
        ("invalid", "pdf-changed-after"),
        ("unsigned", "file-unsigned"),
        ("invalid", "certificate-expired"),
    ]
    assert [len(line["signatures"]) for line in lines] == [1, 1, 0, 2]
    (one,) = lines[0]["signatures"]
    assert (one["signer"], one["covers"], one["changed"]) == ("CN=Sở Nội vụ", "whole", "none")
    assert lines[3]["signatures"][1]["parts"][1].startswith("MCCQT (Id-")
    said = office.run("verify", "--anchor", folder / "root.pem", files[0])
    assert said.stdout.splitlines()[1].startswith("  S1: valid. Signed by CN=Sở Nội vụ, at ")


def test_what_is_attached_to_a_letter_is_told_and_decides_nothing(office, folder, tmp_path) -> None:
    """An attached file that was changed after it was signed leaves the letter valid: it is signed over those very bytes."""
    files = (folder / "signed.pdf", folder / "changed.pdf", INVOICE)
    office.letter(tmp_path / "letter.edxml", office.environment, number=700, files=files)
    office.run("sign", *office.key(office.lam_son), tmp_path / "letter.edxml")
    signed, anchors = tmp_path / "letter.signed.edxml", ("--anchor", office.anchor, "--anchor", folder / "root.pem")
    said = office.run("verify", "--json", *anchors, signed, code=0)
    line = json.loads(said.stdout)
    assert (line["verdict"], line["reason"]) == ("valid", "")
    assert [each["reason"] for each in line["attachments"]] == ["", "pdf-changed-after", "certificate-expired"]
    told = office.run("verify", *anchors, signed, code=0).stdout.splitlines()
    assert [each.partition(": ")[0] for each in told[1:4]] == [
        "  attachment 1, signed.pdf",
        "    S1",
        "  attachment 2, changed.pdf",
    ]


def test_names_from_a_file_cannot_move_the_cursor(papers) -> None:
    from envelopes.inside.pdf import read_pdf

    pki = certificates.Pki()
    root = pki.authority("Root")
    name = "S\x1b[2J\n\u202eX"
    data = papers.sign(papers.plain(), pki.make("A\u202e\x07B", root), name)
    inside = judge_inside(read_pdf(data), Evidence(anchors=(root.certificate,)), Policy(), *[papers.now()] * 2)
    (line,), (record,) = lines_of(inside), record_of(inside)
    assert line.isprintable()
    assert record["name"].isprintable()
    assert record["signer"].isprintable()
