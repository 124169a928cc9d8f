"""Look into an XML file, such as an e-invoice, for its signatures: opaque bytes, parsed by themselves, never re-parented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from envelopes import xml
from envelopes.inside.facts import MAX_MARKS, Change, Cover, Facts, Fault, FileKind, Mark, fault_of, tidy
from envelopes.inside.reasons import MANY, UNSIGNED
from envelopes.opened import VIETNAM
from envelopes.signature.foreign import Covered, verify_foreign
from envelopes.signature.grammar import SIGNATURE
from trust_store.errors import Refused

MAX_BARE: Final = 5
"""How many unsigned parts are named."""


def read_xml(data: bytes) -> Facts:
    """Tell of every signature in an XML document who made it and what it covers, and what of the document nobody signed.

    Never raises: a document that cannot be read has a fault.
    """
    try:
        root = xml.parse(data).getroot()
    except Refused as refusal:
        return Facts(kind=FileKind.XML, fault=fault_of(refusal))
    count = sum(1 for _ in root.iter(SIGNATURE))
    if not count:
        return Facts(kind=FileKind.XML, fault=Fault(code=UNSIGNED.code, detail=UNSIGNED.title))
    found = [_look(data, place) for place in range(min(count, MAX_MARKS))]
    covered = [each for _, each in found if each is not None]
    whole = any(each.whole for each in covered)
    bare = () if whole or not covered else tuple(_bare(root, {place for each in covered for place in each.elements}))
    many = Fault(code=MANY.code, detail=f"{count} signatures") if count > MAX_MARKS else None
    return Facts(kind=FileKind.XML, marks=tuple(mark for mark, _ in found), bare=bare, fault=many)


def _look(data: bytes, place: int) -> tuple[Mark, Covered | None]:
    """Verify one signature on a tree of its own: verifying takes the tree apart."""
    tree = xml.parse(data)
    signature = next(each for at, each in enumerate(tree.getroot().iter(SIGNATURE)) if at == place)
    parent = signature.getparent()
    name = signature.get("Id") or (etree.QName(parent).localname if parent is not None else "")
    try:
        covered = verify_foreign(tree, signature, VIETNAM)
    except Refused as refusal:
        return Mark(name=tidy(name), fault=fault_of(refusal)), None
    mark = Mark(
        name=tidy(name),
        chain=tuple(certificate.der for certificate in covered.chain),
        algorithm=tidy(covered.algorithm),
        claimed_time=covered.claimed_time,
        cover=Cover.WHOLE if covered.whole else Cover.PART,
        parts=tuple(tidy(each) for each in covered.names),
        change=Change.NONE,
    )
    return mark, covered


def _bare(root: etree._Element, places: set[int]) -> Iterator[str]:
    """Name what says something and is neither covered nor a signature: the largest parts first met, a few of them."""
    order = list(root.iter(etree.Element))
    kept = {each for place, each in enumerate(order) if place in places or each.tag == SIGNATURE}
    above = {ancestor for each in kept for ancestor in each.iterancestors()}
    seen: set[etree._Element] = set()
    for element in order:
        part = _part(element, kept, above)
        if part is not None and part not in seen and _says_something(element):
            seen.add(part)
            yield tidy(etree.QName(part).localname)
        if len(seen) == MAX_BARE:
            return


def _part(element: etree._Element, kept: set[etree._Element], above: set[etree._Element]) -> etree._Element | None:
    """Find the largest part around an element that holds nothing which is covered; None when it is covered itself."""
    part = element
    for each in (element, *element.iterancestors()):
        if each in kept:
            return None
        part = part if each in above else each
    return part


def _says_something(element: etree._Element) -> bool:
    """Tell whether an element has text or attributes of its own; one without is only a place for others."""
    texts = (element.text, *(child.tail for child in element))
    return bool(element.attrib) or any((text or "").strip() for text in texts)
