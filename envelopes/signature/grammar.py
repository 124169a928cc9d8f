"""Read a ds:Signature element into values, refusing everything that the strict profile does not name.

Nothing is computed here: limits and grammar come before canonicalisation and before any key is used.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from envelopes.signature.algorithms import CANONICALIZATIONS, DIGESTS, EXCLUSIVE, SIGNATURES
from envelopes.signature.reasons import (
    ALGORITHM,
    BASE64,
    CANONICALIZATION,
    COMMENT,
    DIGEST,
    DUPLICATE_ID,
    GRAMMAR,
    KEY_INFO,
    REFERENCE,
    TRANSFORM,
)
from trust_store.errors import Reason, Refused

DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
SIGNATURE: Final = DS + "Signature"
MAX_REFERENCES: Final = 3
"""References inside the document: to the content, to the signed properties, and to KeyInfo."""
MAX_DETACHED: Final = 100
"""References to files beside the document, on top of those to what is in it."""
DETACHED: Final = "cid:"
MAX_TRANSFORMS: Final = 2
MAX_CERTIFICATES: Final = 4
_PREFIX_LIST: Final = f"{{{EXCLUSIVE}}}InclusiveNamespaces"
_IDS: Final = frozenset({"Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id"})
_NCNAME: Final = re.compile(r"[^\W\d][\w.\-]*")
_WHITE_SPACE: Final = dict.fromkeys(map(ord, " \t\r\n"))
_ATTRIBUTES: Final = {
    **{DS + name: frozenset({"Id"}) for name in ("Signature", "SignedInfo", "SignatureValue", "KeyInfo")},
    **{
        DS + name: frozenset({"Algorithm"})
        for name in ("CanonicalizationMethod", "SignatureMethod", "Transform", "DigestMethod")
    },
    DS + "Reference": frozenset({"Id", "URI", "Type"}),
    DS + "Object": frozenset({"Id", "MimeType", "Encoding"}),
    _PREFIX_LIST: frozenset({"PrefixList"}),
    **{DS + name: frozenset[str]() for name in ("Transforms", "DigestValue", "X509Data", "X509Certificate")},
}
_X509: Final = frozenset(DS + name for name in ("X509SubjectName", "X509IssuerSerial", "X509SKI", "X509CRL"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Bound a profile: how many References there are to what is in the document, and what else KeyInfo may hold.

    `passed_over` are elements of KeyInfo that are not looked at; the key comes from the X.509 certificate alone.
    """

    references: int = MAX_REFERENCES
    passed_over: frozenset[str] = frozenset()


HUB: Final = Rules()
FOREIGN: Final = Rules(references=8, passed_over=frozenset({DS + "KeyValue", DS + "KeyName"}))
"""What documents of others do, such as e-invoices: they reference several elements, and state the bare key as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """Name one transform or canonicalisation, with the prefixes that exclusive C14N treats inclusively."""

    algorithm: str
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Hold one ds:Reference: what it points to, how that becomes octets, and their expected digest."""

    uri: str
    type: str
    transforms: tuple[Transform, ...]
    digest_algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureBlock:
    """Hold a ds:Signature that obeys the grammar. `certificates` are DER, the signer's first."""

    element: etree._Element
    signed_info: etree._Element
    canonicalization: Transform
    algorithm: str
    value: bytes
    references: tuple[Reference, ...]
    certificates: tuple[bytes, ...]
    objects: tuple[etree._Element, ...]


