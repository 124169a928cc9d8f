"""Read an edXML message (QCVN 102:2016) out of a safely parsed tree, by element names and never by position."""

from __future__ import annotations

from lxml import etree

from envelopes.edxml.body import read_attachments, read_references
from envelopes.edxml.business import read_business, read_trace
from envelopes.edxml.element import Element, local_name
from envelopes.edxml.header import (
    read_code,
    read_document_type,
    read_organ,
    read_other,
    read_promulgation,
    read_response,
    read_signer,
    read_staff,
)
from envelopes.edxml.model import Letter, Message, StatusCode, StatusNotice
from envelopes.edxml.root import recognise
from envelopes.edxml.syntax import MISSING
from trust_store.errors import Refused, reason

INSTRUCTION = reason(
    "edxml-instruction", "The message has a processing instruction in it", "Send the message without <?...?> inside"
)
MISPLACED = reason(
    "edxml-attachments-inside",
    "The files are inside the envelope, where no system looks for them",
    "Put AttachmentEncoded beside edXMLEnvelope, as the second child of edXML",
)
STATUS_CODE = reason(
    "edxml-status-code",
    "The status code is unknown",
    "Write one of 01 to 06, 13, 15 and 16",
)


def parse(root: etree._Element) -> Message:
    """Read the message below the root; comments must have been taken out of the tree.

    A message with a StatusCode is a status notice, every other one is a letter.

    Raises:
        Refused: it is not edXML, or an element is missing, doubled or unreadable; `where` gives its path and line.
    """
    document, envelope = recognise(root)
    _refuse_surprises(document, envelope)
    header = envelope.required("edXMLHeader")
    message = header.required("MessageHeader")
    if message.optional_text("StatusCode"):
        return _read_notice(message)
    return _read_letter(document, envelope, header.one("TraceHeaderList"), message)


def _refuse_surprises(document: Element, envelope: Element) -> None:
    for node in document.node.iter(etree.ProcessingInstruction):
        raise Refused(INSTRUCTION, where=f"edXML, line {node.sourceline}")
    for inside in envelope.node.iter("*"):
        if str(inside.tag).endswith("AttachmentEncoded") and local_name(inside) == "AttachmentEncoded":
            raise Refused(MISPLACED, where=f"{envelope.path}/.../AttachmentEncoded, line {inside.sourceline}")


def _read_letter(document: Element, envelope: Element, trace: Element | None, message: Element) -> Letter:
    tasks, places = message.one("ResponseForTask"), message.one("ToPlaces")
    return Letter(
        sender=read_organ(message.required("From")),
        receivers=tuple(read_organ(to) for to in message.some("To")),
        document_id=message.required_text("DocumentId"),
        subject=message.required_text("Subject"),
        code=message.read(read_code, "Code"),
        promulgation=message.read(read_promulgation, "PromulgationInfo"),
        document_type=message.read(read_document_type, "DocumentType"),
        content=message.optional_text("Content"),
        signer=message.read(read_signer, "SignerInfo"),
        due_date=message.date("DueDate"),
        other=message.read(read_other, "OtherInfo"),
        responses=message.read_all(read_response, "ResponseFor"),
        steering_type=message.number("SteeringType"),
        tasks=tasks.texts("TaskCode") if tasks else (),
        application_type=message.optional_text("ApplicationType"),
        to_places=places.texts("Place") if places else (),
        paper=trace.flag("Paper") if trace else None,
        business=trace.read(read_business, "Bussiness", "Business") if trace else None,
        trace=trace.read_all(read_trace, "TraceHeader") if trace else (),
        references=read_references(envelope),
        attachments=read_attachments(document),
    )


def _read_notice(message: Element) -> StatusNotice:
    response_for = message.required("ResponseFor")
    response_for.required_organ_code()
    response = read_response(response_for)
    if not response.document_id and not response.code:
        raise Refused(MISSING, "Neither DocumentId nor Code names the letter", where=response_for.where)
    return StatusNotice(
        sender=read_organ(message.required("From")),
        response_for=response,
        staff=message.read(read_staff, "StaffInfo"),
        status_code=_read_status_code(message.required("StatusCode")),
        description=message.optional_text("Description"),
        timestamp=message.moment("Timestamp"),
    )


def _read_status_code(element: Element) -> StatusCode:
    """Read the code; one digit stands for two, and 14 occurs where 15 is meant."""
    text = (element.text or "").zfill(2)
    try:
        return StatusCode("15" if text == "14" else text)
    except ValueError:
        raise Refused(STATUS_CODE, f"“{text[:60]}” is not a status code", where=element.where) from None
