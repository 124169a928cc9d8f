"""Draft letters and status notices with the fields that offices always fill in; the model has the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    Reference,
    ResponseFor,
    StatusCode,
    StatusNotice,
    TraceHeader,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBeside:
    """Announce a file that travels beside a letter; `digest` is the SHA-256 (hex) of its bytes, `size` their number.

    Without a `content_id` the draft gives it one. The manifest has no place for digest and size: the one goes into the
    signature, the other is for whoever carries the file.
    """

    name: str
    digest: str
    size: int
    content_type: str | None = None
    content_id: str = ""


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
    detached: Sequence[FileBeside] = (),
) -> Letter:
    """Draft a new official letter (công văn) issued on the day of `at` (local time), with files given as (name, bytes).

    `detached` are files beside it: sign the letter with `digests(letter, detached)`. Its document id is
    `{sender},{yyyy/MM/dd},{number}/{notation}`, as document systems expect.
    """
    document_id = f"{sender.organ_id},{at:%Y/%m/%d},{number}/{notation}"
    attachments = tuple(
        wrap(name, data, content_id=f"{document_id}#{index}", entry=str(index))
        for index, (name, data) in enumerate(files, start=1)
    )
    beside = (_list(file, f"{document_id}#{index}") for index, file in enumerate(detached, start=len(attachments) + 1))
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
        references=(*manifest(attachments), *beside),
        attachments=attachments,
    )


def _list(file: FileBeside, content_id: str) -> Reference:
    return Reference(
        content_id=file.content_id or content_id,
        content_type=file.content_type,
        description=file.name,
        name=file.name,
    )


def digests(letter: Letter, detached: Sequence[FileBeside]) -> dict[str, str]:
    """Map the content ids of the files beside a draft to their digests, as `sign` takes them."""
    return {listed.content_id: file.digest for listed, file in zip(letter.detached, detached, strict=True)}


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
