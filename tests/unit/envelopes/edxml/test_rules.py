"""Each rule of checking: a message that keeps it, and one that breaks it."""

from __future__ import annotations

import datetime
import io
import zipfile
from dataclasses import replace

import pytest

from envelopes import edxml
from trust_store.errors import Refused

TODAY = datetime.date(2026, 1, 2)
LETTER = edxml.Letter(
    sender=edxml.Organ(organ_id="H56"),
    receivers=(edxml.Organ(organ_id="G12"),),
    document_id="H56,2026/01/02,1/CV",
    subject="Thử",
)
NOTICE = edxml.StatusNotice(
    sender=edxml.Organ(organ_id="G12"),
    response_for=edxml.ResponseFor(organ_id="H56", document_id="H56,2026/01/02,1/CV"),
    status_code=edxml.StatusCode.ARRIVED,
)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"a")
    return buffer.getvalue()


def file(
    content_id: str = "1", name: str = "a.pdf", content_type: str | None = None, content: bytes = b""
) -> edxml.Attachment:
    return edxml.Attachment(content_id=content_id, name=name, content_type=content_type, content=content)


def listed(content_id: str = "1", name: str | None = "a.pdf") -> edxml.Reference:
    return edxml.Reference(content_id=content_id, name=name)


def business(kind: edxml.BusinessType, document_id: str | None = None, *replaced: str) -> edxml.Business:
    replacements = tuple(edxml.Replacement(document_id=one) for one in replaced)
    return edxml.Business(business_type=kind, document_id=document_id, replacements=replacements)


def with_files(*attachments: edxml.Attachment) -> edxml.Letter:
    references = tuple(listed(one.content_id, one.name) for one in attachments)
    return replace(LETTER, attachments=attachments, references=references)


