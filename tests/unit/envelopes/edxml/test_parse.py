"""Each rule of reading, on a small message of our own."""

from __future__ import annotations

import datetime

import pytest
from lxml import etree

from envelopes import edxml
from envelopes.xml import parse_tolerant
from trust_store.errors import Refused

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
LETTER = f"""<edXML xmlns="{QCVN}">
<e:edXMLEnvelope xmlns:e="{QCVN}">
<e:edXMLHeader>
<e:MessageHeader>
<e:From><e:OrganId>000.00.12.H56</e:OrganId></e:From>
<e:To><e:OrganId>G12</e:OrganId></e:To>
<e:DocumentId>H56-2026-1</e:DocumentId>
<e:Subject>Thử</e:Subject>
<!--message-->
</e:MessageHeader>
<e:TraceHeaderList><!--trace--></e:TraceHeaderList>
</e:edXMLHeader>
<e:edXMLBody><e:edXMLManifest><!--manifest--></e:edXMLManifest></e:edXMLBody>
</e:edXMLEnvelope>
<!--files-->
</edXML>"""
STATUS = f"""<edXML xmlns="{QCVN}"><edXMLEnvelope><edXMLHeader><MessageHeader>
<From><OrganId>G12</OrganId></From>
<ResponseFor><OrganId>H56</OrganId><Code>1/CV</Code></ResponseFor>
<StatusCode>03</StatusCode>
<!--message-->
</MessageHeader></edXMLHeader></edXMLEnvelope></edXML>"""
FILE = """<AttachmentEncoded><Attachment><ContentId>cid:cid:1</ContentId><AttachmentName>a.pdf</AttachmentName>
<ContentTransferEncoded>{}</ContentTransferEncoded></Attachment></AttachmentEncoded>"""


def read(text: str) -> edxml.Message:
    tree, _ = parse_tolerant(text.encode())
    etree.strip_tags(tree, etree.Comment)
    return edxml.parse(tree.getroot())


def letter(**parts: str) -> edxml.Letter:
    text = LETTER
    for place, xml in parts.items():
        text = text.replace(f"<!--{place}-->", xml)
    message = read(text)
    assert isinstance(message, edxml.Letter)
    return message


def notice(xml: str = "", text: str = STATUS) -> edxml.StatusNotice:
    message = read(text.replace("<!--message-->", xml))
    assert isinstance(message, edxml.StatusNotice)
    return message


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        read(text)
    return caught.value.reason.code, caught.value.where


def header_refusal(xml: str) -> tuple[str, str]:
    return refusal(LETTER.replace("<!--message-->", xml))


def test_the_least_letter() -> None:
    assert letter() == edxml.Letter(
        sender=edxml.Organ(organ_id="000.00.12.H56"),
        receivers=(edxml.Organ(organ_id="G12"),),
        document_id="H56-2026-1",
        subject="Thử",
    )
    assert letter().business_type is edxml.BusinessType.NEW


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026/01/02", datetime.date(2026, 1, 2)),
        ("2026-01-02", datetime.date(2026, 1, 2)),
        ("02/01/2026", datetime.date(2026, 1, 2)),
        ("2026/1/2", datetime.date(2026, 1, 2)),
        ("  2026/01/02\n", datetime.date(2026, 1, 2)),
        ("", None),
    ],
)
def test_dates(text: str, day: datetime.date | None) -> None:
    assert letter(message=f"<e:DueDate>{text}</e:DueDate>").due_date == day


@pytest.mark.parametrize(
    "text", ["2026/02/30", "2026/13/01", "01-02-2026", "2026/01-02", "26/01/02", "tomorrow", "٢٠٢٦/01/02"]
)
def test_unreadable_dates_are_refused(text: str) -> None:
    code, where = header_refusal(f"<e:DueDate>{text}</e:DueDate>")
    assert (code, where) == ("edxml-date", "edXML/edXMLEnvelope/edXMLHeader/MessageHeader/DueDate, line 9")


@pytest.mark.parametrize(
    "text", ["2026/01/02", "2026/01/02 25:00:00", "2026/01/02T08:00:00", "2026/01/02 08:00:00+07:00"]
)
def test_unreadable_moments_are_refused(text: str) -> None:
    trace = f"<e:TraceHeader><e:Timestamp>{text}</e:Timestamp></e:TraceHeader>"
    assert refusal(LETTER.replace("<!--trace-->", trace))[0] == "edxml-date"


