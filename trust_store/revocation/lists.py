"""Revocation lists (RFC 5280, 5) as values: read once, so that nothing can fail later."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from asn1crypto import crl as asn1
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from trust_store.certificate import UNREADABLE, Certificate, digest_name
from trust_store.errors import Refused
from trust_store.names import Prepared, prepare, words
from trust_store.revocation.reasons import LIST_MALFORMED
from trust_store.revocation.scope import Scope, read_scope
from trust_store.signing import is_signed

MAX_SIZE: Final = 64 * 1024 * 1024
"""Bytes of DER that one list may have; a list of a million entries has about 40 MB."""

_SHORT: Final = 127
_LARGE: Final = 256 * 1024
"""Bytes from which on few lists are remembered: one of 15 MB that is replaced every hour would fill the memory in days."""
_CRITICAL: Final = b"\x01\x01\xff\x04"
"""How DER writes that an extension is critical, and that its value begins."""
_ENTRY: Final = {
    CRLEntryExtensionOID.CRL_REASON,
    CRLEntryExtensionOID.INVALIDITY_DATE,
    CRLEntryExtensionOID.CERTIFICATE_ISSUER,
}
_KNOWN: Final = {
    ExtensionOID.ISSUING_DISTRIBUTION_POINT,
    ExtensionOID.DELTA_CRL_INDICATOR,
    ExtensionOID.CRL_NUMBER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.FRESHEST_CRL,
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    ExtensionOID.ISSUER_ALTERNATIVE_NAME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Say that a certificate is revoked from a moment (UTC) on; `lifts` when a delta list takes a revocation back."""

    at: datetime
    reason: str
    lifts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """Hold one list; two are equal when their bytes are.

    `digest` is the SHA-256 of the DER in lower-case hex, `signature_digest` the digest under its signature as policies name
    it. `base` is the number of the complete list that a delta list builds on. `unusable` says why the list may decide
    nothing: an extension that must be understood and is not.
    """

    digest: str
    der: bytes = field(compare=False, repr=False)
    x509: x509.CertificateRevocationList = field(compare=False, repr=False)
    issuer: Prepared = field(compare=False, repr=False)
    issuer_text: str = field(compare=False)
    this_update: datetime = field(compare=False)
    next_update: datetime | None = field(compare=False)
    number: int | None = field(compare=False)
    base: int | None = field(compare=False)
    key_id: bytes | None = field(compare=False, repr=False)
    scope: Scope = field(compare=False, repr=False)
    signature_digest: str = field(compare=False)
    unusable: str = field(compare=False, default="")
    _signers: dict[str, bool] = field(init=False, compare=False, repr=False, default_factory=dict)

    @property
    def name(self) -> str:
        """Name the list for a person."""
        kind = "delta list" if self.base is not None else "list"
        number = "" if self.number is None else f" number {self.number}"
        return f"the revocation {kind}{number} of {self.issuer_text}, issued {self.this_update:%Y-%m-%d %H:%M} UTC"

    def signed_by(self, certificate: Certificate) -> bool:
        """Tell whether the list is signed by the key of a certificate that may sign lists (RFC 5280, 6.3.3 (f) and (g)).

        This is remembered: the signature of a long list takes a third of a second to check.
        """
        if certificate.usages is not None and "cRLSign" not in certificate.usages:
            return False
        known = self._signers.get(certificate.fingerprint)
        if known is None:
            known = self._signers[certificate.fingerprint] = self._is_signed(certificate)
        return known

    def _is_signed(self, certificate: Certificate) -> bool:
        parsed, key = self.x509, certificate.public_key
        try:
            digest, how = parsed.signature_hash_algorithm, parsed.signature_algorithm_parameters
        except (UnsupportedAlgorithm, ValueError, TypeError):
            return False
        pss = how if isinstance(how, padding.PSS) else None
        # As it came: writing a long list anew, as the other library does, takes longer than checking its signature.
        signed = asn1.CertificateList.load(self.der)["tbs_cert_list"].dump()
        return is_signed(key, parsed.signature, signed, digest, pss)

    def entry(self, serial: int, issuer: Prepared) -> Entry | None:
        """Find what the list says of the certificate with this serial number of this issuer."""
        if _written(serial) not in self.der:  # a long list is gone through entry by entry only for what is in it
            return None
        if self.scope.indirect:
            return _indirect(self).get((issuer, serial))
        found = self.x509.get_revoked_certificate_by_serial_number(serial)
        return None if found is None else _entry(found)


def load_list(data: bytes) -> RevocationList:
    """Read one revocation list, in DER or PEM; those read lately are remembered.

    Raises:
        Refused: `revocation-list-malformed`: it cannot be read, is too large, or is not one.
    """
    if len(data) > MAX_SIZE:
        raise Refused(LIST_MALFORMED, f"The list has {len(data):,} bytes; {MAX_SIZE:,} are allowed")
    try:
        return _load_large(data) if len(data) > _LARGE else _load_small(data)
    except UNREADABLE:
        raise Refused(LIST_MALFORMED, f"The {len(data):,} bytes are not a revocation list") from None


