"""Where an authority says that revocations are told: read from the certificate, never from the message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID

from trust_store.certificate import Certificate

MOST = 8
"""How many addresses of one kind are looked at; certificates of public authorities name one or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Hold the HTTP addresses of revocation lists (complete and delta), of responders, and of the issuer's certificate."""

    lists: tuple[str, ...] = ()
    responders: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()


def places(certificate: Certificate) -> Places:
    """Read the addresses that a certificate names (RFC 5280, 4.2.1.13, 4.2.1.15 and 4.2.2.1); only HTTP ones count here."""
    access = _access(certificate)
    named = (AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS)
    responders, issuers = (
        _usable(each.access_location for each in access if each.access_method == oid) for oid in named
    )
    points = (*distribution_points(certificate), *_points(certificate, ExtensionOID.FRESHEST_CRL))
    lists = _usable(name for point in points for name in point.full_name or ())
    return Places(lists=lists, responders=responders, issuers=issuers)


def is_told(certificate: Certificate) -> bool:
    """Tell whether a certificate names any place where its revocation is told, also one that is not looked at here."""
    asked = any(each.access_method == AuthorityInformationAccessOID.OCSP for each in _access(certificate))
    return asked or bool(distribution_points(certificate))


def is_marked(certificate: Certificate) -> bool:
    """Tell whether a certificate is marked as an authority's: lists of authorities only speak of it, whatever it may do."""
    value = _extension(certificate, ExtensionOID.BASIC_CONSTRAINTS)
    return isinstance(value, x509.BasicConstraints) and value.ca


def distribution_points(certificate: Certificate) -> tuple[x509.DistributionPoint, ...]:
    """Return the distribution points of complete lists that a certificate names."""
    return _points(certificate, ExtensionOID.CRL_DISTRIBUTION_POINTS)


def _points(certificate: Certificate, oid: x509.ObjectIdentifier) -> tuple[x509.DistributionPoint, ...]:
    value = _extension(certificate, oid)
    return tuple(value) if isinstance(value, x509.CRLDistributionPoints | x509.FreshestCRL) else ()


def _access(certificate: Certificate) -> tuple[x509.AccessDescription, ...]:
    value = _extension(certificate, ExtensionOID.AUTHORITY_INFORMATION_ACCESS)
    return tuple(value) if isinstance(value, x509.AuthorityInformationAccess) else ()


def _extension(certificate: Certificate, oid: x509.ObjectIdentifier) -> x509.ExtensionType | None:
    """Every extension was read when the certificate was loaded, so none of them can fail here."""
    return next((each.value for each in certificate.x509.extensions if each.oid == oid), None)


def _usable(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    written = (each.value for each in names if isinstance(each, x509.UniformResourceIdentifier))
    return tuple(dict.fromkeys(each for each in written if each.lower().startswith(("http://", "https://"))))[:MOST]
