"""What an edXML message says (QCVN 102:2016), as plain values.

What is missing or empty on the wire is None, or an empty tuple. Document ids are opaque. Moments are local time without
a zone, as they are written.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class BusinessType(IntEnum):
    """Say what a letter does to an earlier one (BussinessDocType)."""

    NEW = 0
    REVOKE = 1
    UPDATE = 2
    REPLACE = 3


class StatusCode(StrEnum):
    """Say how far a receiver, or a sender who wants a letter back, has come with it (StatusCode)."""

    ARRIVED = "01"
    REFUSED = "02"
    ACCEPTED = "03"
    ASSIGNED = "04"
    IN_PROGRESS = "05"
    COMPLETED = "06"
    RECALL_REQUESTED = "13"
    AGREED = "15"
    DISAGREED = "16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organ:
    """Name a sending or receiving organisation (From, To)."""

    organ_id: str
    in_charge: str | None = None
    name: str | None = None
    address: str | None = None
    email: str | None = None
    telephone: str | None = None
    fax: str | None = None
    website: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Hold the number and the notation of a letter (Code)."""

    number: str | None = None
    notation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promulgation:
    """Say where and when a letter was issued (PromulgationInfo)."""

    place: str | None = None
    date: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentType:
    """Classify a letter by the sender's own list (DocumentType); the number is not reliable, the name neither."""

    type: int | None = None
    detail: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Name the person who signed a letter, and in which capacity (SignerInfo)."""

    competence: str | None = None
    position: str | None = None
    full_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherInfo:
    """Hold how urgent a letter is and how it is to be handled (OtherInfo)."""

    priority: int | None = None
    sphere: str | None = None
    typist: str | None = None
    copies: int | None = None
    pages: int | None = None
    direction: bool | None = None
    reply_fors: str | None = None
    reference_codes: str | None = None
    appendixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFor:
    """Name the letter that is answered, revoked or reported on (ResponseFor); `code` is number/notation in one."""

    organ_id: str | None = None
    code: str | None = None
    document_id: str | None = None
    promulgation_date: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceHeader:
    """Record one station that a letter passed (TraceHeader); nothing relies on it."""

    organ_id: str | None = None
    timestamp: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Name the person who handles a letter (StaffInfo)."""

    department: str | None = None
    department_id: str | None = None
    name: str | None = None
    staff_id: str | None = None
    email: str | None = None
    mobile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedReceiver:
    """Name a receiver that an update adds or removes (Receiver); what `kind` 0 and 1 mean is not documented."""

    organ_id: str
    kind: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Say what an update changes: the document, its receivers, or both (BussinessDocumentInfo)."""

    document: bool | None = None
    receiver: bool | None = None
    receivers: tuple[ChangedReceiver, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """Name a letter that is replaced, and for whom (ReplacementInfo)."""

    document_id: str
    organ_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """Say what a letter does to earlier ones, and why (Bussiness); `document_id` counts for an update only."""

    business_type: BusinessType
    reason: str | None = None
    paper: bool | None = None
    document_id: str | None = None
    change: Change | None = None
    replacements: tuple[Replacement, ...] = ()
    staff: tuple[Staff, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """List one attachment in the manifest (Reference); `content_id` is without `cid:`."""

    content_id: str
    content_type: str | None = None
    description: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Carry one file as transferred: `content` may still be wrapped in a zip; `content_id` is without `cid:`."""

    content_id: str
    name: str
    description: str | None = None
    field_name: str | None = None
    mime_type: str | None = None
    content_type: str | None = None
    content: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Hold an official document on its way from one sender to its receivers.

    `paper` is the statement in its old place, outside the business block.
    """

    sender: Organ
    receivers: tuple[Organ, ...]
    document_id: str
    subject: str
    code: Code | None = None
    promulgation: Promulgation | None = None
    document_type: DocumentType | None = None
    content: str | None = None
    signer: Signer | None = None
    due_date: datetime.date | None = None
    other: OtherInfo | None = None
    responses: tuple[ResponseFor, ...] = ()
    steering_type: int | None = None
    tasks: tuple[str, ...] = ()
    application_type: str | None = None
    to_places: tuple[str, ...] = ()
    paper: bool | None = None
    business: Business | None = None
    trace: tuple[TraceHeader, ...] = ()
    references: tuple[Reference, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def business_type(self) -> BusinessType:
        """Say what the letter does; one without a business block is new."""
        return self.business.business_type if self.business else BusinessType.NEW

    @property
    def detached(self) -> tuple[Reference, ...]:
        """List what the manifest names and the letter does not carry: files that travel beside it."""
        carried = {attachment.content_id for attachment in self.attachments}
        return tuple(reference for reference in self.references if reference.content_id not in carried)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNotice:
    """Report to the sender of a letter what became of it, or ask a receiver to give it back (code 13)."""

    sender: Organ
    response_for: ResponseFor
    status_code: StatusCode
    staff: Staff | None = None
    description: str | None = None
    timestamp: datetime.datetime | None = None


Message = Letter | StatusNotice
