"""Read XAdES signed properties (EN 319 132-1, baseline B): only those that the signature covers.

Unsigned properties can be added by anyone, so they neither raise nor break anything here; see `unsigned`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from envelopes.signature.algorithms import digest
from envelopes.signature.claims import XADES as NAMESPACE
from envelopes.signature.grammar import DS, Reference, SignatureBlock, decode_base64, referenced_id
from envelopes.signature.reasons import XADES
from trust_store.errors import Refused

_X: Final = f"{{{NAMESPACE}}}"
_CERTIFICATES: Final = (_X + "SigningCertificateV2", _X + "SigningCertificate")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Hold what the signer says in the signed properties: the time (UTC), the roles, and the policy; nobody vouches for it.

    `is_baseline` tells whether all is there that the baseline asks for: the time, and the digest of the certificate.
    """

    time: datetime | None
    roles: tuple[str, ...] = ()
    policy: str = ""
    is_baseline: bool = False


def check(
    block: SignatureBlock, certificate: bytes, ids: Mapping[str, etree._Element], reference: Reference | None
) -> Claimed | None:
    """Check the signed properties against the signature and its certificate (DER); return what they claim.

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
    return _claimed(properties[0])


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


def _claimed(properties: etree._Element) -> Claimed:
    time, signature = _claimed_time(properties), f"{_X}SignedSignatureProperties/{_X}"
    names = properties.find(f"{signature}SigningCertificateV2"), properties.find(f"{signature}SigningCertificate")
    policy = f"{signature}SignaturePolicyIdentifier/{_X}SignaturePolicyId/{_X}SigPolicyId/{_X}Identifier"
    roles = ("".join(each.itertext()).strip() for each in properties.iter(_X + "ClaimedRole"))
    return Claimed(
        time=time,
        roles=tuple(each for each in roles if each),
        policy=(properties.findtext(policy) or "").strip(),
        is_baseline=time is not None and any(each is not None for each in names),
    )


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