def read(signature: etree._Element, rules: Rules = HUB) -> SignatureBlock:
    """Read a ds:Signature (XMLDSig 1.1 section 4: children in order, each once) by the rules of a profile.

    Raises:
        Refused: with the rule that is broken and the line of the element that breaks it.
    """
    for node in signature.iter():
        if not isinstance(node.tag, str):
            raise Refused(COMMENT, where=_line(node))
    _check_attributes(signature)
    signed_info, value, key_info, *objects = _children(signature, "SignedInfo", "SignatureValue", "KeyInfo", "Object*")
    canonicalization, method, *references = _children(
        signed_info, "CanonicalizationMethod", "SignatureMethod", "Reference+"
    )
    _check_amount(references, rules.references)
    return SignatureBlock(
        element=signature,
        signed_info=signed_info,
        canonicalization=_transform(canonicalization, CANONICALIZATIONS, CANONICALIZATION),
        algorithm=_algorithm(method, frozenset(SIGNATURES), ALGORITHM),
        value=_octets(value),
        references=tuple(_reference(item) for item in references),
        certificates=_certificates(key_info, rules.passed_over),
        objects=tuple(objects),
    )


def unique_ids(root: etree._Element) -> dict[str, etree._Element]:
    """Map every Id, ID, id and xml:id of the document to its element.

    Raises:
        Refused: `id-duplicate`: the same value twice, whichever attributes carry it.
    """
    found: dict[str, etree._Element] = {}
    for element in root.iter(etree.Element):
        names = element.keys()
        if not names or _IDS.isdisjoint(names):
            continue
        for value in {str(element.get(name)) for name in _IDS.intersection(names)}:
            if value in found:
                raise Refused(DUPLICATE_ID, f"The Id {value!r} occurs twice", where=_line(element))
            found[value] = element
    return found


def key_info(signature: etree._Element) -> etree._Element:
    """Give the KeyInfo of a signature that obeys the grammar."""
    return next(signature.iterchildren(DS + "KeyInfo"))


def referenced_id(uri: str) -> str:
    """Return the Id that a same-document reference names; empty for the whole document (`URI=""`).

    Raises:
        Refused: `reference-not-allowed`: anything but `""` and `#NCName`: no address, no XPointer, no escaping.
    """
    if not uri:
        return ""
    if not uri.startswith("#") or not _NCNAME.fullmatch(uri[1:]):
        raise Refused(REFERENCE, f"The reference {uri[:100]!r} points outside the document or is not a plain Id")
    return uri[1:]


def decode_base64(text: str, where: str) -> bytes:
    """Decode base64 strictly (RFC 4648, 3.5): white space between the characters is the only thing tolerated.

    Raises:
        Refused: `signature-base64`.
    """
    packed = text.translate(_WHITE_SPACE)
    try:
        octets = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(BASE64, where=where) from None
    last = octets[len(octets) - 1 - (len(octets) - 1) % 3 :]
    if len(packed) % 4 or base64.b64encode(last).decode() != packed[-4:]:
        raise Refused(BASE64, "The end of a base64 value is not as RFC 4648 writes it", where=where)
    return octets


def _children(parent: etree._Element, *expected: str) -> Iterator[etree._Element]:
    """Yield the children of `parent`, which must be exactly those; `*` and `+` mark a last name that may repeat."""
    children, position = list(parent), 0
    for name in expected:
        tag, repeats = DS + name.rstrip("*+"), name[-1] in "*+"
        end = next((i for i in range(position, len(children)) if children[i].tag != tag), len(children))
        count = end - position
        if count != 1 and not (repeats and (count > 1 or name.endswith("*"))):
            raise Refused(GRAMMAR, f"{_name(parent)} must have {name.rstrip('*+')} once here", where=_line(parent))
        yield from children[position:end]
        position = end
    if position != len(children) or _has_text(parent, children):
        raise Refused(GRAMMAR, f"{_name(parent)} holds something that does not belong there", where=_line(parent))


def _check_attributes(signature: etree._Element) -> None:
    """Ask for the attributes of the schema alone; what an Object holds is no grammar, and other elements have other rules."""
    own = [node for part in signature if part.tag != DS + "Object" for node in part.iter(*_ATTRIBUTES)]
    for node in (signature, *signature.iterchildren(DS + "Object"), *own):
        surplus = set(node.keys()) - _ATTRIBUTES[str(node.tag)]
        if surplus:
            what = f"{_name(node)} has an attribute that does not belong there: {min(surplus)}"
            raise Refused(GRAMMAR, what, where=_line(node))


