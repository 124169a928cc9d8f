"""Verify signatures of documents that others define, such as e-invoices: the strict verifier's core with another profile.

What differs from the hub's own profile: several signatures, wherever they stand; each says by `#Id` what it covers; nobody
says that it must cover the whole. So the answer tells what is covered, and whoever reads the rest reads what nobody signed.
What is the same: the grammar, the algorithms, the limits, one key from one certificate, no reference out of the document.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from lxml import etree

from envelopes.signature import grammar, xades
from envelopes.signature.algorithms import ENVELOPED, SIGNATURES
from envelopes.signature.c14n import canonicalize_document
from envelopes.signature.claims import SIGNED_PROPERTIES_TYPE
from envelopes.signature.grammar import DS, Reference, SignatureBlock
from envelopes.signature.reasons import COVERAGE, DUPLICATE_ID, REFERENCE, TRANSFORM
from envelopes.signature.verify import canonical, compare, detach, has_company, only_transform
from trust_store.certificate import Certificate, load
from trust_store.errors import Refused

_IDS: Final = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")
_TIME: Final = f".//{DS}SigningTime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Say what one signature covers: `elements` by their place in document order, from 0; `whole` if nothing is left out."""

    chain: tuple[Certificate, ...]
    algorithm: str
    claimed_time: datetime | None
    elements: tuple[int, ...]
    names: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    reference: Reference
    element: etree._Element
    name: str


def verify_foreign(tree: etree._ElementTree, signature: etree._Element, zone: tzinfo) -> Covered:
    """Verify one signature of a document, over its own bytes as they were parsed; takes the tree over.

    `zone` is that of times which are stated without one.

    Raises:
        Refused: with the rule that the signature breaks.
    """
    root = tree.getroot()
    order = {element: place for place, element in enumerate(root.iter(etree.Element))}

    # 1. Its grammar, its limits and its algorithms, before anything is computed.
    block = grammar.read(signature, grammar.FOREIGN)

    # 2. What it points to: elements of this document, each by an Id that is there once.
    targets = [_resolve(root, reference) for reference in block.references]
    ids = {target.name: target.element for target in targets if target.name}

    # 3. The signature value over SignedInfo, by the key of the first certificate and no other.
    chain = tuple(load(der) for der in block.certificates)
    SIGNATURES[block.algorithm](chain[0].public_key, block.value, canonical(block.signed_info, block.canonicalization))

    # 4. What it says of itself, while it stands in its place.
    own = [target for target in targets if _is_inside(target.element, signature)]
    for target in own:
        compare(target.reference, canonical(target.element, only_transform(target.reference)))
    claimed_time = _claimed_time(block, chain[0].der, ids, own, zone)

    # 5. The content, without the signature where it says so. `order` still knows the places.
    content = [target for target in targets if target not in own]
    _check_content(root, signature, content)
    detach(signature)
    for target in content:
        compare(target.reference, _octets(tree, target))
    held = [target.element for target in own if _is_content(target.element)]
    elements = [*(target.element for target in content), *held]
    if not elements:
        raise Refused(COVERAGE, "The signature covers nothing but itself")
    return Covered(
        chain=chain,
        algorithm=block.algorithm.rpartition("#")[2],
        claimed_time=claimed_time,
        elements=tuple(order[element] for element in elements),
        names=tuple(_name(element) for element in elements),
        whole=root in elements or (signature is root and _covers_objects(block, held)),
    )


def _resolve(root: etree._Element, reference: Reference) -> _Target:
    """Find the one element that a reference points to; `URI=""` is the root with what stands around it."""
    name = grammar.referenced_id(reference.uri)
    if not name:
        return _Target(reference=reference, element=root, name="")
    found = [each for each in root.iter(etree.Element) if name in {each.get(attribute) for attribute in _IDS}]
    if not found:
        raise Refused(REFERENCE, f"There is no element with the Id {name[:100]!r}")
    if len(found) > 1:
        raise Refused(DUPLICATE_ID, f"The Id {name[:100]!r} occurs {len(found)} times")
    return _Target(reference=reference, element=found[0], name=name)


def _check_content(root: etree._Element, signature: etree._Element, content: list[_Target]) -> None:
    """Ask that whatever holds the signature is covered without it."""
    for target in content:
        envelops = target.element is root or _is_inside(signature, target.element)
        if envelops and [item.algorithm for item in target.reference.transforms][:1] != [ENVELOPED]:
            raise Refused(TRANSFORM, "What holds the signature is referenced without the enveloped-signature transform")


def _octets(tree: etree._ElementTree, target: _Target) -> bytes:
    """Canonicalise what a reference points to; the signature is out of the tree already."""
    skip = 1 if [item.algorithm for item in target.reference.transforms][:1] == [ENVELOPED] else 0
    transform, root = only_transform(target.reference, skip=skip), tree.getroot()
    if target.element is not root:
        return canonical(target.element, transform)
    alone = target.name and has_company(root)
    covered = etree.ElementTree(copy.deepcopy(root)) if alone else tree
    return canonicalize_document(covered, transform.algorithm, transform.prefixes)


def _claimed_time(
    block: SignatureBlock, certificate: bytes, ids: Mapping[str, etree._Element], own: list[_Target], zone: tzinfo
) -> datetime | None:
    """Read the time that the signer states: in XAdES, or in ds:SignatureProperties as e-invoices do, in local time."""
    typed = [item.reference for item in own if item.reference.type == SIGNED_PROPERTIES_TYPE]
    claimed = xades.check(block, certificate, ids, typed[0] if typed else None)
    stated = claimed.time if claimed is not None else None
    texts = [element.text or "" for target in own for element in target.element.iterfind(_TIME)]
    if stated is not None or len(texts) != 1:
        return stated
    try:
        moment = datetime.fromisoformat(texts[0].strip())
        return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _is_inside(element: etree._Element, holder: etree._Element) -> bool:
    return element is holder or any(each is holder for each in element.iterancestors())


def _is_content(element: etree._Element) -> bool:
    """Tell whether a covered part of a signature is a document that it holds, and not what it says of itself."""
    if element.tag != DS + "Object" or xades.is_properties(element):
        return False
    return any(child.tag not in {DS + "SignatureProperties", DS + "Manifest"} for child in element)


def _covers_objects(block: SignatureBlock, held: list[etree._Element]) -> bool:
    return all(item in held for item in block.objects if _is_content(item))


def _name(element: etree._Element) -> str:
    stated = next((element.get(attribute) for attribute in _IDS if element.get(attribute)), "")
    name = etree.QName(element).localname
    return f"{name} ({stated})" if stated else name
