"""Write the XAdES signed properties (EN 319 132-1, baseline B): what the signer says of the signature, and signs as well."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from envelopes.signature.detached import SHA256
from envelopes.xml import UNWRITABLE
from trust_store.certificate import Certificate
from trust_store.errors import Misuse

XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
SIGNED_PROPERTIES_TYPE: Final = "http://uri.etsi.org/01903#SignedProperties"
_DS: Final = ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicy:
    """Name the policy that a signer signs under: an object identifier, and the SHA-256 of its document."""

    oid: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Say what a signer claims: when (to the second, UTC), in what role, under what policy, and of what type the content is.

    `id` names the signature within its document; it must be an XML name without a colon.
    """

    id: str
    at: datetime
    role: str = ""
    policy: SignaturePolicy | None = None
    mime_type: str = "text/xml"

    @property
    def content_id(self) -> str:
        """Return the Id of the Reference to the content."""
        return f"{self.id}-content"

    @property
    def properties_id(self) -> str:
        """Return the Id of the signed properties."""
        return f"{self.id}-properties"


def write_properties(claims: Claims, certificate: Certificate) -> str:
    """Write SignedProperties in exclusive canonical form (EN 319 132-1, 5.2), which goes into the document as it is.

    Raises:
        Misuse: the moment has no time zone.
    """
    if claims.at.tzinfo is None:
        raise Misuse("the claimed moment has no time zone")
    moment = claims.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    named = _digest("CertDigest", hashlib.sha256(certificate.der).digest())
    signature = (
        _element("SigningTime", moment)
        + _element("SigningCertificateV2", _element("Cert", named))
        + _policy(claims.policy)
        + _role(claims.role)
    )
    mime = _element("MimeType", _escape(claims.mime_type))
    content = f'<xades:DataObjectFormat ObjectReference="#{claims.content_id}">{mime}</xades:DataObjectFormat>'
    return (
        f'<xades:SignedProperties xmlns:xades="{XADES}" Id="{claims.properties_id}">'
        f"{_element('SignedSignatureProperties', signature)}"
        f"{_element('SignedDataObjectProperties', content)}</xades:SignedProperties>"
    )


def write_object(claims: Claims, properties: str) -> str:
    """Write the ds:Object that holds the signed properties, under the `ds` prefix of the signature around it."""
    qualifying = f'<xades:QualifyingProperties xmlns:xades="{XADES}" Target="#{claims.id}">'
    return f"<ds:Object>{qualifying}{properties}</xades:QualifyingProperties></ds:Object>"


def _policy(policy: SignaturePolicy | None) -> str:
    if policy is None:
        return ""
    identifier = f'<xades:Identifier Qualifier="OIDAsURN">urn:oid:{_escape(policy.oid)}</xades:Identifier>'
    named = _element("SigPolicyId", identifier) + _digest("SigPolicyHash", policy.digest)
    return _element("SignaturePolicyIdentifier", _element("SignaturePolicyId", named))


def _role(role: str) -> str:
    if not role:
        return ""
    return _element("SignerRoleV2", _element("ClaimedRoles", _element("ClaimedRole", _escape(role))))


def _digest(name: str, digest: bytes) -> str:
    method = f'<ds:DigestMethod{_DS} Algorithm="{SHA256}"></ds:DigestMethod>'
    value = f"<ds:DigestValue{_DS}>{base64.b64encode(digest).decode()}</ds:DigestValue>"
    return _element(name, method + value)


def _element(name: str, content: str) -> str:
    return f"<xades:{name}>{content}</xades:{name}>"


def _escape(text: str) -> str:
    """Escape a text as Canonical XML 1.0 (2.3) does."""
    return UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text).translate(_ESCAPES)
