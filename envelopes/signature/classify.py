"""Tell what kind of signature an edXML message carries: many that circulate are empty, copied or outside the namespace."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from envelopes.edxml.element import local_name
from envelopes.signature.grammar import DS, SIGNATURE, decode_base64
from envelopes.signature.reasons import MISSING, NAMESPACE, PLACEHOLDER, UNDECLARED
from envelopes.signature.verify import HEADER_PATH, Place, Signed, verify
from trust_store.certificate import load
from trust_store.errors import Refused

_NAMES = frozenset({"Signature", "DigitalSignature"})


class SignatureClass(StrEnum):
    """Say what kind of signature a message carries; a party's policy says which classes may enter.

    Without any ds:Signature a message is NONE, or PLACEHOLDER (an empty element), or WRONG_NAMESPACE. With one it is
    VALID, or PLACEHOLDER when it carries no certificate at all that can be read, or else INVALID.
    """

    NONE = "none"
    PLACEHOLDER = "placeholder"
    WRONG_NAMESPACE = "wrong-namespace"
    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """Hold the class, what was signed (VALID only), and why the signature is not valid (all others)."""

    kind: SignatureClass
    signed: Signed | None = None
    refusal: Refused | None = None


def classify(tree: etree._ElementTree, undeclared: Refused | None) -> Classified:
    """Verify and classify the signature of an edXML document.

    `undeclared` is the parser's complaint about undeclared prefixes: with one, no signature can be believed.
    """
    root = tree.getroot()
    signature = next(root.iter(SIGNATURE), None)
    if signature is None:
        return _unsigned(root)
    try:
        if undeclared is not None:
            raise Refused(UNDECLARED, undeclared.detail, where=undeclared.where)
        return Classified(kind=SignatureClass.VALID, signed=verify(tree, Place.EDXML_HEADER))
    except Refused as refusal:
        if _has_certificate(signature):
            return Classified(kind=SignatureClass.INVALID, refusal=refusal)
        return Classified(kind=SignatureClass.PLACEHOLDER, refusal=Refused(PLACEHOLDER, where=_line(signature)))


def _unsigned(root: etree._Element) -> Classified:
    header = root.find("/".join(reversed(HEADER_PATH[:-1])))
    for child in header.iterchildren(etree.Element) if header is not None else ():
        if local_name(child) in _NAMES:
            filled = len(child) > 0
            kind = SignatureClass.WRONG_NAMESPACE if filled else SignatureClass.PLACEHOLDER
            return Classified(kind=kind, refusal=Refused(NAMESPACE if filled else PLACEHOLDER, where=_line(child)))
    return Classified(kind=SignatureClass.NONE, refusal=Refused(MISSING))


def _has_certificate(signature: etree._Element) -> bool:
    for element in signature.iter(DS + "X509Certificate"):
        try:
            load(decode_base64("".join(element.itertext()), ""))
        except Refused:
            continue
        return True
    return False


def _line(element: etree._Element) -> str:
    return f"{local_name(element)}, line {element.sourceline}"
