"""The allow-list: what each algorithm identifier means, and nothing beyond it (RFC 9231, XMLDSig 1.1 section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from envelopes.signature.reasons import DIGEST, FORGED, KEY_KIND
from trust_store.errors import Refused

C14N_10: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_11: Final = "http://www.w3.org/2006/12/xml-c14n11"
EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
BASE64: Final = "http://www.w3.org/2000/09/xmldsig#base64"
CANONICALIZATIONS: Final = frozenset({C14N_10, C14N_11, EXCLUSIVE})

_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_PSS: Final = "http://www.w3.org/2007/05/xmldsig-more#"
ED25519: Final = "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519"

DIGESTS: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "http://www.w3.org/2001/04/xmlenc#sha256": hashes.SHA256,
    _MORE + "sha384": hashes.SHA384,
    "http://www.w3.org/2001/04/xmlenc#sha512": hashes.SHA512,
}

Check = Callable[[CertificatePublicKeyTypes | None, bytes, bytes], None]
"""(public key, signature value, signed octets); raises `Refused` when the signature is not the key's."""


def digest(algorithm: str, data: bytes) -> bytes:
    """Digest octets with an allowed algorithm.

    Raises:
        Refused: `digest-algorithm`.
    """
    if algorithm not in DIGESTS:
        raise Refused(DIGEST, f"{algorithm or 'An empty DigestMethod'} is not allowed")
    state = hashes.Hash(DIGESTS[algorithm]())
    state.update(data)
    return state.finalize()


def _rsa(hash_type: Callable[[], hashes.HashAlgorithm], *, pss: bool) -> Check:
    def check(key: CertificatePublicKeyTypes | None, signature: bytes, data: bytes) -> None:
        if not isinstance(key, rsa.RSAPublicKey):
            raise Refused(KEY_KIND)
        hashed = hash_type()
        scheme = padding.PSS(padding.MGF1(hashed), hashed.digest_size) if pss else padding.PKCS1v15()
        if len(signature) != (key.key_size + 7) // 8:
            raise Refused(FORGED, "The RSA signature has not the length of the key (RFC 8017, 8.2.2)")
        _verified(lambda: key.verify(signature, data, scheme, hashed))

    return check


def _ecdsa(hash_type: Callable[[], hashes.HashAlgorithm]) -> Check:
    def check(key: CertificatePublicKeyTypes | None, signature: bytes, data: bytes) -> None:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise Refused(KEY_KIND)
        half = (key.curve.key_size + 7) // 8
        if len(signature) != 2 * half:
            raise Refused(FORGED, "The ECDSA signature is not r and s at full length (XMLDSig 1.1, 6.4.3)")
        r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
        _verified(lambda: key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hash_type())))

    return check


def _ed25519(key: CertificatePublicKeyTypes | None, signature: bytes, data: bytes) -> None:
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise Refused(KEY_KIND)
    _verified(lambda: key.verify(signature, data))


def _verified(check: Callable[[], None]) -> None:
    try:
        check()
    except InvalidSignature:
        raise Refused(FORGED) from None


_SHA2: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}

SIGNATURES: Final[dict[str, Check]] = {
    **{f"{_MORE}rsa-sha{bits}": _rsa(kind, pss=False) for bits, kind in _SHA2.items()},
    **{f"{_PSS}sha{bits}-rsa-MGF1": _rsa(kind, pss=True) for bits, kind in _SHA2.items()},
    **{f"{_MORE}ecdsa-sha{bits}": _ecdsa(kind) for bits, kind in _SHA2.items()},
    ED25519: _ed25519,
}
