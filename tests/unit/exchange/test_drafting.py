"""Drafts have the fields that offices fill in, and the document id that document systems expect."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime

from envelopes.attachments import unwrap
from envelopes.drafting import draft_letter, draft_status, response_to
from envelopes.edxml import BusinessType, Letter, Organ, StatusCode, build, check, parse
from envelopes.opened import VIETNAM
from envelopes.xml import parse as parse_xml

AT = datetime(2026, 11, 3, 0, 30, 15, 999, tzinfo=VIETNAM)
SENDER, RECEIVER = Organ(organ_id="2899000016", name="Lam Sơn"), Organ(organ_id="000.00.12.H56")


def _letter(**more) -> Letter:
    fields = {"sender": SENDER, "receivers": [RECEIVER], "number": "7", "notation": "CV-LS", "subject": "V/v", "at": AT}
    return draft_letter(**(fields | more))


def test_the_document_id_is_sender_day_and_code() -> None:
    assert _letter().document_id == "2899000016,2026/11/03,7/CV-LS"


def test_a_letter_is_new_and_dated_on_its_local_day() -> None:
    letter = _letter(place="Thanh Hóa", due=date(2026, 12, 1))
    assert (letter.code.number, letter.code.notation) == ("7", "CV-LS")
    assert (letter.promulgation.place, letter.promulgation.date) == ("Thanh Hóa", date(2026, 11, 3))
    assert (letter.due_date, letter.business_type, letter.responses) == (date(2026, 12, 1), BusinessType.NEW, ())
    assert [station.timestamp for station in letter.trace] == [AT.replace(tzinfo=None, microsecond=0)]


def test_a_draft_follows_the_rules_and_survives_the_wire() -> None:
    letter = _letter(files=[("a.pdf", b"%PDF-1.4"), ("Báo cáo.txt", b"abc"), ("b.pdf", b"%PDF-1.7")])
    check(letter, today=AT.date())
    assert parse(parse_xml(build(letter)).getroot()) == letter


def test_files_come_out_as_they_went_in() -> None:
    files = [("a.pdf", b"%PDF-1.4"), ("Báo cáo.txt", "Nội dung".encode()), ("a.pdf", b"%PDF-1.7")]
    letter = _letter(files=files)
    found = [unwrap(attachment) for attachment in letter.attachments]
    assert [(item.name, item.data) for item in found] == files
    assert [item.content_id for item in letter.references] == [f"{letter.document_id}#{n}" for n in (1, 2, 3)]


def test_an_answer_names_the_letter_that_it_answers() -> None:
    (response,) = _letter(answers=_letter(number="6")).responses
    assert (response.organ_id, response.document_id) == ("2899000016", "2899000016,2026/11/03,6/CV-LS")
    assert (response.code, response.promulgation_date) == ("6/CV-LS", date(2026, 11, 3))


def test_a_letter_without_a_code_is_named_by_its_id_alone() -> None:
    response = response_to(dataclasses.replace(_letter(), code=None, promulgation=None))
    assert (response.code, response.promulgation_date) == (None, None)
    assert response.document_id == "2899000016,2026/11/03,7/CV-LS"


def test_a_status_is_about_the_letter_and_goes_to_its_sender() -> None:
    notice = draft_status(sender=RECEIVER, letter=_letter(), code=StatusCode.REFUSED, at=AT, text="Sai địa chỉ")
    check(notice, today=AT.date())
    assert (notice.sender, notice.status_code, notice.description) == (RECEIVER, StatusCode.REFUSED, "Sai địa chỉ")
    assert notice.response_for == response_to(_letter())
    assert parse(parse_xml(build(notice)).getroot()) == notice


def test_a_recall_goes_to_the_receiver() -> None:
    notice = draft_status(
        sender=SENDER, letter=_letter(), code=StatusCode.RECALL_REQUESTED, at=AT, text="Nhầm", about="000.00.12.H56"
    )
    assert notice.response_for == dataclasses.replace(response_to(_letter()), organ_id="000.00.12.H56")
