"""Draft letters and status notices with the fields that offices always fill in; the model has the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from envelopes.attachments import manifest, wrap
from envelopes.edxml import (
    Business,
    BusinessType,
    Code,
    DocumentType,
    Letter,
    Organ,
    Promulgation,
    ResponseFor,
    StatusCode,
    StatusNotice,
    TraceHeader,
)


def draft_letter(  # noqa: PLR0913 - a letter has these fields
    *,
    sender: Organ,
    receivers: Sequence[Organ],
    number: str,
    notation: str,
    subject: str,
    at: datetime,
    files: Sequence[tuple[str, bytes]] = (),
    place: str | None = None,
    due: date | None = None,
    answers: Letter | None = None,
) -> Letter:
    """Draft a new official letter (công văn) issued on the day of `at` (local time), with files given as (name, bytes).

    Its document id is `{sender},{yyyy/MM/dd},{number}/{notation}`, as document systems expect.
    """
    document_id = f"{sender.organ_id},{at:%Y/%m/%d},{number}/{notation}"
    attachments = tuple(
        wrap(name, data, content_id=f"{document_id}#{index}", entry=str(index))
        for index, (name, data) in enumerate(files, start=1)
    )
    return Letter(
        sender=sender,
        receivers=tuple(receivers),
        document_id=document_id,
        code=Code(number=number, notation=notation),
        promulgation=Promulgation(place=place, date=at.date()),
        document_type=DocumentType(type=18, name="Công văn"),
        subject=subject,
        due_date=due,
        responses=(response_to(answers),) if answers else (),
        business=Business(business_type=BusinessType.NEW, reason="Văn bản điện tử mới", paper=False),
        trace=(TraceHeader(organ_id=sender.organ_id, timestamp=at.replace(tzinfo=None, microsecond=0)),),
        references=manifest(attachments),
        attachments=attachments,
    )


def draft_status(
    *, sender: Organ, letter: Letter, code: StatusCode, at: datetime, text: str = "", about: str | None = None
) -> StatusNotice:
    """Draft a status notice about a letter; `about` names the receiver when the letter's sender asks for it back (13)."""
    response = response_to(letter)
    if about is not None:
        response = ResponseFor(
            organ_id=about,
            code=response.code,
            document_id=response.document_id,
            promulgation_date=response.promulgation_date,
        )
    return StatusNotice(
        sender=sender,
        response_for=response,
        status_code=code,
        description=text or None,
        timestamp=at.replace(tzinfo=None, microsecond=0),
    )


def response_to(letter: Letter) -> ResponseFor:
    """Name a letter as the one that is answered or reported on."""
    code = letter.code
    return ResponseFor(
        organ_id=letter.sender.organ_id,
        code=f"{code.number}/{code.notation}" if code and code.number and code.notation else None,
        document_id=letter.document_id,
        promulgation_date=letter.promulgation.date if letter.promulgation else None,
    )
