"""Write an edXML message the way the common library writes it, so that every system reads it (QCVN 102:2016).

`parse(build(message)) == message` holds for every message whose texts have no outer white space. What has no form
on the wire is left out: outer white space, empty texts, blocks in which every value is missing, fractions of a second.
"""

from __future__ import annotations

import base64

from lxml import etree

from envelopes.edxml.blocks import (
    write_business,
    write_code,
    write_document_type,
    write_organ,
    write_other,
    write_promulgation,
    write_response,
    write_signer,
    write_staff,
    write_station,
)
from envelopes.edxml.model import Attachment, Letter, Message, Reference, StatusNotice
from envelopes.edxml.syntax import MISSING, NAMESPACE
from envelopes.edxml.writing import Writing
from trust_store.errors import Refused

# lxml writes the declaration with single quotes; the common library writes this one.
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def build(message: Message) -> bytes:
    """Write a letter or a status notice as UTF-8 with CRLF line ends.

    Raises:
        Refused: a required value is missing, an organisation code or a number is none, or a text has a character that
            XML 1.0 cannot carry.
    """
    document = Writing(node=etree.Element(f"{{{NAMESPACE}}}edXML", nsmap={None: NAMESPACE}), path="edXML")
    envelope = document.prefixed("edXMLEnvelope")
    if isinstance(message, Letter):
        _write_letter(envelope, message)
        _write_attachments(document, message.attachments)
    else:
        _write_notice(envelope.child("edXMLHeader").child("MessageHeader"), message)
    lines = _DECLARATION + etree.tostring(document.node, encoding="UTF-8", pretty_print=True)
    # A carriage return inside a text has become &#13;, so this changes no value: a parser reads CRLF as a line feed.
    return lines.replace(b"\n", b"\r\n")


def _write_letter(envelope: Writing, letter: Letter) -> None:
    header = envelope.child("edXMLHeader")
    _write_message_header(header.child("MessageHeader"), letter)
    if letter.paper is not None or letter.business or letter.trace:
        trace = header.child("TraceHeaderList")
        trace.put("Paper", letter.paper)
        trace.put_block("Bussiness", write_business, letter.business)
        trace.put_blocks("TraceHeader", write_station, letter.trace)
    manifest = envelope.child("edXMLBody").child("edXMLManifest")
    manifest.node.set("version", "1.0")
    manifest.put_blocks("Reference", _write_reference, letter.references)


def _write_message_header(header: Writing, letter: Letter) -> None:
    if not letter.receivers:
        raise Refused(MISSING, "To is missing", where=header.path)
    header.put_block("From", write_organ, letter.sender)
    header.put_blocks("To", write_organ, letter.receivers)
    header.put_required("DocumentId", letter.document_id)
    header.put_block("Code", write_code, letter.code)
    header.put_block("PromulgationInfo", write_promulgation, letter.promulgation)
    header.put_block("DocumentType", write_document_type, letter.document_type)
    header.put_required("Subject", letter.subject)
    header.put("Content", letter.content)
    header.put_block("SignerInfo", write_signer, letter.signer)
    header.put("DueDate", letter.due_date)
    header.put_block("OtherInfo", write_other, letter.other)
    header.put_blocks("ResponseFor", write_response, letter.responses)
    header.put("SteeringType", letter.steering_type)
    header.put_list("ResponseForTask", "TaskCode", letter.tasks)
    header.put("ApplicationType", letter.application_type)
    header.put_list("ToPlaces", "Place", letter.to_places)


def _write_notice(header: Writing, notice: StatusNotice) -> None:
    response = notice.response_for
    if not response.organ_id or not (response.code or response.document_id):
        raise Refused(
            MISSING, "OrganId, and DocumentId or Code, must name the letter", where=f"{header.path}/ResponseFor"
        )
    header.put_block("From", write_organ, notice.sender)
    header.put_block("ResponseFor", write_response, response)
    header.put_block("StaffInfo", write_staff, notice.staff)
    header.put("StatusCode", str(notice.status_code))
    header.put("Description", notice.description)
    header.put("Timestamp", notice.timestamp)


def _write_reference(element: Writing, reference: Reference) -> None:
    element.put_required("ContentId", reference.content_id and f"cid:{reference.content_id}")
    element.put("ContentType", reference.content_type)
    element.put("Description", reference.description)
    element.put("AttachmentName", reference.name)


def _write_attachments(document: Writing, attachments: tuple[Attachment, ...]) -> None:
    if attachments:
        document.child("AttachmentEncoded").put_blocks("Attachment", _write_attachment, attachments)


def _write_attachment(element: Writing, attachment: Attachment) -> None:
    element.put_required("ContentId", attachment.content_id and f"cid:{attachment.content_id}")
    element.put_required("AttachmentName", attachment.name)
    element.put("Description", attachment.description)
    element.put("FieldName", attachment.field_name)
    element.put("MimeType", attachment.mime_type)
    element.put("ContentType", attachment.content_type)
    element.prefixed("ContentTransferEncoded").node.text = base64.b64encode(attachment.content).decode("ascii")
