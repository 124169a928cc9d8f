"""Proofs that somebody holds the key of a certificate: a signature over a statement that fits one occasion only.

A statement is text that begins with its own name, so no signature over one is ever one over a document, a receipt or a
request. docs/howto/enrol.md shows how to sign one with openssl.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from trust_store.certificate import Certificate
from trust_store.errors import Refused, reason
from trust_store.keys import KeyHolder
from trust_store.verdict import Check, passed

PROOF_WRONG = reason(
    "proof-wrong",
    "The proof is not by the key of the certificate, or is over another statement",
    "Sign the statement exactly as the hub gave it, with the key of this very certificate",
)
_HOLDING: Final = "congvan-proof-1"
_RENEWING: Final = "congvan-renewal-1"


def holding_statement(hub: str, party: str, fingerprint: str, challenge: str) -> str:
    """State that a party holds the key of a certificate (SHA-256 in hex), in answer to a challenge of the hub."""
    return f"{_HOLDING}\nhub {hub}\nparty {party}\ncertificate {fingerprint}\nchallenge {challenge}\n"


def renewal_statement(hub: str, party: str, fingerprint: str, request: str) -> str:
    """State that the holder of a certificate asks for the next one by a request; both are SHA-256 in hex."""
    return f"{_RENEWING}\nhub {hub}\nparty {party}\ncertificate {fingerprint}\nrequest {request}\n"


def prove(holder: KeyHolder, statement: str) -> bytes:
    """Sign a statement: RSA (PKCS#1 v1.5) or ECDSA (DER) with SHA-256, or Ed25519."""
    key, data = holder.private_key, statement.encode()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(SHA256()))
    return key.sign(data)


def check_proof(certificate: Certificate, signature: bytes, statement: str) -> Check:
    """Check that a statement is signed by the key of a certificate.

    Raises:
        Refused: `proof-wrong`.
    """
    try:
        _verify(certificate, signature, statement.encode())
    except InvalidSignature:
        raise Refused(PROOF_WRONG, f"The statement is not signed by the key of {certificate.subject}") from None
    return passed("possession", f"The holder of the key of {certificate.subject} signed what the hub asked")


def _verify(certificate: Certificate, signature: bytes, data: bytes) -> None:
    match certificate.public_key:
        case rsa.RSAPublicKey() as key:
            key.verify(signature, data, padding.PKCS1v15(), SHA256())
        case ec.EllipticCurvePublicKey() as key:
            key.verify(signature, data, ec.ECDSA(SHA256()))
        case ed25519.Ed25519PublicKey() as key:
            key.verify(signature, data)
        case _:
            raise InvalidSignature
