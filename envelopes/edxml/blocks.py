"""Write the blocks of a message header and of the trace, each in the order of the common library."""

from __future__ import annotations

from envelopes.edxml.model import (
    Business,
    Change,
    ChangedReceiver,
    Code,
    DocumentType,
    Organ,
    OtherInfo,
    Promulgation,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    TraceHeader,
)
from envelopes.edxml.writing import Writing


def write_organ(element: Writing, organ: Organ) -> None:
    """Write a sender or a receiver."""
    element.put_organ_code(organ.organ_id)
    element.put("OrganizationInCharge", organ.in_charge)
    element.put("OrganName", organ.name)
    element.put("OrganAdd", organ.address)
    element.put("Email", organ.email)
    element.put("Telephone", organ.telephone)
    element.put("Fax", organ.fax)
    element.put("Website", organ.website)


def write_code(element: Writing, code: Code) -> None:
    """Write the number and notation of a letter."""
    element.put("CodeNumber", code.number)
    element.put("CodeNotation", code.notation)


def write_promulgation(element: Writing, promulgation: Promulgation) -> None:
    """Write where and when a letter was issued."""
    element.put("Place", promulgation.place)
    element.put("PromulgationDate", promulgation.date)


def write_document_type(element: Writing, document_type: DocumentType) -> None:
    """Write the kind of a letter."""
    element.put("Type", document_type.type)
    element.put("TypeDetail", document_type.detail)
    element.put("TypeName", document_type.name)


def write_signer(element: Writing, signer: Signer) -> None:
    """Write who signed a letter."""
    element.put("Competence", signer.competence)
    element.put("Position", signer.position)
    element.put("FullName", signer.full_name)


def write_other(element: Writing, other: OtherInfo) -> None:
    """Write how urgent a letter is and how it is to be handled."""
    element.put("Priority", other.priority)
    element.put("SphereOfPromulgation", other.sphere)
    element.put("TyperNotation", other.typist)
    element.put("PromulgationAmount", other.copies)
    element.put("PageAmount", other.pages)
    element.put("Direction", None if other.direction is None else str(other.direction).lower())
    element.put("ReplyFors", other.reply_fors)
    element.put("ReferenceCodes", other.reference_codes)
    element.put_list("Appendixes", "Appendix", other.appendixes)


def write_response(element: Writing, response: ResponseFor) -> None:
    """Write which letter is answered, revoked or reported on."""
    element.put_organ_code(response.organ_id)
    element.put("Code", response.code)
    element.put("DocumentId", response.document_id)
    element.put("PromulgationDate", response.promulgation_date)


def write_staff(element: Writing, staff: Staff) -> None:
    """Write who handles a letter."""
    element.put("Department", staff.department)
    element.put("DepartmentId", staff.department_id)
    element.put("Staff", staff.name)
    element.put("StaffId", staff.staff_id)
    element.put("Email", staff.email)
    element.put("Mobile", staff.mobile)


def write_business(element: Writing, business: Business) -> None:
    """Write what a letter does to earlier ones, in the spelling that every system reads."""
    element.put("DocumentId", business.document_id)
    element.put("BussinessDocType", int(business.business_type))
    element.put("BussinessDocReason", business.reason)
    element.put("Paper", business.paper)
    element.put_block("BussinessDocumentInfo", _write_change, business.change)
    if business.replacements:
        element.child("ReplacementInfoList").put_blocks("ReplacementInfo", _write_replacement, business.replacements)
    element.put_blocks("StaffInfo", write_staff, business.staff)


def write_station(element: Writing, station: TraceHeader) -> None:
    """Write one station that a letter passed."""
    element.put("OrganId", station.organ_id)
    element.put("Timestamp", station.timestamp)


def _write_change(element: Writing, change: Change) -> None:
    element.put("DocumentInfo", change.document)
    element.put("DocumentReceiver", change.receiver)
    if change.receivers:
        element.child("ReceiverList").put_blocks("Receiver", _write_changed_receiver, change.receivers)


def _write_changed_receiver(element: Writing, receiver: ChangedReceiver) -> None:
    element.put_organ_code(receiver.organ_id)
    element.put("ReceiverType", receiver.kind)


def _write_replacement(element: Writing, replacement: Replacement) -> None:
    element.put_required("DocumentId", replacement.document_id)
    if replacement.organ_ids:
        organs = element.child("OrganIdList")
        for organ_id in replacement.organ_ids:
            organs.put_organ_code(organ_id)