@lru_cache(maxsize=8)
def _load_large(data: bytes) -> RevocationList:
    return _load(data)


@lru_cache(maxsize=256)
def _load_small(data: bytes) -> RevocationList:
    return _load(data)


def _load(data: bytes) -> RevocationList:
    if data.lstrip().startswith(b"-----BEGIN"):
        parsed = x509.load_pem_x509_crl(data)
        return _read(parsed, parsed.public_bytes(Encoding.DER))
    return _read(x509.load_der_x509_crl(data), data)


def _read(parsed: x509.CertificateRevocationList, der: bytes) -> RevocationList:
    extensions = {each.oid: each.value for each in parsed.extensions}
    number = extensions.get(ExtensionOID.CRL_NUMBER)
    base = extensions.get(ExtensionOID.DELTA_CRL_INDICATOR)
    key = extensions.get(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    scope = read_scope(extensions.get(ExtensionOID.ISSUING_DISTRIBUTION_POINT), parsed.issuer)
    return RevocationList(
        digest=hashlib.sha256(der).hexdigest(),
        der=der,
        x509=parsed,
        issuer=prepare(parsed.issuer),
        issuer_text=words(parsed.issuer),
        this_update=parsed.last_update_utc,
        next_update=parsed.next_update_utc,
        number=number.crl_number if isinstance(number, x509.CRLNumber) else None,
        base=base.crl_number if isinstance(base, x509.DeltaCRLIndicator) else None,
        key_id=key.key_identifier if isinstance(key, x509.AuthorityKeyIdentifier) else None,
        scope=scope,
        signature_digest=digest_name(parsed),
        unusable=_unknown(parsed) or _entries_unusable(parsed, der, scope),
    )


def _unknown(parsed: x509.CertificateRevocationList) -> str:
    """RFC 5280, 5.2: a list with a critical extension that is not understood decides nothing."""
    for each in parsed.extensions:
        if each.critical and each.oid not in _KNOWN:
            return f"it has the critical extension {each.oid.dotted_string}, which is not understood"
    return ""


def _entries_unusable(parsed: x509.CertificateRevocationList, der: bytes, scope: Scope) -> str:
    """RFC 5280, 5.3: an entry with a critical extension that is not understood makes the list decide nothing."""
    if der.count(_CRITICAL) <= sum(each.critical for each in parsed.extensions):
        return ""  # no entry can have a critical extension, and most lists are too long to look at each
    known = _ENTRY if scope.indirect else _ENTRY - {CRLEntryExtensionOID.CERTIFICATE_ISSUER}
    for entry in parsed:
        for extension in entry.extensions:
            if extension.critical and extension.oid not in known:
                return f"an entry has the critical extension {extension.oid.dotted_string}, which is not understood"
    return ""


def _written(serial: int) -> bytes:
    """Write a serial number as DER does, as far as it is shorter than 128 bytes."""
    content = serial.to_bytes(serial.bit_length() // 8 + 1, signed=True)
    return content if len(content) > _SHORT else bytes((2, len(content))) + content


def _entry(found: x509.RevokedCertificate) -> Entry:
    """Read an entry; of one with extensions that cannot be read it is known all the same that the certificate is revoked."""
    since = found.revocation_date_utc
    try:
        values = {each.oid: each.value for each in found.extensions}
    except UNREADABLE:
        return Entry(at=since, reason=x509.ReasonFlags.unspecified.value)
    code = values.get(CRLEntryExtensionOID.CRL_REASON)
    invalid = values.get(CRLEntryExtensionOID.INVALIDITY_DATE)
    if isinstance(invalid, x509.InvalidityDate):  # 5.3.2: the key was lost earlier than it was told
        since = min(since, invalid.invalidity_date_utc)
    flag = code.reason if isinstance(code, x509.CRLReason) else x509.ReasonFlags.unspecified
    return Entry(at=since, reason=flag.value, lifts=flag is x509.ReasonFlags.remove_from_crl)


@lru_cache(maxsize=8)
def _indirect(listed: RevocationList) -> dict[tuple[Prepared, int], Entry]:
    """Sort the entries of an indirect list by issuer: each entry without one has that of the entry before (5.3.3)."""
    found: dict[tuple[Prepared, int], Entry] = {}
    issuer = listed.issuer
    for each in listed.x509:
        for extension in each.extensions:
            if isinstance(extension.value, x509.CertificateIssuer):
                names = extension.value.get_values_for_type(x509.DirectoryName)
                issuer = prepare(names[0]) if names else ()
        found[issuer, each.serial_number] = _entry(each)
    return found
