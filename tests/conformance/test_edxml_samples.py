"""Every sample of the wild is read or refused as recorded; stricter than the official parser only where that is wanted."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from envelopes import edxml, xml
from envelopes.attachments import unwrap
from envelopes.edxml import Letter, Message, StatusNotice
from envelopes.opened import open_signed
from envelopes.signature.classify import SignatureClass
from envelopes.signature.verify import strip_comments
from trust_store.errors import Refused

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "edxml"
TODAY = date(2026, 11, 23)

REFUSED = {
    "axis/01_edoc_handmade.edxml": ("edxml-base64", "ContentTransferEncoded, line 130"),
    "axis/06_edoc_new_junk_before_prolog.edxml": ("xml-malformed", "line 1,"),
    "probe/03_otherns.edxml": ("edxml-namespace", "line 2"),
    "probe/05_prefix_undeclared.edxml": ("edxml-namespace", "line 3"),
    "probe/07_root_is_envelope.edxml": ("edxml-unwrapped", "line 2"),
    "probe/21_junk_prefix.edxml": ("xml-malformed", "line 1,"),
    "probe/25_zip_ct_not_zip.edxml": ("edxml-not-zipped", "ContentType"),
    "probe/28_doctype.edxml": ("xml-doctype", ""),
    "soap/QLVB.xml": ("xml-malformed", "line 18,"),
    "soap/SendDocument_soap.xml": ("edxml-soap", "line 2"),
    "soap/SendDocument_swa.mime": ("xml-malformed", "line 1,"),
}
STRICTER = {"28_doctype"}
"""Accepted by the official parser, which expands the entity: refused here."""

LETTERS = {
    # name: sender, receivers, business type, bytes of the attachments as a person reads them, class of signature
    "axis/02_edoc_new.edxml": ("000.00.00.A80", 1, 0, [388347], "wrong-namespace"),
    "axis/04_edoc_revocation.edxml": ("000.00.00.G22", 3, 1, [388347], "wrong-namespace"),
    "axis/new.edxml": ("000.00.00.G22", 3, 0, [8363], "wrong-namespace"),
    "axis/multi_attachment.edxml": ("000.00.00.H56", 1, 0, [45, 26, 8, 1], "none"),
    "gateway/1da394ba-2117-4354-a23f-6ec3e47ba81b.edxml": ("vxp.saas.03", 1, 0, [11, 11, 11], "none"),
    "gateway/test_user_edxml.xml": ("vxp.saas.03", 1, 0, [10], "none"),
    "production/2025_enterprise_to_ministry.edxml": ("020100107370", 2, 0, [45, 11], "none"),
    "received/2019_852e179c.edxml": ("000.00.15.H51", 1, 0, [17], "wrong-namespace"),
    **{
        f"probe/{name}.edxml": ("000.00.00.G22", 3, 2, [5], "wrong-namespace")
        for name in ("00_base", "01_noprefix", "09_business_spelling", "13_bad_date", "15_type_text")
    },
    "probe/17_priority_empty.edxml": ("000.00.00.G22", 3, 2, [5], "wrong-namespace"),
    "probe/19_bom.edxml": ("000.00.00.G22", 3, 2, [5], "wrong-namespace"),
    "probe/11_empty_attachmentencoded.edxml": ("000.00.00.G22", 3, 2, [], "wrong-namespace"),
    "probe/22_ds_sig.edxml": ("000.00.00.G22", 3, 2, [5], "placeholder"),
}
STATUSES = {
    "axis/status.edxml": "01",
    "axis/status_00_sdkbuilt_01.edxml": "01",
    **{f"axis/status_{code}.edxml": code for code in ("01", "02", "03", "04", "05", "06", "13", "15", "16")},
}

CASES = len(REFUSED) + len(LETTERS) + len(STATUSES)
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the samples are not here: {CASES} cases left out")


def read(name: str) -> Message:
    tree, _ = xml.parse_tolerant((SAMPLES / name).read_bytes())
    strip_comments(tree.getroot())
    message = edxml.parse(tree.getroot())
    edxml.check(message, today=TODAY)
    return message


def test_every_sample_is_a_case() -> None:
    found = {str(path.relative_to(SAMPLES)) for path in SAMPLES.glob("*/*") if path.suffix != ".txt"}
    assert found == REFUSED.keys() | LETTERS.keys() | STATUSES.keys()
    assert len(found) == CASES


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused(name: str) -> None:
    code, where = REFUSED[name]
    with pytest.raises(Refused) as caught:
        read(name)
    assert caught.value.reason.code == code
    assert where in caught.value.where


@pytest.mark.parametrize("name", sorted(LETTERS))
def test_letter(name: str) -> None:
    sender, receivers, business, sizes, kind = LETTERS[name]
    letter = read(name)
    assert isinstance(letter, Letter)
    assert (letter.sender.organ_id, len(letter.receivers), letter.business_type) == (sender, receivers, business)
    assert letter.document_id
    assert letter.subject
    assert [len(unwrap(item).data) for item in letter.attachments] == sizes
    assert open_signed((SAMPLES / name).read_bytes()).signature_class is SignatureClass(kind)


@pytest.mark.parametrize("name", sorted(STATUSES))
def test_status(name: str) -> None:
    notice = read(name)
    assert isinstance(notice, StatusNotice)
    assert notice.status_code == STATUSES[name]
    assert notice.response_for.document_id == "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT"
    assert open_signed((SAMPLES / name).read_bytes()).signature_class is SignatureClass.NONE


@pytest.mark.parametrize("name", sorted(LETTERS.keys() | STATUSES.keys()))
def test_parse_build_parse_gives_the_same(name: str) -> None:
    message = read(name)
    assert edxml.parse(xml.parse(edxml.build(message)).getroot()) == message


@pytest.mark.parametrize("name", ["axis/status.edxml", "axis/multi_attachment.edxml"])
def test_we_write_what_the_official_library_writes(name: str) -> None:
    assert edxml.build(read(name)) == (SAMPLES / name).read_bytes()


def test_the_hand_made_sample_is_read_once_its_template_is_filled_in() -> None:
    """Its attachment is a load-test template; the undeclared prefix and the comments around it are no obstacle."""
    data = (SAMPLES / "axis/01_edoc_handmade.edxml").read_bytes()
    filled = re.sub(rb"\$\{__StringFromFile[^<]*", b"JVBERi0xLjQ=", data)
    tree, complaint = xml.parse_tolerant(filled)
    assert complaint is not None
    strip_comments(tree.getroot())
    letter = edxml.parse(tree.getroot())
    assert isinstance(letter, Letter)
    assert [item.content for item in letter.attachments] == [b"%PDF-1.4"]


def _recorded() -> dict[str, tuple[bool, dict[str, str]]]:
    """Read what the official parser made of each probe."""
    found = {}
    for line in (SAMPLES / "probe/RESULTS.txt").read_text().splitlines() if SAMPLES.is_dir() else ():
        name, _, rest = line.partition(" | ")
        if rest:
            facts = dict(re.findall(r"(\w+)=(\S+)", rest))
            found[name] = (rest.startswith("OK"), facts)
    return found


@pytest.mark.parametrize("name", sorted(_recorded()))
def test_never_looser_than_the_official_parser(name: str) -> None:
    accepted, facts = _recorded()[name]
    try:
        message = read(f"probe/{name}.edxml")
    except Refused:
        assert not accepted or name in STRICTER
        return
    assert accepted
    assert isinstance(message, Letter)
    assert message.sender.organ_id == facts["from"]
    assert len(message.receivers) == int(facts["to"])
    assert message.document_id == facts["docId"]
    assert message.subject.split()[0] == facts["subj"]
    assert len(message.attachments) == (0 if facts["att"] == "null" else int(facts["att"]))
    assert [item.content_id for item in message.attachments] == [facts.get("cid", "").removeprefix("cid:")] * len(
        message.attachments
    )
    if facts["bus"] != "null":
        assert message.business_type == int(facts["bus"])
    if name not in {"13_bad_date", "15_type_text"}:
        assert message.document_type is not None
        assert message.document_type.type == int(facts["type"])


def test_what_the_official_parser_loses_is_read() -> None:
    lost = read("probe/09_business_spelling.edxml")
    dated = read("probe/13_bad_date.edxml")
    assert isinstance(lost, Letter)
    assert isinstance(dated, Letter)
    assert lost.business == read("probe/00_base.edxml").business  # type: ignore[union-attr]
    assert dated.promulgation is not None
    assert dated.promulgation.date == date(2020, 10, 30)
