"""Raise a signed document to a higher level (EN 319 132-1: T, LT, LTA) beside what its signer wrote.

Time-stamps and values go into the unsigned properties by insertion: no byte of the signer's is written anew, none is moved.
A plain XML signature gets qualifying properties with nothing signed in them, and an Id that they can name.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

from lxml import etree

from envelopes import xml
from envelopes.limits import Limits
from envelopes.signature import grammar
from envelopes.signature.algorithms import EXCLUSIVE
from envelopes.signature.c14n import canonicalize_element
from envelopes.signature.claims import XADES
from envelopes.signature.grammar import DS, SIGNATURE
from envelopes.signature.splice import Insertion, Text
from envelopes.signature.unsigned import XADES141, StampKind, ValueKind
from envelopes.signature.verify import place_of, verify
from trust_store.errors import Misuse, Refused, reason

NOT_RAISED = reason(
    "signature-not-raisable",
    "This signature cannot be raised to that level",
    "Keep the document with its receipts; for an archive time-stamp, sign with the files inside the letter",
)

ID: Final = "congvan-signature"
"""The Id that a signature without one gets, so that properties can say which signature they are about."""
_X: Final = f"{{{XADES}}}"
_LINE: Final = 76
_METHOD: Final = f'<ds:CanonicalizationMethod xmlns:ds="{DS[1:-1]}" Algorithm="{EXCLUSIVE}"/>'


def signature_octets(data: bytes, limits: Limits = Limits()) -> bytes:
    """Give what a signature time-stamp is over: the canonical SignatureValue (5.3).

    Raises:
        Refused: the document has no signature that holds.
    """
    _checked(data, limits)
    tree = xml.parse(data, limits)
    value = next(tree.getroot().iter(DS + "SignatureValue"))
    return canonicalize_element(value, EXCLUSIVE)


def archive_octets(data: bytes, limits: Limits = Limits()) -> tuple[bytes, ...]:
    """Give what the next archive time-stamp is over, in pieces (5.5.2.2).

    Raises:
        Refused: the document has no signature that holds, or one over what is not at hand.
    """
    tree = xml.parse(data, limits)
    octets = verify(tree, place_of(tree.getroot()), renew=True).unsigned.next
    if not octets:
        raise Refused(NOT_RAISED, "An archive time-stamp would be over files beside the document as well")
    return octets


def write_stamp(kind: StampKind, token: bytes) -> str:
    """Write a time-stamp property around a token (DER) over octets canonicalised exclusively."""
    space, prefix = (XADES, "xades") if kind is StampKind.SIGNATURE else (XADES141, "xades141")
    inner = f'<xades:EncapsulatedTimeStamp xmlns:xades="{XADES}">{_base64(token)}</xades:EncapsulatedTimeStamp>'
    return f'<{prefix}:{kind} xmlns:{prefix}="{space}">{_METHOD}{inner}</{prefix}:{kind}>'


def write_values(certificates: Sequence[bytes], lists: Sequence[bytes], answers: Sequence[bytes]) -> str:
    """Write CertificateValues and RevocationValues (5.4.1, 5.4.2) for the signature and its time-stamps, all in DER."""
    return _values("CertificateValues", certificates) + _revocation(lists, answers)


def write_stamp_values(certificates: Sequence[bytes], lists: Sequence[bytes], answers: Sequence[bytes]) -> str:
    """Write TimeStampValidationData (5.5.1) for the time-stamps before it, all in DER."""
    inner = _values("CertificateValues", certificates) + _revocation(lists, answers)
    return f'<xades141:TimeStampValidationData xmlns:xades141="{XADES141}">{inner}</xades141:TimeStampValidationData>'


def add(data: bytes, properties: str, limits: Limits = Limits()) -> bytes:
    """Put properties behind the unsigned ones that are there; all bytes of the document stay, in their order.

    Raises:
        Refused: the document has no signature that holds, or one that has no room for properties.
    """
    before = _checked(data, limits)
    tree, text = xml.parse(data, limits), Text.of(data)
    signature = next(tree.getroot().iter(SIGNATURE))
    raised = text.with_insertions(_insertions(signature, text, properties))
    if _checked(raised, limits) != before:
        raise Misuse("what was put in changed what is signed")
    return raised


def _checked(data: bytes, limits: Limits) -> tuple[object, ...]:
    tree = xml.parse(data, limits)
    signed = verify(tree, place_of(tree.getroot()))
    content = etree.tostring(signed.element) if signed.octets is None else signed.octets
    return content, signed.chain, signed.claimed, signed.detached


def _insertions(signature: etree._Element, text: Text, properties: str) -> list[Insertion]:
    own = signature.get("Id")
    if own is None:
        naming = Insertion(at=text.tags(signature).name_end, text=f' Id="{_free_id(signature)}"')
        return [naming, _inside(signature, text, _wrap(properties, _free_id(signature)))]
    for qualifying in signature.iterfind(f"{DS}Object/{_X}QualifyingProperties"):
        if qualifying.get("Target") == f"#{own}":
            added = qualifying.find(f"{_X}UnsignedProperties")
            if added is None:
                return [_inside(qualifying, text, _wrap(properties))]
            inner = added.find(f"{_X}UnsignedSignatureProperties")
            if inner is not None:
                return [_inside(inner, text, properties)]
            raise Refused(NOT_RAISED, "The signature has unsigned properties, but none about itself")
    return [_inside(signature, text, _wrap(properties, own))]


def _wrap(properties: str, own: str = "") -> str:
    """Put the elements around that are missing; with the signature's own Id, also those that say what they qualify."""
    inner = f"<xades:UnsignedSignatureProperties>{properties}</xades:UnsignedSignatureProperties>"
    text = f'<xades:UnsignedProperties xmlns:xades="{XADES}">{inner}</xades:UnsignedProperties>'
    if not own:
        return text
    qualifying = (
        f'<xades:QualifyingProperties xmlns:xades="{XADES}" Target="#{own}">{text}</xades:QualifyingProperties>'
    )
    return f'<ds:Object xmlns:ds="{DS[1:-1]}">{qualifying}</ds:Object>'


