"""Write a ds:Signature: SignedInfo straight in its canonical form, signed, with the signer's certificate beside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from envelopes.signature.algorithms import ENVELOPED, EXCLUSIVE
from envelopes.signature.claims import SIGNED_PROPERTIES_TYPE, Claims, write_object, write_properties
from envelopes.signature.detached import SHA256, to_uris
from envelopes.signature.reasons import KEY_KIND
from trust_store.errors import Refused
from trust_store.keys import KeyHolder

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
"""No files beside the document."""

_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_DS: Final = ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
_LINE: Final = 64
_EMPTY: Final = re.compile(r"></ds:(?:CanonicalizationMethod|SignatureMethod|Transform|DigestMethod)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Say how keys of one kind sign here: the identifiers, and the digest behind both."""

    method: str
    digest_method: str
    hash_type: type[hashes.HashAlgorithm]


_RSA: Final = _Kind(method=_MORE + "rsa-sha256", digest_method=SHA256, hash_type=hashes.SHA256)
_CURVES: Final = {
    "secp256r1": _Kind(method=_MORE + "ecdsa-sha256", digest_method=SHA256, hash_type=hashes.SHA256),
    "secp384r1": _Kind(method=_MORE + "ecdsa-sha384", digest_method=_MORE + "sha384", hash_type=hashes.SHA384),
    "secp521r1": _Kind(
        method=_MORE + "ecdsa-sha512",
        digest_method="http://www.w3.org/2001/04/xmlenc#sha512",
        hash_type=hashes.SHA512,
    ),
}


def write_signature(
    canonical: bytes, holder: KeyHolder, detached: Mapping[str, str] = NOTHING, claims: Claims | None = None
) -> str:
    """Write the enveloped signature of a document, given in exclusive canonical form, and of files beside it.

    `detached` maps the content id of each such file to its SHA-256 (hex). With `claims` it is XAdES B-B (EN 319 132-1).

    Raises:
        Refused: the key is of a kind that is not used here, or a file beside the document cannot be named.
    """
    kind = _kind(holder)
    properties = write_properties(claims, holder.certificate) if claims else ""
    signed_info = _signed_info(kind, _references(kind, canonical, properties, claims) + _files(to_uris(detached)))
    value = _base64(_sign(holder, kind, signed_info.encode()))
    certificate = _base64(holder.certificate.der)
    lines = "\n".join(certificate[at : at + _LINE] for at in range(0, len(certificate), _LINE))
    # The namespace is declared once, around all of it; the canonical form has it on SignedInfo, where it stands alone.
    opening = f'<ds:Signature{_DS} Id="{claims.id}">' if claims else f"<ds:Signature{_DS}>"
    return (
        f"{opening}{_EMPTY.sub('/>', signed_info.replace(_DS, '', 1))}"
        f"<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>"
        f"<ds:X509Certificate>{lines}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        f"{write_object(claims, properties) if claims else ''}</ds:Signature>"
    )


def _kind(holder: KeyHolder) -> _Kind:
    key = holder.private_key
    if isinstance(key, rsa.RSAPrivateKey):
        return _RSA
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    raise Refused(KEY_KIND, "Only RSA and ECDSA (P-256, P-384, P-521) keys sign documents here")


def _signed_info(kind: _Kind, references: str) -> str:
    """Write SignedInfo in exclusive canonical form; every text in it is plain ASCII, so nothing has to be escaped."""
    methods = _empty("CanonicalizationMethod", EXCLUSIVE) + _empty("SignatureMethod", kind.method)
    return f"<ds:SignedInfo{_DS}>{methods}{references}</ds:SignedInfo>"


def _references(kind: _Kind, canonical: bytes, properties: str, claims: Claims | None) -> str:
    """Write the References to the content and, where there are any, to the signed properties."""
    enveloped, digest = _empty("Transform", ENVELOPED), _digest(kind, canonical)
    named = f'Id="{claims.content_id}" URI=""' if claims else 'URI=""'
    content = _reference(named, enveloped + _empty("Transform", EXCLUSIVE), kind.digest_method, digest)
    if claims is None:
        return content
    pointed = f'Type="{SIGNED_PROPERTIES_TYPE}" URI="#{claims.properties_id}"'
    digest = _digest(kind, properties.encode())
    return content + _reference(pointed, _empty("Transform", EXCLUSIVE), kind.digest_method, digest)


def _files(beside: list[tuple[str, bytes]]) -> str:
    return "".join(_reference(f'URI="{uri}"', "", SHA256, digest) for uri, digest in beside)


def _reference(attributes: str, transforms: str, method: str, digest: bytes) -> str:
    value = f"<ds:DigestValue>{_base64(digest)}</ds:DigestValue>"
    chain = f"<ds:Transforms>{transforms}</ds:Transforms>" if transforms else ""
    return f"<ds:Reference {attributes}>{chain}{_empty('DigestMethod', method)}{value}</ds:Reference>"


def _empty(name: str, algorithm: str) -> str:
    return f'<ds:{name} Algorithm="{algorithm}"></ds:{name}>'


def _digest(kind: _Kind, data: bytes) -> bytes:
    state = hashes.Hash(kind.hash_type())
    state.update(data)
    return state.finalize()


def _sign(holder: KeyHolder, kind: _Kind, data: bytes) -> bytes:
    """Sign octets; an ECDSA value is r and s at the full length of the curve (XMLDSig 1.1, 6.4.3)."""
    key = holder.private_key
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), kind.hash_type())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        half = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(kind.hash_type(), deterministic_signing=True)))
        return r.to_bytes(half) + s.to_bytes(half)
    raise Refused(KEY_KIND)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
