"""Read who a letter is from and for, and what it is (MessageHeader)."""

from __future__ import annotations

from envelopes.edxml.element import Element
from envelopes.edxml.model import (
    Code,
    DocumentType,
    Organ,
    OtherInfo,
    Promulgation,
    ResponseFor,
    Signer,
    Staff,
)
from envelopes.edxml.syntax import WHOLE_NUMBER


def read_organ(element: Element) -> Organ:
    """Read a sender or a receiver; its code is required."""
    return Organ(
        organ_id=element.required_organ_code(),
        in_charge=element.optional_text("OrganizationInCharge"),
        name=element.optional_text("OrganName"),
        address=element.optional_text("OrganAdd"),
        email=element.optional_text("Email"),
        telephone=element.optional_text("Telephone"),
        fax=element.optional_text("Fax"),
        website=element.optional_text("Website"),
    )


def read_code(element: Element) -> Code:
    """Read the number and notation of a letter."""
    return Code(number=element.optional_text("CodeNumber"), notation=element.optional_text("CodeNotation"))


def read_promulgation(element: Element) -> Promulgation:
    """Read where and when a letter was issued."""
    return Promulgation(place=element.optional_text("Place"), date=element.date("PromulgationDate"))


def read_document_type(element: Element) -> DocumentType:
    """Read the kind of a letter; senders write words for the numbers, and nothing relies on them."""
    return DocumentType(
        type=_lenient_number(element, "Type"),
        detail=_lenient_number(element, "TypeDetail"),
        name=element.optional_text("TypeName"),
    )


def read_signer(element: Element) -> Signer:
    """Read who signed a letter."""
    return Signer(
        competence=element.optional_text("Competence"),
        position=element.optional_text("Position"),
        full_name=element.optional_text("FullName"),
    )


def read_other(element: Element) -> OtherInfo:
    """Read how urgent a letter is and how it is to be handled."""
    appendixes = element.one("Appendixes")
    return OtherInfo(
        priority=element.number("Priority"),
        sphere=element.optional_text("SphereOfPromulgation"),
        typist=element.optional_text("TyperNotation"),
        copies=element.number("PromulgationAmount"),
        pages=element.number("PageAmount"),
        direction=element.flag("Direction"),
        reply_fors=element.optional_text("ReplyFors"),
        reference_codes=element.optional_text("ReferenceCodes"),
        appendixes=appendixes.texts("Appendix") if appendixes else (),
    )


def read_response(element: Element) -> ResponseFor:
    """Read which letter is answered, revoked or reported on."""
    return ResponseFor(
        organ_id=element.organ_code(),
        code=element.optional_text("Code"),
        document_id=element.optional_text("DocumentId"),
        promulgation_date=element.date("PromulgationDate"),
    )


def read_staff(element: Element) -> Staff:
    """Read who handles a letter."""
    return Staff(
        department=element.optional_text("Department"),
        department_id=element.optional_text("DepartmentId"),
        name=element.optional_text("Staff"),
        staff_id=element.optional_text("StaffId"),
        email=element.optional_text("Email"),
        mobile=element.optional_text("Mobile"),
    )


def _lenient_number(element: Element, name: str) -> int | None:
    text = element.optional_text(name)
    return int(text) if text and WHOLE_NUMBER.fullmatch(text) else None