def test_trace_without_code_or_with_the_word_null() -> None:
    station = "<e:TraceHeader>{}<e:Timestamp>2026/01/02 08:09:10</e:Timestamp></e:TraceHeader>"
    trace = station.format("") + station.format("<e:OrganId>null</e:OrganId>") + "<e:TraceHeader/>"
    expected = edxml.TraceHeader(
        timestamp=datetime.datetime.combine(datetime.date(2026, 1, 2), datetime.time(8, 9, 10))
    )
    assert letter(trace=trace).trace == (expected, expected)


@pytest.mark.parametrize("code", ["000.00.12.H56", "G12", "020100107370", "vxp.saas.03", "A" * 20, "a.b.c.d.e"])
def test_organisation_codes(code: str) -> None:
    assert read(LETTER.replace("G12", code)).receivers[0].organ_id == code  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "code", ["A" * 21, "a.b.c.d.e.f", "a..b", "G 12", "Đ12", ".", "a-b", "A" * 20 + ".a" * 3 + "." + "b" * 28]
)
def test_malformed_organisation_codes_are_refused(code: str) -> None:
    expected = ("edxml-organ-code", "edXML/edXMLEnvelope/edXMLHeader/MessageHeader/To/OrganId, line 6")
    assert refusal(LETTER.replace("G12", code)) == expected


def test_an_organisation_code_has_at_most_50_characters() -> None:
    group = "A" * 15
    assert refusal(LETTER.replace("G12", f"{group}.{group}.{group}.AAA"))[0] == "edxml-organ-code"
    second = letter(message=f"<e:To><e:OrganId>{group}.{group}.{group}.AA</e:OrganId></e:To>").receivers[1]
    assert len(second.organ_id) == 50


@pytest.mark.parametrize(
    ("element", "name"),
    [
        ("<e:From><e:OrganId>000.00.12.H56</e:OrganId></e:From>", "From is missing"),
        ("<e:To><e:OrganId>G12</e:OrganId></e:To>", "To is missing"),
        ("<e:OrganId>G12</e:OrganId>", "OrganId is missing"),
        ("<e:DocumentId>H56-2026-1</e:DocumentId>", "DocumentId is missing"),
        ("<e:Subject>Thử</e:Subject>", "Subject is missing"),
    ],
)
def test_required_elements(element: str, name: str) -> None:
    with pytest.raises(Refused, match=name) as caught:
        read(LETTER.replace(element, ""))
    assert caught.value.reason.code == "edxml-missing"
    assert "MessageHeader" in caught.value.where


def test_an_empty_required_text_is_missing() -> None:
    expected = ("edxml-missing", "edXML/edXMLEnvelope/edXMLHeader/MessageHeader/Subject, line 8")
    assert refusal(LETTER.replace("Thử", " ")) == expected


def test_empty_elements_are_none() -> None:
    message = "<e:Code><e:CodeNumber/></e:Code><e:ResponseFor/><e:OtherInfo><e:Priority> </e:Priority></e:OtherInfo>"
    assert letter(message=message, trace="<e:Bussiness/>") == letter()


def test_an_element_that_occurs_twice_is_refused() -> None:
    expected = ("edxml-twice", "edXML/edXMLEnvelope/edXMLHeader/MessageHeader/Subject, line 9")
    assert header_refusal("<e:Subject>Thử</e:Subject>") == expected


def test_one_block_in_both_spellings_is_refused() -> None:
    block = "<e:Bussiness><e:BussinessDocType>0</e:BussinessDocType></e:Bussiness>"
    trace = block + block.replace("Bussiness", "Business")
    assert refusal(LETTER.replace("<!--trace-->", trace))[0] == "edxml-twice"


def test_elements_inside_a_text_are_refused() -> None:
    expected = ("edxml-not-text", "edXML/edXMLEnvelope/edXMLHeader/MessageHeader/Content, line 9")
    assert header_refusal("<e:Content>a<b>c</b></e:Content>") == expected


def test_comments_do_not_cut_a_text() -> None:
    assert letter(message="<e:Content>a<!-- x -->b</e:Content>").content == "ab"


@pytest.mark.parametrize("xml", ["<?x y?>", "<e:Content>a<?x y?>b</e:Content>"])
def test_processing_instructions_are_refused(xml: str) -> None:
    assert header_refusal(xml) == ("edxml-instruction", "edXML, line 9")


