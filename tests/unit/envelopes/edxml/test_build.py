"""Write every kind of message and read it again."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from envelopes import edxml
from envelopes.xml import parse
from trust_store.errors import Misuse, Refused

LETTER = edxml.Letter(
    sender=edxml.Organ(organ_id="H56"),
    receivers=(edxml.Organ(organ_id="G12"),),
    document_id="H56,2026/01/02,1/CV",
    subject="Thử",
)
NOTICE = edxml.StatusNotice(
    sender=edxml.Organ(organ_id="G12"),
    response_for=edxml.ResponseFor(organ_id="H56", document_id="H56,2026/01/02,1/CV"),
    status_code=edxml.StatusCode.REFUSED,
)
MOMENT = datetime.datetime.combine(datetime.date(2026, 1, 2), datetime.time(8, 9, 10))


def again(message: edxml.Message) -> edxml.Message:
    return edxml.parse(parse(edxml.build(message)).getroot())


def test_the_form_of_a_letter() -> None:
    letter = replace(
        LETTER,
        subject="a\nb < c",
        other=edxml.OtherInfo(priority=1, direction=True),
        business=edxml.Business(business_type=edxml.BusinessType.NEW, paper=False),
        trace=(edxml.TraceHeader(organ_id="H56", timestamp=MOMENT),),
        references=(edxml.Reference(content_id="1", name="a.pdf"),),
        attachments=(edxml.Attachment(content_id="1", name="a.pdf", content=b"%PDF-"),),
    )
    expected = """<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016">
  <edXML:edXMLEnvelope xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016">
    <edXML:edXMLHeader>
      <edXML:MessageHeader>
        <edXML:From>
          <edXML:OrganId>H56</edXML:OrganId>
        </edXML:From>
        <edXML:To>
          <edXML:OrganId>G12</edXML:OrganId>
        </edXML:To>
        <edXML:DocumentId>H56,2026/01/02,1/CV</edXML:DocumentId>
        <edXML:Subject>a
b &lt; c</edXML:Subject>
        <edXML:OtherInfo>
          <edXML:Priority>1</edXML:Priority>
          <edXML:Direction>true</edXML:Direction>
        </edXML:OtherInfo>
      </edXML:MessageHeader>
      <edXML:TraceHeaderList>
        <edXML:Bussiness>
          <edXML:BussinessDocType>0</edXML:BussinessDocType>
          <edXML:Paper>0</edXML:Paper>
        </edXML:Bussiness>
        <edXML:TraceHeader>
          <edXML:OrganId>H56</edXML:OrganId>
          <edXML:Timestamp>2026/01/02 08:09:10</edXML:Timestamp>
        </edXML:TraceHeader>
      </edXML:TraceHeaderList>
    </edXML:edXMLHeader>
    <edXML:edXMLBody>
      <edXML:edXMLManifest version="1.0">
        <edXML:Reference>
          <edXML:ContentId>cid:1</edXML:ContentId>
          <edXML:AttachmentName>a.pdf</edXML:AttachmentName>
        </edXML:Reference>
      </edXML:edXMLManifest>
    </edXML:edXMLBody>
  </edXML:edXMLEnvelope>
  <AttachmentEncoded>
    <Attachment>
      <ContentId>cid:1</ContentId>
      <AttachmentName>a.pdf</AttachmentName>
      <edXML:ContentTransferEncoded xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016">JVBERi0=</edXML:ContentTransferEncoded>
    </Attachment>
  </AttachmentEncoded>
</edXML>
"""
    assert edxml.build(letter).decode() == expected.replace("\n", "\r\n")


def test_the_form_of_a_status_notice() -> None:
    text = edxml.build(NOTICE).decode()
    assert "<edXML:StatusCode>02</edXML:StatusCode>" in text
    for absent in ("edXML:To>", "TraceHeaderList", "edXMLBody", "AttachmentEncoded"):
        assert absent not in text


def test_outer_white_space_and_empty_values_are_left_out() -> None:
    untidy = replace(
        LETTER,
        subject="\n Thử ",
        content="  ",
        to_places=("", " Hà Nội "),
        code=edxml.Code(number=" "),
        responses=(edxml.ResponseFor(),),
        tasks=("",),
    )
    assert again(untidy) == replace(LETTER, to_places=("Hà Nội",))
    assert b"edXML:Code>" not in edxml.build(untidy)


def test_fractions_of_a_second_are_left_out() -> None:
    notice = replace(NOTICE, timestamp=MOMENT.replace(microsecond=5))
    assert again(notice) == replace(NOTICE, timestamp=MOMENT)


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1b", "\ufffe", "\ud800"])
def test_characters_that_xml_cannot_carry_are_refused(character: str) -> None:
    with pytest.raises(Refused) as caught:
        edxml.build(replace(LETTER, subject=f"a{character}b"))
    assert caught.value.reason.code == "edxml-character"
    assert caught.value.where == "edXML/edXMLEnvelope/edXMLHeader/MessageHeader/Subject"
    assert f"U+{ord(character):04X}" in caught.value.detail


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (replace(LETTER, subject=" "), "edxml-missing"),
        (replace(LETTER, document_id=""), "edxml-missing"),
        (replace(LETTER, receivers=()), "edxml-missing"),
        (replace(LETTER, sender=edxml.Organ(organ_id="H 56")), "edxml-organ-code"),
        (replace(LETTER, sender=edxml.Organ(organ_id="")), "edxml-organ-code"),
        (replace(LETTER, steering_type=1_000_000_000), "edxml-number"),
        (replace(LETTER, references=(edxml.Reference(content_id=""),)), "edxml-missing"),
        (replace(LETTER, attachments=(edxml.Attachment(content_id="", name="a"),)), "edxml-missing"),
        (replace(LETTER, attachments=(edxml.Attachment(content_id="1", name=""),)), "edxml-missing"),
        (replace(NOTICE, response_for=edxml.ResponseFor(organ_id="H56")), "edxml-missing"),
        (replace(NOTICE, response_for=edxml.ResponseFor(document_id="1")), "edxml-missing"),
    ],
)
def test_what_nobody_could_read_is_not_written(message: edxml.Message, code: str) -> None:
    with pytest.raises(Refused) as caught:
        edxml.build(message)
    assert caught.value.reason.code == code


def test_a_moment_with_a_zone_is_our_own_mistake() -> None:
    with pytest.raises(Misuse):
        edxml.build(replace(NOTICE, timestamp=MOMENT.replace(tzinfo=datetime.UTC)))
