"""Time-stamp tokens (RFC 3161, 2.4.2) as values: read once and completely, signed by the authority that they name.

What a token proves is for `trust_store.timestamp` to say; here is only what it holds and that its signature is its own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asn1crypto import algos, cms, core, tsp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from trust_store.certificate import Certificate, load
from trust_store.errors import Refused, reason

MALFORMED = reason(
    "timestamp-malformed",
    "The time-stamp cannot be read",
    "Have the document stamped again by a time-stamp authority that follows RFC 3161",
)
FORGED = reason(
    "timestamp-forged",
    "The time-stamp is not signed by the authority that it names",
    "Have the document stamped again; keep this one apart and ask the operator of the authority",
)
WEAK = reason(
    "timestamp-algorithm",
    "An algorithm of the time-stamp is not accepted",
    "Use a time-stamp authority that works with SHA-256, SHA-384 or SHA-512",
)

MAX_SIZE: Final = 64 * 1024
"""Bytes of DER that one token may have; with a chain they have 3,000 to 8,000."""
HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
"""The digests that a token may be made with, by their names here."""
MOST_CERTIFICATES: Final = 8
"""Certificates that a token may carry."""
# What the ASN.1 reader lets out on hostile bytes, besides ValueError.
_BROKEN: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Hold one time-stamp; two are equal when their bytes are.

    `der` is the token with its certificates in DER order, whatever order they came in: those are unsigned, and strict
    readers refuse another order. `time` is UTC and off by `accuracy` at most. `imprint` is the digest of what was stamped,
    made with `algorithm`. `policy` is an object identifier. `authority` signed the token; `helpers` came with it.
    """

    der: bytes
    time: datetime = field(compare=False)
    accuracy: timedelta = field(compare=False)
    algorithm: str = field(compare=False)
    imprint: bytes = field(compare=False, repr=False)
    serial: int = field(compare=False)
    policy: str = field(compare=False)
    nonce: int | None = field(compare=False)
    authority: Certificate = field(compare=False)
    helpers: tuple[Certificate, ...] = field(compare=False, repr=False)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the token in lower-case hex."""
        return hashlib.sha256(self.der).hexdigest()


def load_token(data: bytes) -> Token:
    """Read one token and check that the certificate that it names signed it (RFC 3161, 2.4.2; RFC 5816; RFC 5652, 5.4).

    Raises:
        Refused: `timestamp-malformed`, `timestamp-algorithm`, `timestamp-forged`, or `certificate-malformed`.
    """
    if len(data) > MAX_SIZE:
        raise Refused(MALFORMED, f"The time-stamp has {len(data):,} bytes; {MAX_SIZE:,} are allowed")
    try:
        return _read(data, cms.ContentInfo.load(data, strict=True))
    except _BROKEN:
        raise Refused(MALFORMED, f"The {len(data):,} bytes are not a time-stamp token") from None


def _read(data: bytes, container: Any) -> Token:
    if container["content_type"].native != "signed_data":
        raise ValueError("RFC 3161, 2.4.2: a token is SignedData")
    signed = container["content"]
    (signer,) = signed["signer_infos"]
    encapsulated = signed["encap_content_info"]
    if encapsulated["content_type"].native != "tst_info":
        raise ValueError("RFC 3161, 2.4.2: a token holds TSTInfo")
    # Taken as they came, before any part is read: the reader may write a part that it has read in another way.
    octets, attributes = bytes(encapsulated["content"]), bytes(signer["signed_attrs"].dump())
    stated = tsp.TSTInfo.load(octets, strict=True)
    given = _certificates(signed)
    certificates = tuple(load(each) for each in given)
    authority = _find(signer["sid"], certificates)
    _check_attributes(signer, octets, authority)
    _check_signature(signer, attributes, authority)
    # DER has an order for a SET; in another one it has the same length, so nothing else in the token moves.
    der = data.replace(b"".join(given), b"".join(sorted(given)), 1)
    return _token(der, stated, authority, certificates)


def _certificates(signed: Any) -> list[bytes]:
    found = list(signed["certificates"])
    if not 1 <= len(found) <= MOST_CERTIFICATES or any(each.name != "certificate" for each in found):
        raise ValueError(f"a token carries 1 to {MOST_CERTIFICATES} certificates")
    return [bytes(each.dump()) for each in found]


def _token(der: bytes, stated: Any, authority: Certificate, certificates: tuple[Certificate, ...]) -> Token:
    imprint = stated["message_imprint"]
    algorithm, value = _hash_name(imprint["hash_algorithm"]), bytes(imprint["hashed_message"].native)
    if stated["version"].native != "v1" or len(value) != HASHES[algorithm]().digest_size:
        raise ValueError("RFC 3161, 2.4.2: version 1, and a digest of its algorithm's length")
    if any(each["critical"].native for each in stated["extensions"]):
        raise ValueError("an extension is critical and unknown")
    named = stated["tsa"]
    if named.native is not None and named.name == "directory_name":
        subject = _subject(authority)
        if named.chosen != subject:
            raise Refused(FORGED, "The time-stamp names another authority than the one that signed it")
    nonce = stated["nonce"].native
    return Token(
        der=der,
        time=stated["gen_time"].native.astimezone(UTC),
        accuracy=_accuracy(stated["accuracy"]),
        algorithm=algorithm,
        imprint=value,
        serial=int(stated["serial_number"].native),
        policy=stated["policy"].dotted,
        nonce=None if nonce is None else int(nonce),
        authority=authority,
        helpers=tuple(each for each in certificates if each != authority),
    )


def _accuracy(stated: Any) -> timedelta:
    if stated.native is None:
        return timedelta()
    seconds, millis, micros = (stated[name].native or 0 for name in ("seconds", "millis", "micros"))
    return timedelta(seconds=seconds, milliseconds=millis, microseconds=micros)


def _find(named: Any, certificates: Iterable[Certificate]) -> Certificate:
    """Find the signer's certificate by what the signature names, which it covers together with the digest below."""
    for each in certificates:
        parsed = cms.Certificate.load(each.der)
        if named.name == "issuer_and_serial_number":
            found = (named.chosen["issuer"], named.chosen["serial_number"].native) == (
                parsed.issuer,
                parsed.serial_number,
            )
        else:
            found = parsed.key_identifier is not None and named.native == parsed.key_identifier
        if found:
            return each
    raise Refused(FORGED, "The certificate of the time-stamp authority is not in the time-stamp")