def test_other_namespaces_are_passed_over_and_undeclared_prefixes_are_not() -> None:
    assert letter(message='<x:Content xmlns:x="urn:x">a</x:Content>').content is None
    assert letter(message='<Content xmlns="">a</Content>').content is None
    assert letter(message="<undeclared:Content>a</undeclared:Content>").content == "a"
    assert header_refusal("<undeclared:Subject>a</undeclared:Subject>")[0] == "edxml-twice"


def test_numbers_and_flags() -> None:
    xml = "<e:OtherInfo><e:Priority>3</e:Priority><e:Direction>TRUE</e:Direction></e:OtherInfo><e:SteeringType>2</e:SteeringType>"
    found = letter(message=xml, trace="<e:Paper>1</e:Paper>")
    assert found.other == edxml.OtherInfo(priority=3, direction=True)
    assert (found.steering_type, found.paper) == (2, True)


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ("<e:SteeringType>one</e:SteeringType>", "edxml-number"),
        ("<e:OtherInfo><e:Priority>high</e:Priority></e:OtherInfo>", "edxml-number"),
        ("<e:OtherInfo><e:Priority>٣</e:Priority></e:OtherInfo>", "edxml-number"),
        ("<e:OtherInfo><e:Direction>maybe</e:Direction></e:OtherInfo>", "edxml-flag"),
    ],
)
def test_unreadable_numbers_and_flags_are_refused(xml: str, code: str) -> None:
    assert header_refusal(xml)[0] == code


def test_words_for_a_document_type_are_passed_over() -> None:
    xml = "<e:DocumentType><e:Type>abc</e:Type><e:TypeDetail>-1</e:TypeDetail><e:TypeName>Công văn</e:TypeName></e:DocumentType>"
    assert letter(message=xml).document_type == edxml.DocumentType(detail=-1, name="Công văn")


@pytest.mark.parametrize("spelling", ["Bussiness", "Business"])
def test_business_in_both_spellings(spelling: str) -> None:
    xml = f"""<e:{spelling}><e:{spelling}DocType>3</e:{spelling}DocType><e:{spelling}DocReason>r</e:{spelling}DocReason>
    <e:{spelling}DocumentInfo><e:DocumentInfo>1</e:DocumentInfo></e:{spelling}DocumentInfo>
    <e:ReplacementInfoList><e:ReplacementInfo><e:DocumentId>d</e:DocumentId>
    <e:OrganIdList><e:OrganId>G1</e:OrganId><e:OrganId>G2</e:OrganId></e:OrganIdList></e:ReplacementInfo>
    </e:ReplacementInfoList></e:{spelling}>"""
    assert letter(trace=xml).business == edxml.Business(
        business_type=edxml.BusinessType.REPLACE,
        reason="r",
        change=edxml.Change(document=True),
        replacements=(edxml.Replacement(document_id="d", organ_ids=("G1", "G2")),),
    )


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ("<e:Bussiness><e:BussinessDocType>4</e:BussinessDocType></e:Bussiness>", "edxml-business-type"),
        ("<e:Bussiness><e:BussinessDocType>new</e:BussinessDocType></e:Bussiness>", "edxml-business-type"),
        ("<e:Bussiness><e:Paper>1</e:Paper></e:Bussiness>", "edxml-missing"),
    ],
)
def test_an_unknown_or_missing_business_type_is_refused(xml: str, code: str) -> None:
    assert refusal(LETTER.replace("<!--trace-->", xml))[0] == code


def test_files_and_manifest() -> None:
    manifest = "<e:Reference><e:ContentId>cid:1</e:ContentId><e:AttachmentName>a.pdf</e:AttachmentName></e:Reference>"
    found = letter(manifest=manifest, files=FILE.format("JVBE\r\n Ri0="))
    assert found.references == (edxml.Reference(content_id="1", name="a.pdf"),)
    assert found.attachments == (edxml.Attachment(content_id="1", name="a.pdf", content=b"%PDF-"),)


def test_a_file_of_no_bytes() -> None:
    assert letter(files=FILE.format("")).attachments[0].content == b""


@pytest.mark.parametrize("attribute", ['xlink:href="cid:7"', 'x:href="cid:7" xmlns:x="http://www.w3.org/1999/xlink"'])
def test_a_reference_by_href(attribute: str) -> None:
    assert letter(manifest=f"<e:Reference {attribute}/>").references == (edxml.Reference(content_id="7"),)


@pytest.mark.parametrize("reference", ["<e:Reference/>", '<e:Reference xlink:href=""/>', '<e:Reference href="cid:7"/>'])
def test_a_reference_to_nothing_is_refused(reference: str) -> None:
    assert refusal(LETTER.replace("<!--manifest-->", reference))[0] == "edxml-missing"


