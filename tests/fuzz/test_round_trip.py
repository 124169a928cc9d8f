"""What is written is read as it was meant, and what is read is written so that it reads the same: for any message.

`make fuzz` runs many more examples than the suite does.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from envelopes import edxml, xml
from envelopes.edxml.syntax import NAMESPACE
from envelopes.signature.sign import sign
from envelopes.signature.verify import Place, strip_comments, verify
from trust_store.enrol import Holder, create_authority, enrol
from trust_store.errors import Refused
from trust_store.identity import PartyKind
from trust_store.keys import HeldKey

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))
AT = datetime(2026, 1, 1, tzinfo=UTC)
usual = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

ODD = "\t\n\r\x7f\x80\x85\x9f\u00a0\u0301\u0323\u200b\u2028\u202e\u2066\ufeff\ufffd\ue000\U0001f600\U0010ffff &<>\"']-:%{}"
VIETNAMESE = "aăâbcdđeêghiklmnoôơpqrstuưvxyĂÂĐÊÔƠƯáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ"
characters = st.sampled_from(VIETNAMESE) | st.sampled_from(ODD) | st.characters(exclude_categories=("Cc", "Cs", "Cn"))
texts = st.text(characters, min_size=1, max_size=12).filter(lambda text: text == text.strip())
optional = st.none() | texts
codes = st.from_regex(r"[0-9A-Za-z]{1,9}(\.[0-9A-Za-z]{1,9}){0,4}", fullmatch=True)
numbers = st.none() | st.integers(-999_999_999, 999_999_999)
flags = st.none() | st.booleans()
days = st.none() | st.dates()
moments = st.none() | st.datetimes().map(lambda moment: moment.replace(microsecond=0))
kinds = st.sampled_from(edxml.BusinessType)
content_ids = texts.filter(lambda text: not text.startswith("cid:"))


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=3).map(tuple)


def block(kind: type[Any], **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Build a block in which at least one value is there: an empty one has no form on the wire."""
    return st.builds(kind, **parts).filter(lambda value: value != kind())


organs = st.builds(
    edxml.Organ,
    organ_id=codes,
    in_charge=optional,
    name=optional,
    address=optional,
    email=optional,
    telephone=optional,
    fax=optional,
    website=optional,
)
others = block(
    edxml.OtherInfo,
    priority=numbers,
    sphere=optional,
    typist=optional,
    copies=numbers,
    pages=numbers,
    direction=flags,
    reply_fors=optional,
    reference_codes=optional,
    appendixes=some(texts),
)
responses = block(
    edxml.ResponseFor,
    organ_id=st.none() | codes,
    code=optional,
    document_id=optional,
    promulgation_date=days,
)
staff = block(
    edxml.Staff,
    department=optional,
    department_id=optional,
    name=optional,
    staff_id=optional,
    email=optional,
    mobile=optional,
)
changes = block(
    edxml.Change,
    document=flags,
    receiver=flags,
    receivers=some(st.builds(edxml.ChangedReceiver, organ_id=codes, kind=numbers)),
)
businesses = st.builds(
    edxml.Business,
    business_type=kinds,
    reason=optional,
    paper=flags,
    document_id=optional,
    change=st.none() | changes,
    replacements=some(st.builds(edxml.Replacement, document_id=texts, organ_ids=some(codes))),
    staff=some(staff),
)
stations = block(edxml.TraceHeader, organ_id=optional.filter(lambda text: text != "null"), timestamp=moments)
references = st.builds(
    edxml.Reference, content_id=content_ids, content_type=optional, description=optional, name=optional
)
attachments = st.builds(
    edxml.Attachment,
    content_id=content_ids,
    name=texts,
    description=optional,
    field_name=optional,
    mime_type=optional,
    content_type=optional,
    content=st.binary(max_size=40),
)
letters = st.builds(
    edxml.Letter,
    sender=organs,
    receivers=st.lists(organs, min_size=1, max_size=3).map(tuple),
    document_id=texts,
    subject=texts,
    code=st.none() | block(edxml.Code, number=optional, notation=optional),
    promulgation=st.none() | block(edxml.Promulgation, place=optional, date=days),
    document_type=st.none() | block(edxml.DocumentType, type=numbers, detail=numbers, name=optional),
    content=optional,
    signer=st.none() | block(edxml.Signer, competence=optional, position=optional, full_name=optional),
    due_date=days,
    other=st.none() | others,
    responses=some(responses),
    steering_type=numbers,
    tasks=some(texts),
    application_type=optional,
    to_places=some(texts),
    paper=flags,
    business=st.none() | businesses,
    trace=some(stations),
    references=some(references),
    attachments=some(attachments),
)
notices = st.builds(
    edxml.StatusNotice,
    sender=organs,
    response_for=st.builds(edxml.ResponseFor, organ_id=codes, code=optional, document_id=texts, promulgation_date=days),
    status_code=st.sampled_from(edxml.StatusCode),
    staff=st.none() | staff,
    description=optional,
    timestamp=moments,
)


