"""Check signatures on what authorities say of revocations."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import HashAlgorithm


def is_signed(
    key: CertificatePublicKeyTypes | None, signature: bytes, data: bytes, digest: HashAlgorithm | None
) -> bool:
    """Tell whether the key made the signature over these bytes: RSA PKCS#1 v1.5, ECDSA, DSA, or Ed25519 (no digest)."""
    try:
        match key:
            case rsa.RSAPublicKey() if digest is not None:
                key.verify(signature, data, padding.PKCS1v15(), digest)
            case ec.EllipticCurvePublicKey() if digest is not None:
                key.verify(signature, data, ec.ECDSA(digest))
            case dsa.DSAPublicKey() if digest is not None:
                key.verify(signature, data, digest)
            case ed25519.Ed25519PublicKey():
                key.verify(signature, data)
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
