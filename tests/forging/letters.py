"""Unsigned letters and notices to sign, and the hub's own path from bytes to an envelope."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache

from lxml import etree

from envelopes.drafting import FileBeside, digests, draft_letter, draft_status
from envelopes.edxml import Letter, Organ, StatusCode, build
from envelopes.opened import VIETNAM, Envelope, Opened, open_signed
from envelopes.signature.verify import HEADER_PATH
from tests.forging.keys import AT, CODE, PARTY, evidence
from trust_store.judge import judge
from trust_store.policy import Policy

DS = "{http://www.w3.org/2000/09/xmldsig#}"
Q = HEADER_PATH[0].removesuffix("edXMLHeader")
HEADER = "/".join(reversed(HEADER_PATH[:-1]))
SUBJECT = "V/v thử ngày 23/11"
POLICY = Policy()


@cache
def letter(*, beside: int = 0, subject: str = SUBJECT) -> Letter:
    return draft_letter(
        sender=Organ(organ_id=CODE),
        receivers=[Organ(organ_id="000.00.00.H56"), Organ(organ_id="000.00.12.H56")],
        number="5",
        notation="CV-A",
        subject=subject,
        at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
        files=[("a.pdf", b"%PDF-1.4 a")],
        detached=files_beside(beside),
    )


def files_beside(count: int) -> list[FileBeside]:
    return [FileBeside(name=f"{n}.dwg", digest=hashlib.sha256(bytes([n])).hexdigest(), size=1) for n in range(count)]


def digests_beside(count: int) -> dict[str, str]:
    return digests(letter(beside=count), files_beside(count))


@cache
def unsigned(*, beside: int = 0, subject: str = SUBJECT) -> bytes:
    return build(letter(beside=beside, subject=subject))


@cache
def notice() -> bytes:
    """Write an unsigned status notice about a letter."""
    status = draft_status(
        sender=Organ(organ_id=CODE),
        letter=letter(),
        code=StatusCode.ACCEPTED,
        at=datetime(2026, 11, 23, 9, tzinfo=VIETNAM),
    )
    return build(status)


def accept(data: bytes) -> Envelope:
    """Open, judge and accept as `exchange.core.hub` does when a letter is submitted, and hand out the content.

    Raises:
        Refused: for the reason that the sender would be told.
    """
    return accept_opened(open_signed(data))


def accept_opened(opened: Opened) -> Envelope:
    opened.admit(frozenset())
    return opened.accept(judge(opened.chain, evidence(), POLICY, AT, PARTY))


def changed(data: bytes, change: Callable[[etree._Element], object]) -> bytes:
    """Change a document as a tree, and write it again without touching anything else."""
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, huge_tree=True))
    change(root)
    return write(root)


def write(root: etree._Element) -> bytes:
    """Write a document, with what was buried in it as it stands; what a mutation made unreadable stays where it is."""
    data = bytes(etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True))
    return _BURIED.sub(lambda found: base64.b64decode(found[1]), data)


_BURIED = re.compile(
    rb"<(?:\w+:)?buried(?: xmlns[^<>]*)?>((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)</(?:\w+:)?buried>"
)


def bury(element: etree._Element) -> etree._Element:
    """Give a stand-in for an element: put where its like is known, its prefixes would be changed, and its digest."""
    made = etree.Element("buried")
    made.text = base64.b64encode(etree.tostring(element, with_tail=False)).decode()
    return made


def header(root: etree._Element) -> etree._Element:
    found = root.find(HEADER)
    assert found is not None
    return found


def signature(root: etree._Element) -> etree._Element:
    return next(root.iter(DS + "Signature"))


def one(root: etree._Element, name: str) -> etree._Element:
    return next(root.iter(name))