def read(data: bytes) -> edxml.Message:
    root = xml.parse(data).getroot()
    strip_comments(root)
    return edxml.parse(root)


def again(message: edxml.Message) -> edxml.Message:
    return read(edxml.build(message))


@pytest.mark.parametrize("kind", list(edxml.BusinessType))
@given(letter=letters, business=businesses)
@settings(usual, max_examples=EXAMPLES // 4)
def test_a_letter_of_every_business_type_is_read_as_it_was_written(
    kind: edxml.BusinessType, letter: edxml.Letter, business: edxml.Business
) -> None:
    whole = replace(letter, business=replace(business, business_type=kind))
    assert again(whole) == whole


@given(letters)
@usual
def test_every_letter_is_read_as_it_was_written(letter: edxml.Letter) -> None:
    assert again(letter) == letter


@given(notices)
@usual
def test_every_status_notice_is_read_as_it_was_written(notice: edxml.StatusNotice) -> None:
    assert again(notice) == notice


@pytest.fixture(scope="module")
def key() -> HeldKey:
    authority = create_authority("Test CA", serial=1, at=AT, years=5)
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="A", organisation="A", code="2899000016")
    return enrol(authority, holder, serial=2, at=AT, days=1000)


beside = st.dictionaries(
    st.text(characters, min_size=1, max_size=12).filter(
        lambda name: name.isprintable() and name == name.strip() and not name.startswith("cid:")
    ),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    max_size=4,
)


@given(message=letters | notices, files=beside)
@usual
def test_every_message_is_signed_and_verified_as_it_is(
    key: HeldKey, message: edxml.Message, files: dict[str, str]
) -> None:
    signed = verify(xml.parse(sign(edxml.build(message), key, files)), Place.EDXML_HEADER)
    assert edxml.parse(signed.element) == message
    assert {item.content_id: item.digest for item in signed.detached} == files


Change = Callable[[random.Random, list[etree._Element]], None]


def _drop(dice: random.Random, nodes: list[etree._Element]) -> None:
    node = dice.choice(nodes[1:])
    parent = node.getparent()
    if parent is not None:
        parent.remove(node)


def _repeat(dice: random.Random, nodes: list[etree._Element]) -> None:
    node = dice.choice(nodes[1:])
    parent = node.getparent()
    if parent is not None:
        parent.append(deepcopy(node))


def _shuffle(dice: random.Random, nodes: list[etree._Element]) -> None:
    node = dice.choice(nodes)
    node[:] = dice.sample(list(node), len(node))


def _rename(dice: random.Random, nodes: list[etree._Element]) -> None:
    for node in nodes:
        node.tag = str(node.tag).replace("}Bussiness", "}Business")


def _foreign(dice: random.Random, nodes: list[etree._Element]) -> None:
    dice.choice(nodes).append(etree.Element(dice.choice(["{urn:x}Subject", "{urn:x}To", f"{{{NAMESPACE}}}Unknown"])))


def _comment(dice: random.Random, nodes: list[etree._Element]) -> None:
    node = dice.choice(nodes)
    node.insert(dice.randrange(len(node) + 1), etree.Comment("c"))


TEXTS = (
    *("", " ", "0", "1", "-7", "007", "true", "14", "3", "null", "2026-1-2", "02/01/2026", "2026/01/02 8:09:10"),
    *("cid:cid: x", "\u00a0\u2028", "000.00.12.H56", "A", "\r\n", "\x85a\x85"),
)


def _write(dice: random.Random, nodes: list[etree._Element]) -> None:
    node = dice.choice([node for node in nodes if next(node.iterchildren("*"), None) is None])
    node.text = dice.choice([*TEXTS, f" {node.text or ''} "])


CHANGES: list[Change] = [_drop, _repeat, _shuffle, _rename, _foreign, _comment, _write, _write]


@given(message=letters | notices, seed=st.integers(0, 2**32), count=st.integers(1, 4))
@usual
def test_whatever_is_read_is_written_so_that_it_reads_the_same(message: edxml.Message, seed: int, count: int) -> None:
    root, dice = etree.fromstring(edxml.build(message)), random.Random(seed)
    for _ in range(count):
        nodes = list(root.iter(etree.Element))
        if len(nodes) > 1:
            dice.choice(CHANGES)(dice, nodes)
    try:
        found = read(etree.tostring(root, encoding="UTF-8"))
    except Refused:
        assume(False)
    written = edxml.build(found)
    assert read(written) == found
    assert edxml.build(read(written)) == written