def _check_amount(references: list[etree._Element], most: int) -> None:
    beside = sum(element.get("URI", "").startswith(DETACHED) for element in references)
    for what, count, allowed in (
        ("References", len(references) - beside, most),
        ("References by cid:", beside, MAX_DETACHED),
    ):
        if count > allowed:
            raise Refused(REFERENCE, f"{count} {what}; {allowed} are allowed", where=_line(references[0]))


def _reference(element: etree._Element) -> Reference:
    uri = element.get("URI")
    if uri is None:
        raise Refused(REFERENCE, "A Reference has no URI", where=_line(element))
    has_transforms = len(element) > 0 and element[0].tag == DS + "Transforms"
    names = (*(["Transforms"] if has_transforms else []), "DigestMethod", "DigestValue")
    *chain, method, value = _children(element, *names)
    return Reference(
        uri=uri,
        type=element.get("Type", ""),
        transforms=_transforms(chain[0]) if chain else (),
        digest_algorithm=_algorithm(method, frozenset(DIGESTS), DIGEST),
        digest=_octets(value),
    )


def _transforms(element: etree._Element) -> tuple[Transform, ...]:
    if len(element) > MAX_TRANSFORMS:
        raise Refused(TRANSFORM, f"{len(element)} transforms; {MAX_TRANSFORMS} are allowed", where=_line(element))
    return tuple(_transform(item, None, TRANSFORM) for item in _children(element, "Transform+"))


def _transform(element: etree._Element, allowed: frozenset[str] | None, why: Reason) -> Transform:
    algorithm = element.get("Algorithm", "")
    if allowed is not None and algorithm not in allowed:
        raise Refused(why, f"{algorithm or 'An empty algorithm'} is not allowed", where=_line(element))
    prefixes: tuple[str, ...] = ()
    for child in element:
        if child.tag != _PREFIX_LIST or algorithm != EXCLUSIVE or len(element) != 1 or len(child) or child.text:
            raise Refused(why, f"{algorithm} has a parameter that is not allowed", where=_line(child))
        prefixes = tuple(child.get("PrefixList", "").split())
    return Transform(algorithm=algorithm, prefixes=prefixes)


def _algorithm(element: etree._Element, allowed: frozenset[str], why: Reason) -> str:
    algorithm = element.get("Algorithm", "")
    if algorithm not in allowed or len(element):
        what = algorithm or "An empty algorithm"
        raise Refused(why, f"{what} is not allowed{' with parameters' if len(element) else ''}", where=_line(element))
    return algorithm


def _certificates(key_info: etree._Element, passed_over: frozenset[str]) -> tuple[bytes, ...]:
    held = [child for child in key_info if child.tag not in passed_over]
    if [child.tag for child in held] != [DS + "X509Data"]:
        raise Refused(KEY_INFO, where=_line(key_info))
    found = []
    for child in held[0]:
        if child.tag == DS + "X509Certificate":
            found.append(_octets(child))
        elif child.tag not in _X509:
            raise Refused(KEY_INFO, f"{_name(child)} is not allowed in X509Data", where=_line(child))
    if not 1 <= len(found) <= MAX_CERTIFICATES:
        raise Refused(
            KEY_INFO, f"{len(found)} certificates; 1 to {MAX_CERTIFICATES} are allowed", where=_line(key_info)
        )
    return tuple(found)


def _octets(element: etree._Element) -> bytes:
    if len(element):
        raise Refused(GRAMMAR, f"{_name(element)} must hold text only", where=_line(element))
    octets = decode_base64(element.text or "", _line(element))
    if not octets:
        raise Refused(GRAMMAR, f"{_name(element)} is empty", where=_line(element))
    return octets


def _has_text(parent: etree._Element, children: list[etree._Element]) -> bool:
    return any((text or "").strip() for text in (parent.text, *(child.tail for child in children)))


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _line(node: etree._Element) -> str:
    return f"{_name(node) if isinstance(node.tag, str) else 'comment'}, line {node.sourceline}"
