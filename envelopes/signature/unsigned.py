"""Read XAdES unsigned properties (EN 319 132-1, 5.3 to 5.5): time-stamps and the values that prove a certificate later.

Anyone can add them, so nothing here refuses a document, and nothing in them is believed: what cannot be read is a remark.
`envelopes.signature.lasting` judges them. Read while the signature stands in its place, on which their octets depend.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from lxml import etree

from envelopes.signature.algorithms import C14N_10, CANONICALIZATIONS, EXCLUSIVE
from envelopes.signature.c14n import canonicalize_element
from envelopes.signature.claims import XADES
from envelopes.signature.grammar import DS, SignatureBlock, decode_base64
from envelopes.signature.reasons import XADES as _UNREAD
from trust_store.errors import Refused

XADES141: Final = "http://uri.etsi.org/01903/v1.4.1#"
MAX_STAMPS: Final = 16
"""Time-stamps that are looked at; a message that is renewed every five years needs fewer in a lifetime."""
MAX_VALUES: Final = 64
_X: Final = f"{{{XADES}}}"
_X141: Final = f"{{{XADES141}}}"
_DER: Final = frozenset({"", "http://uri.etsi.org/01903/v1.2.2#DER"})
_CONTAINERS: Final = frozenset({_X + "CertificateValues", _X + "RevocationValues", _X141 + "TimeStampValidationData"})


class StampKind(StrEnum):
    """Say what a time-stamp is over: the signature value alone, or everything before it."""

    SIGNATURE = "SignatureTimeStamp"
    ARCHIVE = "ArchiveTimeStamp"


class ValueKind(StrEnum):
    """Say what an embedded value is: a certificate, a revocation list or an OCSP answer."""

    CERTIFICATE = "EncapsulatedX509Certificate"
    LIST = "EncapsulatedCRLValue"
    ANSWER = "EncapsulatedOCSPValue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Hold one time-stamp: its token (DER), the octets that it must be over, in pieces, and where it stands."""

    kind: StampKind
    der: bytes = field(repr=False)
    octets: tuple[bytes, ...] = field(repr=False)
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Hold one embedded value (DER) and its place among the properties."""

    kind: ValueKind
    der: bytes = field(repr=False)
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """Hold the unsigned properties of one signature, in document order; `remarks` say what could not be read, and where.

    `next` are the octets that a further archive time-stamp would be over, where they were asked for.
    """

    stamps: tuple[Stamp, ...] = ()
    values: tuple[Value, ...] = ()
    remarks: tuple[str, ...] = ()
    next: tuple[bytes, ...] = field(default=(), repr=False)


NOTHING: Final = Unsigned()


def properties_of(block: SignatureBlock) -> list[etree._Element]:
    """Give the unsigned signature properties that are about this signature, in document order."""
    own = block.element.get("Id")
    found: list[etree._Element] = []
    for holder in block.objects:
        for qualifying in holder.iterchildren(_X + "QualifyingProperties"):
            if own is not None and qualifying.get("Target") == f"#{own}":
                path = f"{_X}UnsignedProperties/{_X}UnsignedSignatureProperties"
                found += [child for each in qualifying.iterfind(path) for child in each]
    return found


def read(block: SignatureBlock, *, renew: bool = False) -> Unsigned:
    """Read the properties; the octets of the References go into the archive time-stamps afterwards, by `complete`.

    With `renew`, what a further archive time-stamp would be over is given as well.

    Raises:
        Refused: `canonicalization-not-allowed`, with `renew` alone.
    """
    properties = properties_of(block)
    following = archive_octets(block, properties, EXCLUSIVE) if renew else ()
    if not properties:
        return Unsigned(next=following) if renew else NOTHING
    stamps: list[Stamp] = []
    values: list[Value] = []
    remarks: list[str] = []
    for place, each in enumerate(properties):
        try:
            if each.tag == _X + StampKind.SIGNATURE:
                stamps += _stamps(each, StampKind.SIGNATURE, _signature_octets(block, _method(each)), place)
            elif each.tag == _X141 + StampKind.ARCHIVE:
                octets = archive_octets(block, properties[:place], _method(each))
                stamps += _stamps(each, StampKind.ARCHIVE, octets, place)
            elif each.tag in _CONTAINERS:
                values += _values(each, place)
            else:
                remarks.append(f"{_name(each)}, line {each.sourceline}: not used here")
        except Refused as refusal:
            remarks.append(f"{_name(each)}, line {each.sourceline}: {refusal.detail}")
    if len(stamps) > MAX_STAMPS or len(values) > MAX_VALUES:
        remarks.append(f"Of {len(stamps)} time-stamps and {len(values)} values {MAX_STAMPS} and {MAX_VALUES} are used")
    return Unsigned(
        stamps=tuple(stamps[:MAX_STAMPS]),
        values=tuple(values[:MAX_VALUES]),
        remarks=tuple(remarks),
        next=following,
    )


def complete(found: Unsigned, referenced: Sequence[bytes | None]) -> Unsigned:
    """Put the octets of the References, in their order, before those of every archive time-stamp (5.5.2.2).

    None stands for octets that are not at hand: of files beside the document, and of content whose canonicalisation is
    left to the time-stamp. No archive time-stamp can be checked there, nor made.
    """
    known = tuple(each for each in referenced if each is not None)
    if len(known) == len(referenced):
        stamps = tuple(
            replace(each, octets=(*known, *each.octets)) if each.kind is StampKind.ARCHIVE else each
            for each in found.stamps
        )
        return replace(found, stamps=stamps, next=(*known, *found.next) if found.next else ())
    stamps = tuple(each for each in found.stamps if each.kind is not StampKind.ARCHIVE)
    remark = "Archive time-stamps are over files beside the document, or content without a stated form: not used here"
    remarks = found.remarks if len(stamps) == len(found.stamps) else (*found.remarks, remark)
    return replace(found, stamps=stamps, remarks=remarks, next=())


def archive_octets(block: SignatureBlock, before: list[etree._Element], method: str) -> tuple[bytes, ...]:
    """Give what an archive time-stamp is over, behind the octets of the References (5.5.2.2): SignedInfo, SignatureValue,
    KeyInfo, the unsigned properties before it, and the Objects but that of the qualifying properties, each canonicalised.

    Raises:
        Refused: `canonicalization-not-allowed`.
    """
    own = [child for child in block.element if child.tag in {DS + "SignedInfo", DS + "SignatureValue", DS + "KeyInfo"}]
    others = [each for each in block.objects if each.find(_X + "QualifyingProperties") is None]
    return tuple(canonicalize_element(each, method) for each in (*own, *before, *others))


def _signature_octets(block: SignatureBlock, method: str) -> tuple[bytes, ...]:
    value = next(child for child in block.element if child.tag == DS + "SignatureValue")
    return (canonicalize_element(value, method),)


def _method(stamp: etree._Element) -> str:
    """Tell how the octets are canonicalised (4.5): as the time-stamp says, or by C14N 1.0."""
    element = stamp.find(DS + "CanonicalizationMethod")
    method = C14N_10 if element is None else element.get("Algorithm", "")
    if method not in CANONICALIZATIONS or (element is not None and len(element)):
        raise Refused(_UNREAD, f"{method[:100] or 'An empty canonicalisation'} is not allowed")
    return method


def _stamps(holder: etree._Element, kind: StampKind, octets: tuple[bytes, ...], place: int) -> Iterator[Stamp]:
    if any(child.tag in {_X + "Include", _X + "ReferenceInfo"} for child in holder):
        raise Refused(_UNREAD, "Only time-stamps over what is implied are used, not those that list it")
    for element in holder.iterchildren(_X + "EncapsulatedTimeStamp"):
        yield Stamp(kind=kind, der=_der(element), octets=octets, place=place)


def _values(holder: etree._Element, place: int) -> Iterator[Value]:
    for element in holder.iter(*(_X + kind for kind in ValueKind)):
        yield Value(kind=ValueKind(_name(element)), der=_der(element), place=place)


def _der(element: etree._Element) -> bytes:
    if element.get("Encoding", "") not in _DER or len(element):
        raise Refused(_UNREAD, "A value is not in DER")
    octets = decode_base64(element.text or "", _name(element))
    if not octets:
        raise Refused(_UNREAD, "A value is empty")
    return octets


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname
