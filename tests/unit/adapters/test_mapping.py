"""What a letter.toml may say, and how files are laid out."""

from __future__ import annotations

import importlib
from datetime import date
from pathlib import Path

import pytest

from adapters.folder.mapping import lay_out, read_order, to_draft
from envelopes.edxml import Attachment, Letter, Organ
from exchange.client import Refused

GOOD = b'to = ["000.00.12.H56", "H56.90"]\nnumber = 12\nnotation = "CV-LS"\nsubject = "V/v g\xe1\xbb\xadi"\n'


SAMPLE = Path(importlib.import_module("adapters.folder.mapping").__file__).parent / "samples" / "cong-van"


def test_the_sample_is_a_letter() -> None:
    order = read_order((SAMPLE / "letter.toml").read_bytes())
    files = {each.name: each.read_bytes() for each in SAMPLE.iterdir() if each.name != "letter.toml"}
    draft = to_draft(order, files)
    assert (draft.receivers, draft.number, len(draft.files)) == (("000.00.12.H56",), "30", 1)


def test_an_order_is_read() -> None:
    order = read_order(GOOD + b'place = "H"\ndue = 2026-12-31\nfiles = ["b.pdf"]\nfrom = "2899000016"\n')
    assert (order.to, order.number, order.notation) == (("000.00.12.H56", "H56.90"), "12", "CV-LS")
    assert (order.place, order.due, order.sender, order.files) == ("H", date(2026, 12, 31), "2899000016", ("b.pdf",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"\xff", "not TOML"),
        (b"to = [", "not TOML"),
        (b"a = " + b"[" * 50_000, "not TOML"),
        (GOOD.replace(b"subject", b"subjekt"), "subjekt"),
        (GOOD.replace(b'"CV-LS"', b"3"), "notation"),
        (GOOD.replace(b'"CV-LS"', b'" "'), "notation"),
        (GOOD + b'due = "soon"\n', "due"),
        (GOOD + b"due = 2026-12-31T00:00:00\n", "due"),
        (GOOD + b"files = [1]\n", "files"),
        (GOOD.replace(b'["000.00.12.H56", "H56.90"]', b"[]"), "to"),
        (b"", "to"),
    ],
)
def test_what_is_wrong_in_an_order_is_named(text, told) -> None:
    with pytest.raises(Refused) as refusal:
        read_order(text)
    assert refusal.value.reason.code == "letter-toml-malformed"
    assert told in refusal.value.detail


def test_files_go_in_the_order_that_is_asked_for() -> None:
    files = {"a.pdf": b"a", "b.pdf": b"b"}
    assert [name for name, _ in to_draft(read_order(GOOD), files).files] == ["a.pdf", "b.pdf"]
    asked = read_order(GOOD + b'files = ["b.pdf", "a.pdf"]\n')
    assert [name for name, _ in to_draft(asked, files).files] == ["b.pdf", "a.pdf"]


@pytest.mark.parametrize("listed", [b'["a.pdf"]', b'["a.pdf", "b.pdf", "c.pdf"]', b'["a.pdf", "a.pdf", "b.pdf"]'])
def test_files_on_one_side_only_are_refused(listed) -> None:
    with pytest.raises(Refused) as refusal:
        to_draft(read_order(GOOD + b"files = " + listed), {"a.pdf": b"a", "b.pdf": b"b"})
    assert refusal.value.reason.code == "letter-toml-files"


def test_attachments_never_take_each_others_or_our_own_names() -> None:
    names = ["a.pdf", "x/A.pdf", "letter.xml", "../about.txt", "a.pdf"]
    attachments = tuple(Attachment(content_id=str(i), name=name, content=b"%PDF-") for i, name in enumerate(names))
    letter = Letter(
        sender=Organ(organ_id="1"),
        receivers=(Organ(organ_id="2"),),
        document_id="d",
        subject="s",
        attachments=attachments,
    )
    laid = [name for name, _ in lay_out(letter)]
    assert laid == ["a.pdf", "A (2).pdf", "letter (2).xml", "about (2).txt", "a (3).pdf"]
