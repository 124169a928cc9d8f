"""How long the texts of a message may be, in characters: the larger limit wherever implementations differ."""

from __future__ import annotations

from collections.abc import Iterator

from envelopes.edxml.model import Business, Letter, Message, Organ, OtherInfo, ResponseFor, Staff, StatusNotice
from trust_store.errors import Refused, reason

TOO_LONG = reason(
    "edxml-too-long", "A text is longer than receivers can store", "Shorten the text; long texts belong into a file"
)

Limited = Iterator[tuple[str, str | None, int]]


def check_lengths(message: Message) -> None:
    """Refuse the first text that is too long.

    Raises:
        Refused: with the path of the element.
    """
    for path, text, allowed in _letter(message) if isinstance(message, Letter) else _notice(message):
        if text is not None and len(text) > allowed:
            raise Refused(TOO_LONG, f"The text has {len(text):,} characters; {allowed:,} are allowed", where=path)


def _letter(letter: Letter) -> Limited:
    yield from _organ("From", letter.sender)
    for receiver in letter.receivers:
        yield from _organ("To", receiver)
    yield "DocumentId", letter.document_id, 200
    yield "Subject", letter.subject, 500
    yield "Content", letter.content, 500
    yield from _description(letter)
    if letter.other:
        yield from _other(letter.other)
    for response in letter.responses:
        yield from _response(response)
    for place in letter.to_places:
        yield "ToPlaces/Place", place, 150
    if letter.business:
        yield from _business(letter.business)


def _description(letter: Letter) -> Limited:
    if letter.code:
        yield "Code/CodeNumber", letter.code.number, 50
        yield "Code/CodeNotation", letter.code.notation, 50
    if letter.promulgation:
        yield "PromulgationInfo/Place", letter.promulgation.place, 50
    if letter.document_type:
        yield "DocumentType/TypeName", letter.document_type.name, 100
    if letter.signer:
        yield "SignerInfo/Competence", letter.signer.competence, 100
        yield "SignerInfo/Position", letter.signer.position, 100
        yield "SignerInfo/FullName", letter.signer.full_name, 50


def _notice(notice: StatusNotice) -> Limited:
    yield from _organ("From", notice.sender)
    yield from _response(notice.response_for)
    yield "Description", notice.description, 1000
    if notice.staff:
        yield from _staff("StaffInfo", notice.staff)


def _organ(path: str, organ: Organ) -> Limited:
    yield f"{path}/OrganizationInCharge", organ.in_charge, 200
    yield f"{path}/OrganName", organ.name, 200
    yield f"{path}/OrganAdd", organ.address, 250
    yield f"{path}/Email", organ.email, 100
    yield f"{path}/Telephone", organ.telephone, 50
    yield f"{path}/Fax", organ.fax, 50
    yield f"{path}/Website", organ.website, 100


def _other(other: OtherInfo) -> Limited:
    yield "OtherInfo/SphereOfPromulgation", other.sphere, 100
    yield "OtherInfo/TyperNotation", other.typist, 10
    for appendix in other.appendixes:
        yield "OtherInfo/Appendixes/Appendix", appendix, 250


def _response(response: ResponseFor) -> Limited:
    yield "ResponseFor/Code", response.code, 50
    yield "ResponseFor/DocumentId", response.document_id, 200


def _business(business: Business) -> Limited:
    yield "Bussiness/DocumentId", business.document_id, 200
    yield "Bussiness/BussinessDocReason", business.reason, 500
    for replacement in business.replacements:
        yield "Bussiness/ReplacementInfoList/ReplacementInfo/DocumentId", replacement.document_id, 200
    for staff in business.staff:
        yield from _staff("Bussiness/StaffInfo", staff)


def _staff(path: str, staff: Staff) -> Limited:
    yield f"{path}/Department", staff.department, 250
    yield f"{path}/DepartmentId", staff.department_id, 100
    yield f"{path}/Staff", staff.name, 100
    yield f"{path}/StaffId", staff.staff_id, 100
    yield f"{path}/Email", staff.email, 100
    yield f"{path}/Mobile", staff.mobile, 100