REVOKE, UPDATE, REPLACE = edxml.BusinessType.REVOKE, edxml.BusinessType.UPDATE, edxml.BusinessType.REPLACE
KEPT: dict[str, edxml.Message] = {
    "least": LETTER,
    "two receivers": replace(LETTER, receivers=(edxml.Organ(organ_id="G12"), edxml.Organ(organ_id="000.00.00.G12"))),
    "dated today": replace(LETTER, promulgation=edxml.Promulgation(date=TODAY)),
    "priority 4": replace(LETTER, other=edxml.OtherInfo(priority=4, copies=0, pages=0)),
    "subject of 500": replace(LETTER, subject="Đ" * 500),
    "revoked by id": replace(LETTER, business=business(REVOKE), responses=(edxml.ResponseFor(document_id="1"),)),
    "revoked by code": replace(LETTER, business=business(REVOKE), responses=(edxml.ResponseFor(code="1"),)),
    "updated": replace(LETTER, business=business(UPDATE, "1")),
    "replaced": replace(LETTER, business=business(REPLACE, None, "1")),
    "nothing is carried": replace(LETTER, references=(listed(),)),
    "one id, two names": with_files(file(name="a.pdf"), file(name="b.pdf")),
    "other name in the manifest": replace(LETTER, attachments=(file(),), references=(listed(name=None),)),
    "zip": with_files(file(content_type="application/zip", content=zipped())),
    "zip of no bytes": with_files(file(content_type="application/zip")),
    "not announced": with_files(file(content_type="application/pdf", content=b"x")),
    "arrived": NOTICE,
    "refused with reason": replace(NOTICE, status_code=edxml.StatusCode.REFUSED, description="why"),
    "disagreed without": replace(NOTICE, status_code=edxml.StatusCode.DISAGREED),
    "description of 1000": replace(NOTICE, description="x" * 1000),
}
BROKEN: dict[str, tuple[edxml.Message, str, str]] = {
    "receiver twice": (
        replace(LETTER, receivers=(edxml.Organ(organ_id="G12"), edxml.Organ(organ_id="g12"))),
        "edxml-receiver-twice",
        "MessageHeader/To",
    ),
    "dated tomorrow": (
        replace(LETTER, promulgation=edxml.Promulgation(date=TODAY + datetime.timedelta(days=1))),
        "edxml-future",
        "MessageHeader/PromulgationInfo/PromulgationDate",
    ),
    "priority 5": (
        replace(LETTER, other=edxml.OtherInfo(priority=5)),
        "edxml-priority",
        "MessageHeader/OtherInfo/Priority",
    ),
    "priority -1": (
        replace(LETTER, other=edxml.OtherInfo(priority=-1)),
        "edxml-priority",
        "MessageHeader/OtherInfo/Priority",
    ),
    "pages -1": (
        replace(LETTER, other=edxml.OtherInfo(pages=-1)),
        "edxml-amount",
        "MessageHeader/OtherInfo/PageAmount",
    ),
    "copies -1": (
        replace(LETTER, other=edxml.OtherInfo(copies=-1)),
        "edxml-amount",
        "MessageHeader/OtherInfo/PromulgationAmount",
    ),
    "revoke what": (
        replace(LETTER, business=business(REVOKE, "1"), responses=(edxml.ResponseFor(organ_id="H56"),)),
        "edxml-revoke-what",
        "MessageHeader/ResponseFor",
    ),
    "update what": (
        replace(LETTER, business=business(UPDATE)),
        "edxml-update-what",
        "TraceHeaderList/Bussiness/DocumentId",
    ),
    "replace what": (
        replace(LETTER, business=business(REPLACE, "1")),
        "edxml-replace-what",
        "TraceHeaderList/Bussiness/ReplacementInfoList",
    ),
    "not listed": (replace(LETTER, attachments=(file(),)), "edxml-manifest", "edXMLBody/edXMLManifest"),
    "not carried": (
        replace(with_files(file()), references=(listed(), listed("2"))),
        "attachment-missing",
        "edXMLBody/edXMLManifest",
    ),
    "one id, one name, twice": (with_files(file(), file()), "edxml-manifest", "edXMLBody/edXMLManifest"),
    "one id, other names": (
        replace(with_files(file(), file(name="b.pdf")), references=(listed(), listed(name="c.pdf"))),
        "edxml-manifest",
        "edXMLBody/edXMLManifest",
    ),
    "zip in name only": (
        with_files(file(content_type="Application/ZIP", content=b"Hello")),
        "edxml-not-zipped",
        "AttachmentEncoded/Attachment/ContentType",
    ),
    "zip named zip": (
        with_files(file(name="a.zip", content_type="application/zip", content=b"Hello")),
        "edxml-not-zipped",
        "AttachmentEncoded/Attachment/ContentType",
    ),
    "refused without reason": (
        replace(NOTICE, status_code=edxml.StatusCode.REFUSED),
        "edxml-grounds",
        "MessageHeader/Description",
    ),
    "recall without reason": (
        replace(NOTICE, status_code=edxml.StatusCode.RECALL_REQUESTED),
        "edxml-grounds",
        "MessageHeader/Description",
    ),
}
ORGAN = edxml.Organ(organ_id="H56")
LONG: dict[str, edxml.Message] = {
    "Subject": replace(LETTER, subject="x" * 501),
    "Content": replace(LETTER, content="x" * 501),
    "DocumentId": replace(LETTER, document_id="x" * 201),
    "From/OrganizationInCharge": replace(LETTER, sender=replace(ORGAN, in_charge="x" * 201)),
    "From/OrganName": replace(NOTICE, sender=replace(ORGAN, name="x" * 201)),
    "To/OrganAdd": replace(LETTER, receivers=(replace(ORGAN, address="x" * 251),)),
    "To/Email": replace(LETTER, receivers=(replace(ORGAN, email="x" * 101),)),
    "To/Telephone": replace(LETTER, receivers=(replace(ORGAN, telephone="x" * 51),)),
    "To/Fax": replace(LETTER, receivers=(replace(ORGAN, fax="x" * 51),)),
    "To/Website": replace(LETTER, receivers=(replace(ORGAN, website="x" * 101),)),
    "Code/CodeNumber": replace(LETTER, code=edxml.Code(number="x" * 51)),
    "Code/CodeNotation": replace(LETTER, code=edxml.Code(notation="x" * 51)),
    "PromulgationInfo/Place": replace(LETTER, promulgation=edxml.Promulgation(place="x" * 51)),
    "DocumentType/TypeName": replace(LETTER, document_type=edxml.DocumentType(name="x" * 101)),
    "SignerInfo/Competence": replace(LETTER, signer=edxml.Signer(competence="x" * 101)),
    "SignerInfo/Position": replace(LETTER, signer=edxml.Signer(position="x" * 101)),
    "SignerInfo/FullName": replace(LETTER, signer=edxml.Signer(full_name="x" * 51)),
    "OtherInfo/SphereOfPromulgation": replace(LETTER, other=edxml.OtherInfo(sphere="x" * 101)),
    "OtherInfo/TyperNotation": replace(LETTER, other=edxml.OtherInfo(typist="x" * 11)),
    "OtherInfo/Appendixes/Appendix": replace(LETTER, other=edxml.OtherInfo(appendixes=("", "x" * 251))),
    "ResponseFor/Code": replace(LETTER, responses=(edxml.ResponseFor(code="x" * 51),)),
    "ResponseFor/DocumentId": replace(LETTER, responses=(edxml.ResponseFor(document_id="x" * 201),)),
    "ToPlaces/Place": replace(LETTER, to_places=("x" * 151,)),
    "Bussiness/DocumentId": replace(LETTER, business=business(UPDATE, "x" * 201)),
    "Bussiness/BussinessDocReason": replace(LETTER, business=replace(business(UPDATE, "1"), reason="x" * 501)),
    "Bussiness/ReplacementInfoList/ReplacementInfo/DocumentId": replace(
        LETTER, business=business(REPLACE, None, "x" * 201)
    ),
    "Bussiness/StaffInfo/Department": replace(
        LETTER, business=replace(business(UPDATE, "1"), staff=(edxml.Staff(department="x" * 251),))
    ),
    "StaffInfo/DepartmentId": replace(NOTICE, staff=edxml.Staff(department_id="x" * 101)),
    "StaffInfo/Staff": replace(NOTICE, staff=edxml.Staff(name="x" * 101)),
    "StaffInfo/StaffId": replace(NOTICE, staff=edxml.Staff(staff_id="x" * 101)),
    "StaffInfo/Email": replace(NOTICE, staff=edxml.Staff(email="x" * 101)),
    "StaffInfo/Mobile": replace(NOTICE, staff=edxml.Staff(mobile="x" * 101)),
    "Description": replace(NOTICE, description="x" * 1001),
}


