"""Check signatures of authorities: on certificates, on revocation lists, on OCSP answers."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import HashAlgorithm


def is_signed(
    key: CertificatePublicKeyTypes | None,
    signature: bytes,
    data: bytes,
    digest: HashAlgorithm | None,
    pss: padding.PSS | None = None,
) -> bool:
    """Tell whether the key made the signature over these bytes: RSA (PKCS#1 v1.5, or PSS), ECDSA, DSA, or Ed25519.

    Only Ed25519 has no digest.
    """
    try:
        match key:
            case rsa.RSAPublicKey() if digest is not None:
                key.verify(signature, data, pss or padding.PKCS1v15(), digest)
            case ec.EllipticCurvePublicKey() if digest is not None:
                key.verify(signature, data, ec.ECDSA(digest))
            case dsa.DSAPublicKey() if digest is not None:
                key.verify(signature, data, digest)
            case ed25519.Ed25519PublicKey():
                key.verify(signature, data)
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def is_issued(certificate: x509.Certificate, key: CertificatePublicKeyTypes | None) -> bool:
    """Tell whether the key signed the certificate, whatever the names say."""
    try:
        digest, how = certificate.signature_hash_algorithm, certificate.signature_algorithm_parameters
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return False
    pss = how if isinstance(how, padding.PSS) else None
    return is_signed(key, certificate.signature, certificate.tbs_certificate_bytes, digest, pss)