def test_the_manifest_under_its_other_name() -> None:
    text = LETTER.replace("edXMLManifest", "Manifest").replace("<!--manifest-->", '<e:Reference xlink:href="cid:7"/>')
    assert read(text).references[0].content_id == "7"  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["JVBE*", "JVB", "JVBE=", "====", "JVBEé", "JVBE-_=="])
def test_broken_base64_is_refused(text: str) -> None:
    expected = ("edxml-base64", "edXML/AttachmentEncoded/Attachment/ContentTransferEncoded, line 16")
    assert refusal(LETTER.replace("<!--files-->", FILE.format(text))) == expected


def test_a_file_without_content_is_refused() -> None:
    files = FILE.format("").replace("<ContentTransferEncoded></ContentTransferEncoded>", "")
    assert refusal(LETTER.replace("<!--files-->", files))[0] == "edxml-missing"


@pytest.mark.parametrize("place", ["message", "manifest"])
def test_files_inside_the_envelope_are_refused(place: str) -> None:
    assert refusal(LETTER.replace(f"<!--{place}-->", FILE.format("")))[0] == "edxml-attachments-inside"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>', "edxml-soap"),
        ('<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"/>', "edxml-soap"),
        (f'<edXMLEnvelope xmlns="{QCVN}"/>', "edxml-unwrapped"),
        ('<EdXMLEnvelope xmlns="http://www.go.vn/eDoc"/>', "edxml-go-vn"),
        ('<edXML xmlns="http://www.e-doc.vn/Schema/"/>', "edxml-namespace"),
        ("<edXML/>", "edxml-namespace"),
        ("<html/>", "edxml-root"),
        (f'<edXMLEnvelope xmlns="{QCVN}"><edXMLBody><AVReport/></edXMLBody></edXMLEnvelope>', "edxml-malware-report"),
        (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:edXML="http://edxml.gov.vn/schema">'
            "<s:Header><edXML:MessageHeader/></s:Header></s:Envelope>",
            "edxml-malware-report",
        ),
        (f'<edXML xmlns="{QCVN}"><edXMLEnvelope xmlns="urn:x"/></edXML>', "edxml-missing"),
        (f'<edXML xmlns="{QCVN}"><edXML:edXMLEnvelope/></edXML>', "edxml-namespace"),
        (f'<edXML xmlns="{QCVN}"/>', "edxml-missing"),
        (f'<edXML xmlns="{QCVN}"><edXMLEnvelope/><edXMLEnvelope/></edXML>', "edxml-twice"),
    ],
)
def test_what_is_no_edxml_is_named(text: str, code: str) -> None:
    assert refusal(text)[0] == code


def test_the_least_status_notice() -> None:
    assert notice() == edxml.StatusNotice(
        sender=edxml.Organ(organ_id="G12"),
        response_for=edxml.ResponseFor(organ_id="H56", code="1/CV"),
        status_code=edxml.StatusCode.ACCEPTED,
    )


def test_staff_description_and_moment_of_a_status_notice() -> None:
    found = notice(
        "<StaffInfo><Department>d</Department><Staff>s</Staff></StaffInfo><Description>w</Description>"
        "<Timestamp>2026/01/02 08:09:10</Timestamp>"
    )
    assert found.staff == edxml.Staff(department="d", name="s")
    assert (found.description, str(found.timestamp)) == ("w", "2026-01-02 08:09:10")


@pytest.mark.parametrize(("text", "code"), [("1", "01"), ("6", "06"), ("13", "13"), ("14", "15"), ("15", "15")])
def test_status_codes(text: str, code: str) -> None:
    assert notice(text=STATUS.replace("03", text)).status_code == code


@pytest.mark.parametrize("text", ["0", "07", "12", "99", "x", "003"])
def test_unknown_status_codes_are_refused(text: str) -> None:
    assert refusal(STATUS.replace("03", text))[0] == "edxml-status-code"


@pytest.mark.parametrize("element", ["<OrganId>H56</OrganId>", "<Code>1/CV</Code>", "<OrganId>G12</OrganId>"])
def test_a_status_notice_names_its_letter_and_both_parties(element: str) -> None:
    assert refusal(STATUS.replace(element, ""))[0] == "edxml-missing"


def test_a_status_notice_is_about_one_letter() -> None:
    xml = "<ResponseFor><OrganId>H56</OrganId><Code>2/CV</Code></ResponseFor>"
    assert refusal(STATUS.replace("<!--message-->", xml))[0] == "edxml-twice"