@pytest.mark.parametrize("name", KEPT)
def test_kept(name: str) -> None:
    edxml.check(KEPT[name], today=TODAY)


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    message, code, where = BROKEN[name]
    with pytest.raises(Refused) as caught:
        edxml.check(message, today=TODAY)
    assert (caught.value.reason.code, caught.value.where) == (code, where)


BESIDE: dict[str, tuple[edxml.Message, tuple[str, ...], str]] = {
    "one beside": (replace(LETTER, references=(listed("2"),)), ("2",), ""),
    "one inside, one beside": (replace(with_files(file()), references=(listed(), listed("2"))), ("2",), ""),
    "two beside": (replace(LETTER, references=(listed("2"), listed("3"))), ("3", "2"), ""),
    "one missing": (replace(LETTER, references=(listed("2"), listed("3"))), ("2",), "attachment-missing"),
    "one more": (replace(LETTER, references=(listed("2"),)), ("2", "3"), "attachment-unlisted"),
    "none listed": (LETTER, ("2",), "attachment-unlisted"),
    "inside and signed beside": (with_files(file()), ("1",), "attachment-unlisted"),
    "listed twice": (replace(LETTER, references=(listed("2"), listed("2", "b.pdf"))), ("2",), "edxml-manifest"),
    "beside a notice": (NOTICE, ("2",), "attachment-unlisted"),
}


@pytest.mark.parametrize("name", BESIDE)
def test_files_beside_the_letter_are_listed_and_signed_one_to_one(name: str) -> None:
    message, detached, code = BESIDE[name]
    if not code:
        edxml.check(message, today=TODAY, detached=detached)
        return
    with pytest.raises(Refused) as caught:
        edxml.check(message, today=TODAY, detached=detached)
    assert (caught.value.reason.code, caught.value.where) == (code, "edXMLBody/edXMLManifest")


HOSTILE_NAMES = (
    *("../../etc/passwd", "..", ".", "a/../b.pdf", "a/..", "/etc/passwd", "a//b", "a/", "C:\\x", "c:x.pdf"),
    *("..\\..\\x", "\\\\server\\x", "a\\.\\b", "a\nb.pdf", "a\x7f.pdf", "a\x85.pdf"),
    *("hoa-don\u202efdp.exe", "\u2066a.pdf", "a\u200f.pdf"),
)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_a_name_that_is_a_path_or_hides_is_refused(name: str) -> None:
    for letter in (with_files(file(name=name)), replace(LETTER, references=(listed("2", name),))):
        with pytest.raises(Refused) as caught:
            edxml.check(letter, today=TODAY)
        assert (caught.value.reason.code, caught.value.where) == ("attachment-name", "AttachmentName")
        assert caught.value.text.isascii() or "\u202e" not in caught.value.text


@pytest.mark.parametrize("name", ["Báo cáo số 12.pdf", "12/UBND-VP.pdf", "a..b.pdf", "...", ".a", "giá 5:3.xlsx", "Đ"])
def test_names_that_offices_write_are_kept(name: str) -> None:
    edxml.check(with_files(file(name=name)), today=TODAY)


@pytest.mark.parametrize("where", LONG)
def test_too_long(where: str) -> None:
    with pytest.raises(Refused) as caught:
        edxml.check(LONG[where], today=TODAY)
    assert (caught.value.reason.code, caught.value.where) == ("edxml-too-long", where)
