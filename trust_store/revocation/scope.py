"""Which certificates a revocation list speaks of (RFC 5280, 5.2.5), and whether a certificate is one of them (6.3.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from trust_store.names import Prepared, prepare, relative

ALL_REASONS: Final = frozenset(x509.ReasonFlags) - {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}
"""Every reason that a list can be limited to (4.2.1.13)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Say what a list is limited to: distribution points (none: any), users or authorities only, some reasons only.

    An `indirect` list speaks of certificates of other issuers too.
    """

    points: frozenset[object] = frozenset()
    users: bool = True
    authorities: bool = True
    reasons: frozenset[x509.ReasonFlags] = ALL_REASONS
    indirect: bool = False


EVERYTHING: Final = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Say where revocations of a certificate are told: by which issuer, at which names, for which reasons."""

    issuer: Prepared
    names: frozenset[object] = frozenset()
    reasons: frozenset[x509.ReasonFlags] = ALL_REASONS
    indirect: bool = False


def read_scope(extension: x509.ExtensionType | None, issuer: x509.Name) -> Scope:
    """Read the scope of a list from its issuing distribution point; a list without one speaks of all of its issuer's."""
    if not isinstance(extension, x509.IssuingDistributionPoint):
        return EVERYTHING
    some = extension.only_some_reasons
    return Scope(
        points=_names(extension.full_name, extension.relative_name, issuer),
        users=not (extension.only_contains_ca_certs or extension.only_contains_attribute_certs),
        authorities=not (extension.only_contains_user_certs or extension.only_contains_attribute_certs),
        reasons=ALL_REASONS if some is None else frozenset(some) & ALL_REASONS,
        indirect=extension.indirect_crl,
    )


def read_points(points: Iterable[x509.DistributionPoint], issuer: x509.Name) -> tuple[Point, ...]:
    """Read the distribution points of a certificate, and behind them the issuer's own list, wherever it comes from.

    A point may name another issuer of lists; what it says of reasons limits what it can tell.
    """
    found = [each for point in points for each in _read_point(point, issuer)]
    return (*found, Point(issuer=prepare(issuer), names=frozenset({("name", prepare(issuer))})))


def _read_point(point: x509.DistributionPoint, issuer: x509.Name) -> list[Point]:
    reasons = ALL_REASONS if point.reasons is None else frozenset(point.reasons) & ALL_REASONS
    named = [each.value for each in point.crl_issuer or () if isinstance(each, x509.DirectoryName)]
    if not named:
        names = _names(point.full_name, point.relative_name, issuer)
        return [Point(issuer=prepare(issuer), names=names, reasons=reasons)]
    return [
        Point(
            issuer=prepare(each),
            names=_names(point.full_name, point.relative_name, each) or frozenset({("name", prepare(each))}),
            reasons=reasons,
            indirect=prepare(each) != prepare(issuer),
        )
        for each in named
    ]


def covers(scope: Scope, listed: Prepared, point: Point, is_authority: bool) -> bool:
    """Tell whether a list of this scope and issuer speaks of a certificate whose revocations are told at this point.

    6.3.3 (b): the issuer is the point's, the names meet, and the list has certificates of this kind.
    """
    if listed != point.issuer or (point.indirect and not scope.indirect):
        return False
    if scope.points and not scope.points & point.names:
        return False
    return scope.authorities if is_authority else scope.users


def _names(
    full: Iterable[x509.GeneralName] | None, level: x509.RelativeDistinguishedName | None, issuer: x509.Name
) -> frozenset[object]:
    if level is not None:
        return frozenset({("name", (*prepare(issuer), relative(level)))})
    return frozenset(_key(each) for each in full or ())


def _key(name: x509.GeneralName) -> tuple[str, object]:
    if isinstance(name, x509.DirectoryName):
        return "name", prepare(name.value)
    return type(name).__name__, name.value
