"""An authority with everything that it tells of revocations: lists, delta lists and OCSP answers, honest ones and others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from trust_store.certificate import Certificate, load
from trust_store.keys import HeldKey

DAY = timedelta(days=1)
_SERIALS = itertools.count(1000)


def _name(common: str, *more: x509.NameAttribute) -> x509.Name:
    return x509.Name([*more, x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    """Issue certificates that name places, and say what is revoked."""

    def __init__(self, name: str, at: datetime, *, parent: Authority | None = None, lists: Sequence[str] = ()) -> None:
        self.name, self.at, self.parent = _name(name), at, parent
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.number = itertools.count(1)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        signer = parent or self
        self.certificate = signer._issue(
            self.name,
            self.key.public_key(),
            (x509.BasicConstraints(True, None), True),
            (usage, True),
            *_lists(lists),
            years=10,
        )

    @classmethod
    def of(cls, key: HeldKey) -> Authority:
        """Speak as an authority that is there already."""
        made = cls.__new__(cls)
        made.certificate, made.key, made.parent = key.certificate, key.private_key, None
        made.name, made.at = key.certificate.x509.subject, key.certificate.not_before
        made.number = itertools.count(1)
        return made

    def person(
        self,
        name: str,
        *attributes: x509.NameAttribute,
        lists: Sequence[str] = (),
        freshest: Sequence[str] = (),
        responders: Sequence[str] = (),
        chain: bool = False,
    ) -> HeldKey:
        """Issue a certificate for documents; the key, the certificate and, with `chain`, this authority as a helper."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
        more = [*_lists(lists)]
        if freshest:
            more.append((x509.FreshestCRL([_point(each) for each in freshest]), False))
        if responders:
            oid = AuthorityInformationAccessOID.OCSP
            access = [x509.AccessDescription(oid, x509.UniformResourceIdentifier(each)) for each in responders]
            more.append((x509.AuthorityInformationAccess(access), False))
        made = self._issue(_name(name, *attributes), key.public_key(), (usage, True), *more, years=2)
        return HeldKey(certificate=made, private_key=key, chain=(self.certificate,) if chain else ())

    def responder(self) -> HeldKey:
        """Delegate answering (RFC 6960, 4.2.2.2)."""
        key = ec.generate_private_key(ec.SECP256R1())
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        made = self._issue(
            _name("Máy trả lời OCSP"),
            key.public_key(),
            (purposes, False),
            (usage, True),
            (x509.OCSPNoCheck(), False),
            years=1,
        )
        return HeldKey(certificate=made, private_key=key, chain=())

    def list(
        self,
        at: datetime,
        revoked: Mapping[Certificate, datetime] | None = None,
        *,
        days: float = 1,
        number: int | None = None,
        base: int | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
        points: Sequence[str] = (),
    ) -> bytes:
        """Write a list of what is revoked, valid for some days from a moment on; a delta list if it has a base."""
        builder = (
            x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(at).next_update(at + days * DAY)
        )
        for each, since in (revoked or {}).items():
            entry = x509.RevokedCertificateBuilder().serial_number(each.serial).revocation_date(since)
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        builder = builder.add_extension(x509.CRLNumber(next(self.number) if number is None else number), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        if base is not None:
            builder = builder.add_extension(x509.DeltaCRLIndicator(base), critical=True)
        if points:
            names = [x509.UniformResourceIdentifier(each) for each in points]
            scope = x509.IssuingDistributionPoint(names, None, False, False, None, False, False)
            builder = builder.add_extension(scope, critical=True)
        return builder.sign(key or self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def answer(
        self,
        certificate: Certificate,
        at: datetime,
        *,
        revoked: datetime | None = None,
        hours: float = 12,
        nonce: bytes | None = None,
        by: HeldKey | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
        unknown: bool = False,
    ) -> bytes:
        """Write an OCSP answer about a certificate, signed by this authority or by a responder."""
        good = ocsp.OCSPCertStatus.UNKNOWN if unknown else ocsp.OCSPCertStatus.GOOD
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=certificate.x509,
            issuer=self.certificate.x509,
            algorithm=hashes.SHA1(),
            cert_status=good if revoked is None else ocsp.OCSPCertStatus.REVOKED,
            this_update=at,
            next_update=at + timedelta(hours=hours),
            revocation_time=revoked,
            revocation_reason=None if revoked is None else x509.ReasonFlags.key_compromise,
        )
        signer = self.certificate if by is None else by.certificate
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.x509)
        if by is not None:
            builder = builder.certificates([by.certificate.x509])
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        signing = key or (self.key if by is None else by.private_key)
        return builder.sign(signing, hashes.SHA256()).public_bytes(Encoding.DER)

    def _issue(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *extensions: tuple[x509.ExtensionType, bool],
        years: int,
    ) -> Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        builder = (
            builder.serial_number(next(_SERIALS))
            .not_valid_before(self.at - DAY)
            .not_valid_after(self.at + years * 365 * DAY)
        )
        own = self.key.public_key()
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
        for value, critical in extensions:
            builder = builder.add_extension(value, critical=critical)
        return load(builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER))


def _lists(places: Sequence[str]) -> list[tuple[x509.ExtensionType, bool]]:
    return [(x509.CRLDistributionPoints([_point(each) for each in places]), False)] if places else []


def _point(place: str) -> x509.DistributionPoint:
    return x509.DistributionPoint([x509.UniformResourceIdentifier(place)], None, None, None)
