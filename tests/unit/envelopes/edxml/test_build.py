"""Write every kind of message and read it again."""

from __future__ import annotations

from hypothesis import strategies as st

from envelopes import edxml
from envelopes.xml import parse

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


def again(message: edxml.Message) -> edxml.Message:
    return edxml.parse(parse(edxml.build(message)).getroot())


characters = st.one_of(
    st.sampled_from("\t\n\r &<>\"']-đĐỐ\ufffd\U0001f600"), st.characters(exclude_categories=("Cc", "Cs", "Cn"))
)
texts = st.text(characters, min_size=1, max_size=12).filter(lambda text: text == text.strip())
optional = st.none() | texts
codes = st.from_regex(r"[0-9A-Za-z]{1,9}(\.[0-9A-Za-z]{1,9}){0,4}", fullmatch=True)
numbers = st.none() | st.integers(-999_999_999, 999_999_999)
flags = st.none() | st.booleans()
days = st.none() | st.dates()
moments = st.none() | st.datetimes().map(lambda moment: moment.replace(microsecond=0))
content_ids = texts.filter(lambda text: not text.startswith("cid:"))


def block(build: type[edxml.Code], **parts: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.builds(build, **parts).filter(lambda value: value != build())


def some(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(values, max_size=3).map(tuple)


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