def _inside(element: etree._Element, text: Text, inserted: str) -> Insertion:
    end = text.tags(element).end
    if end is None:
        raise Refused(NOT_RAISED, "The element that should hold the properties is written as an empty one")
    return Insertion(at=end, text=inserted)


def _free_id(signature: etree._Element) -> str:
    taken = grammar.unique_ids(signature.getroottree().getroot())
    return next(name for name in (ID, *(f"{ID}-{number}" for number in range(2, 99))) if name not in taken)


def _values(name: str, certificates: Sequence[bytes]) -> str:
    inner = "".join(_value(ValueKind.CERTIFICATE, each) for each in certificates)
    return f'<xades:{name} xmlns:xades="{XADES}">{inner}</xades:{name}>' if certificates else ""


def _revocation(lists: Sequence[bytes], answers: Sequence[bytes]) -> str:
    listed = "".join(_value(ValueKind.LIST, each) for each in lists)
    answered = "".join(_value(ValueKind.ANSWER, each) for each in answers)
    inner = f"<xades:CRLValues>{listed}</xades:CRLValues>" if lists else ""
    inner += f"<xades:OCSPValues>{answered}</xades:OCSPValues>" if answers else ""
    return f'<xades:RevocationValues xmlns:xades="{XADES}">{inner}</xades:RevocationValues>' if inner else ""


def _value(kind: ValueKind, der: bytes) -> str:
    return f"<xades:{kind}>{_base64(der)}</xades:{kind}>"


def _base64(der: bytes) -> str:
    text = base64.b64encode(der).decode()
    return "\n".join(text[at : at + _LINE] for at in range(0, len(text), _LINE))
