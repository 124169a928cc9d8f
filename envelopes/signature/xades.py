"""Read XAdES signed properties (EN 319 132-1, baseline B): only those that the signature covers.

Unsigned properties can be added by anyone, so they neither raise nor break anything here.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from envelopes.signature.algorithms import digest
from envelopes.signature.grammar import DS, Reference, SignatureBlock, decode_base64, referenced_id
from envelopes.signature.reasons import XADES
from trust_store.errors import Refused

SIGNED_PROPERTIES_TYPE: Final = "http://uri.etsi.org/01903#SignedProperties"
_X: Final = "{http://uri.etsi.org/01903/v1.3.2#}"
_CERTIFICATES: Final = (_X + "SigningCertificateV2", _X + "SigningCertificate")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")


def check(
    block: SignatureBlock, certificate: bytes, ids: Mapping[str, etree._Element], reference: Reference | None
) -> datetime | None:
    """Check the signed properties against the signature and its certificate (DER); return the claimed signing time.

    Raises:
        Refused: `xades-properties`: not covered, not about this signature, or naming another certificate.
    """
    properties = [item for holder in block.objects for item in holder.iter(_X + "SignedProperties")]
    if not properties and reference is None:
        return None
    if len(properties) != 1 or reference is None:
        raise Refused(XADES, "There must be one SignedProperties, and a Reference of its Type to it")
    if ids.get(referenced_id(reference.uri)) is not properties[0]:
        raise Refused(XADES, "The Reference of type SignedProperties points to something else")
    _check_target(block, properties[0])
    _check_certificate(properties[0], certificate)
    return _claimed_time(properties[0])


def is_properties(holder: etree._Element) -> bool:
    """Tell whether a ds:Object holds XAdES qualifying properties and nothing else."""
    return [child.tag for child in holder] == [_X + "QualifyingProperties"]


def _check_target(block: SignatureBlock, properties: etree._Element) -> None:
    qualifying = properties.getparent()
    own = block.element.get("Id")
    in_place = qualifying is not None and qualifying.tag == _X + "QualifyingProperties"
    if qualifying is None or not in_place or own is None or qualifying.get("Target") != f"#{own}":
        raise Refused(XADES, "QualifyingProperties are not about this signature (Target)")


def _check_certificate(properties: etree._Element, certificate: bytes) -> None:
    """Compare the first CertDigest with the signer's certificate (5.2.2): it protects against substitution."""
    for holder in properties.iter(*_CERTIFICATES):
        method, value = holder.find(f".//{DS}DigestMethod"), holder.find(f".//{DS}DigestValue")
        if method is None or value is None:
            raise Refused(XADES, "SigningCertificate has no digest", where=f"line {holder.sourceline}")
        expected = decode_base64(value.text or "", f"DigestValue, line {value.sourceline}")
        if not hmac.compare_digest(digest(method.get("Algorithm", ""), certificate), expected):
            raise Refused(XADES, "The signed properties name another certificate", where=f"line {value.sourceline}")


def _claimed_time(properties: etree._Element) -> datetime | None:
    element = properties.find(f"{_X}SignedSignatureProperties/{_X}SigningTime")
    if element is None:
        return None
    text = (element.text or "").strip()
    try:
        moment = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
        if moment is not None:
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Refused(XADES, f"SigningTime {text[:40]!r} is not a date and time", where=f"line {element.sourceline}")
