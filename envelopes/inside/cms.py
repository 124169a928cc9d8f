"""Check CMS signatures and RFC 3161 tokens as values: their structure, algorithms and arithmetic; trust is not asked here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from asn1crypto import core, tsp
from cryptography.hazmat.primitives import hashes
from pyhanko.sign.general import SignedDataCerts, extract_signer_info
from pyhanko.sign.validation.generic_cms import (
    extract_certs_for_validation,
    extract_tst_data_iter,
    get_signing_cert_attr,
    validate_sig_integrity,
)

from envelopes.inside.facts import Fault, Stamp, fault_of, tidy
from envelopes.inside.reasons import CONTENT, STAMP, STRUCTURE
from envelopes.signature.reasons import ALGORITHM, DIGEST, FORGED
from trust_store.errors import Refused

HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
ALGORITHMS: Final = frozenset({"rsassa_pkcs1v15", "rsassa_pss", "ecdsa", "ed25519"})
MAX_HELPERS: Final = 3
MAX_STAMPS: Final = 4


def digest(algorithm: str, data: bytes) -> bytes:
    """Digest octets with an allowed algorithm, named as in ASN.1 libraries.

    Raises:
        Refused: `digest-algorithm`.
    """
    if algorithm not in HASHES:
        raise Refused(DIGEST, f"{tidy(algorithm)} is not allowed")
    state = hashes.Hash(HASHES[algorithm]())
    state.update(data)
    return state.finalize()


def chain_of(certificates: SignedDataCerts) -> tuple[bytes, ...]:
    """Give the signer's certificate and, of those beside it, the ones that issued it and each other, in DER.

    A signature for the long term holds the certificates of responders and authorities of every kind; the judge looks at
    four. Names prove nothing here: they only choose which hints to pass on.
    """
    line = [certificates.signer_cert]
    for each in line:
        found = next((other for other in certificates.other_certs if other.subject == each.issuer), None)
        if found is not None and found not in line and len(line) <= MAX_HELPERS:
            line.append(found)
    return tuple(each.dump() for each in line)


def check_form(signed_data: Any, *, pades: bool) -> None:
    """Ask what a signature in a PDF has to be: detached, over signed attributes, in PAdES naming its certificate.

    Raises:
        Refused: `pdf-signature-malformed`, or an algorithm that is not allowed.
    """
    signer = extract_signer_info(signed_data)
    if signed_data["encap_content_info"]["content"] is not core.VOID:
        raise Refused(STRUCTURE, "A detached signature holds content of its own")
    if signer["signed_attrs"] is core.VOID:
        raise Refused(STRUCTURE, "The signature has no signed attributes")
    if pades and get_signing_cert_attr(signer["signed_attrs"]) is None:
        raise Refused(STRUCTURE, "The signed attributes do not name the certificate (EN 319 142-1, 6.3)")
    check_algorithms(signer)


def check_algorithms(signer: Any) -> str:
    """Hold the algorithms of a SignerInfo to the allowed ones, and to each other; return how they are told.

    Raises:
        Refused: `digest-algorithm` or `signature-algorithm`.
    """
    hashed = signer["digest_algorithm"]["algorithm"].native
    if hashed not in HASHES:
        raise Refused(DIGEST, f"{tidy(hashed)} is not allowed")
    algorithm = signer["signature_algorithm"]
    try:
        name = algorithm.signature_algo
    except ValueError:
        name = ""
    if name not in ALGORITHMS:
        raise Refused(ALGORITHM, f"{tidy(algorithm['algorithm'].native)} is not allowed")
    for each in _hashes_of(algorithm, name):
        if each != hashed:
            raise Refused(ALGORITHM, f"{tidy(each)} in the signature and {hashed} beside it")
    return f"{name} {hashed}"


def _hashes_of(algorithm: Any, name: str) -> Sequence[str]:
    """Name the digests that the signature algorithm itself states; some state none."""
    if name == "rsassa_pss":
        parameters = algorithm["parameters"]
        mask = parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native
        return (parameters["hash_algorithm"]["algorithm"].native, mask)
    try:
        return () if name == "ed25519" else (algorithm.hash_algo,)
    except ValueError:
        return ()


def check_value(signed_data: Any, actual: bytes, content_type: str = "data") -> None:
    """Compare the signed digest with the actual one, and the signature with the key of the certificate beside it.

    Raises:
        Refused: `pdf-content-changed` or `signature-mismatch`.
    """
    signer, certificates = extract_signer_info(signed_data), extract_certs_for_validation(signed_data)
    intact, valid = validate_sig_integrity(signer, certificates.signer_cert, content_type, actual)
    if not valid:
        raise Refused(FORGED)
    if not intact:
        raise Refused(CONTENT)


def read_stamps(signer: Any) -> tuple[Stamp, ...]:
    """Read the signature time-stamps of a SignerInfo (EN 319 122-1, 5.3): at most four are looked at."""
    value = signer["signature"].native
    tokens = list(extract_tst_data_iter(signer, signed=False))[:MAX_STAMPS]
    return tuple(
        stamp for token in tokens if (stamp := read_token(token, lambda name: digest(name, value))) is not None
    )


def read_token(signed_data: Any, imprint: Callable[[str], bytes]) -> Stamp | None:
    """Read a time-stamp token, which must be over what `imprint` digests; None when it states no time at all."""
    content = signed_data["encap_content_info"]["content"]
    information = content.parsed if isinstance(content, core.ParsableOctetString) else None
    if not isinstance(information, tsp.TSTInfo):
        return None
    at: datetime = information["gen_time"].native
    chain: tuple[bytes, ...] = ()
    fault: Fault | None = None
    try:
        chain = chain_of(extract_certs_for_validation(signed_data))
        _check_token(signed_data, information, bytes(content), imprint)
    except Refused as refusal:
        fault = fault_of(refusal)
    except Exception as error:
        fault = Fault(code=STAMP.code, detail=f"The time-stamp cannot be read: {tidy(error)}")
    return Stamp(at=at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC), chain=chain, fault=fault)


def _check_token(signed_data: Any, information: Any, content: bytes, imprint: Callable[[str], bytes]) -> None:
    signer = extract_signer_info(signed_data)
    check_algorithms(signer)
    check_value(signed_data, digest(signer["digest_algorithm"]["algorithm"].native, content), "tst_info")
    stated = information["message_imprint"]
    if imprint(stated["hash_algorithm"]["algorithm"].native) != stated["hashed_message"].native:
        raise Refused(STAMP, "The time-stamp is over something else")