def _subject(certificate: Certificate) -> Any:
    return cms.Certificate.load(certificate.der).subject


def _check_attributes(signer: Any, octets: bytes, authority: Certificate) -> None:
    """Ask for the three signed attributes that tie content, digest and certificate together (RFC 5652, 5.4; RFC 5816)."""
    found: dict[str, Any] = {}
    for attribute in signer["signed_attrs"]:
        name = attribute["type"].native
        if name in found or len(attribute["values"]) != 1:
            raise ValueError("a signed attribute occurs twice, or has not one value")
        found[name] = attribute["values"][0]
    if found["content_type"].native != "tst_info":
        raise ValueError("the signed content type is not TSTInfo")
    digest = _digest(_hash_name(signer["digest_algorithm"]), octets)
    if not hmac.compare_digest(digest, bytes(found["message_digest"].native)):
        raise Refused(FORGED, "The content of the time-stamp is not the one that was signed")
    if "signing_certificate_v2" not in found:
        raise Refused(
            WEAK, "The time-stamp names its certificate by SHA-1 or not at all (RFC 5816 asks for ESSCertIDv2)"
        )
    named = found["signing_certificate_v2"]["certs"][0]
    expected = _digest(_hash_name(named["hash_algorithm"]), authority.der)
    if not hmac.compare_digest(expected, bytes(named["cert_hash"].native)):
        raise Refused(FORGED, "The time-stamp names another certificate than the one that came with it")


def _check_signature(signer: Any, attributes: bytes, authority: Certificate) -> None:
    # RFC 5652, 5.4: signed is the SET, not the tag [0] that it travels under.
    octets, value = b"\x31" + attributes[1:], bytes(signer["signature"].native)
    algorithm, key = signer["signature_algorithm"], authority.public_key
    stated = _hash_name(signer["digest_algorithm"])
    hashed, kind = HASHES[stated](), algorithm.signature_algo
    try:
        bare = kind == "ed25519" or algorithm["algorithm"].native in {"rsassa_pkcs1v15", "ecdsa"}
        if not bare and algorithm.hash_algo != stated:
            raise Refused(WEAK, "The time-stamp is signed over one digest and names another")
        if kind == "rsassa_pkcs1v15" and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, octets, padding.PKCS1v15(), hashed)
        elif kind == "rsassa_pss" and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, octets, padding.PSS(padding.MGF1(hashed), padding.PSS.DIGEST_LENGTH), hashed)
        elif kind == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(value, octets, ec.ECDSA(hashed))
        elif kind == "ed25519" and isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(value, octets)
        else:
            raise Refused(WEAK, f"The time-stamp is signed by {kind}, which is not accepted or not of its key")
    except InvalidSignature:
        raise Refused(FORGED) from None


def _hash_name(algorithm: algos.DigestAlgorithm) -> str:
    name = algorithm["algorithm"].native
    if name not in HASHES or algorithm["parameters"].native is not None:
        raise Refused(WEAK, f"The digest {name} of the time-stamp is not accepted")
    return str(name)


def _digest(name: str, data: bytes) -> bytes:
    state = hashes.Hash(HASHES[name]())
    state.update(data)
    return state.finalize()


def write_request(algorithm: str, imprint: bytes, nonce: int, policy: str = "") -> bytes:
    """Write a request for a token over a digest, with the authority's certificate (RFC 3161, 2.4.1), in DER."""
    values: dict[str, object] = {
        "version": "v1",
        "message_imprint": {
            "hash_algorithm": {"algorithm": algorithm, "parameters": core.Null()},
            "hashed_message": imprint,
        },
        "nonce": nonce,
        "cert_req": True,
    }
    return bytes(tsp.TimeStampReq(values | ({"req_policy": policy} if policy else {})).dump())
