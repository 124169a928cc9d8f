"""Paths from a certificate to an anchor, by RFC 5280, section 6."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from asn1crypto import x509 as asn1
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from pyhanko_certvalidator import CertificateValidator, PKIXValidationParams, ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor, TrustQualifiers, derive_quals_from_cert
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    InvalidCertificateError,
    PathBuildingError,
    PathError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import NO_REVOCATION, AcceptAllAlgorithms, CertRevTrustPolicy

from trust_store.certificate import MALFORMED, Certificate
from trust_store.errors import Misuse, reason
from trust_store.policy import ALGORITHM, PathRules
from trust_store.verdict import Check, failed, passed

UNTRUSTED = reason(
    "path-untrusted",
    "The certificate does not lead to a trusted authority",
    "Sign with a certificate of an authority that this hub lists, and send the authorities between with it",
)

_NAME = "path"
_TEXT_LENGTH = 500
_PREFIX = "The path could not be validated because "
_NO_REVOCATION = CertRevTrustPolicy(NO_REVOCATION)
# What the library and its ASN.1 reader let out on hostile certificates, besides their own errors.
_BROKEN = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    InvalidSignature,
    UnsupportedAlgorithm,
)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Hold the outcome of a search: the check, and the authorities above the certificate, the anchor last."""

    check: Check
    authorities: tuple[Certificate, ...] = ()


class Paths:
    """Remember searches: the same certificates always give the same path, whatever the moment.

    Safe to share between threads. When `size` searches are remembered, all are forgotten.
    """

    __slots__ = ("_known", "_size")

    def __init__(self, size: int = 4096) -> None:
        self._known: dict[tuple[object, ...], Path] = {}
        self._size = size

    def find(
        self,
        leaf: Certificate,
        issuers: tuple[Certificate, ...],
        anchors: tuple[Certificate, ...],
        rules: PathRules = PathRules(),
    ) -> Path:
        """Search as the function `find` does, unless the same was searched before."""
        parts = ((leaf,), issuers, anchors)
        key = rules, *("".join(each.fingerprint for each in part) for part in parts)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= self._size:
                self._known.clear()
            known = self._known[key] = find(leaf, issuers, anchors, rules)
        return known


def find(
    leaf: Certificate,
    issuers: tuple[Certificate, ...],
    anchors: tuple[Certificate, ...],
    rules: PathRules = PathRules(),
) -> Path:
    """Search a path from the leaf through the issuers to one of the anchors.

    The caller hands in only issuers and anchors that are valid at the moment judged, and judges the leaf's own validity
    apart, as well as the strength of every key and digest. They are then all valid at the latest of their first moments too,
    which makes the answer independent of time. Anchors bind with their path length and name constraints (RFC 5937).
    Nothing is fetched, no revocation is looked at.
    """
    try:
        # The trees are built anew for each search: the reader completes them lazily, which threads cannot share. They are
        # told apart by their place in memory: what the reader writes of an odd one is not what it read.
        trees = [(asn1.Certificate.load(each.der), each) for each in (*issuers, *anchors)]
        between, roots = ([tree for tree, _ in part] for part in (trees[: len(issuers)], trees[len(issuers) :]))
        moment = max(each.not_before for each in (leaf, *issuers, *anchors))
        context = _context(between, roots, moment, rules)
        validator = CertificateValidator(asn1.Certificate.load(leaf.der), validation_context=context)
        found = _finish(validator.async_validate_path())
        return _path(leaf, found, {id(tree): each for tree, each in trees})
    except (PathBuildingError, InvalidCertificateError):
        return Path(check=failed(_NAME, UNTRUSTED, _unbuilt(leaf)))
    except DisallowedAlgorithmError as error:
        return Path(check=failed(_NAME, ALGORITHM, _explain(leaf, error)))
    except (ValidationError, PathError) as error:
        return Path(check=failed(_NAME, UNTRUSTED, _explain(leaf, error)))
    except _BROKEN:
        text = f"The certificate of {leaf.subject}, or one sent with it, is malformed: no path can be searched"
        return Path(check=failed(_NAME, MALFORMED, text))


def _context(
    issuers: list[asn1.Certificate], anchors: list[asn1.Certificate], moment: datetime, rules: PathRules
) -> ValidationContext:
    return ValidationContext(
        trust_roots=[_anchor(each, rules) for each in anchors],
        other_certs=issuers,
        moment=moment,
        allow_fetching=False,
        revinfo_policy=_NO_REVOCATION,
        algorithm_usage_policy=AcceptAllAlgorithms(),
        time_tolerance=timedelta(0),
    )


def _anchor(parsed: asn1.Certificate, rules: PathRules) -> CertTrustAnchor:
    """Bind paths by the anchor's path length and name constraints and by our rules, but not by its certificate policies.

    The library derives the path length alone, without the one for attribute authorities, and then fails on its absence.
    """
    derived = derive_quals_from_cert(parsed).standard_parameters or PKIXValidationParams()
    parameters = replace(
        derived,
        user_initial_policy_set=rules.policies or frozenset({"any_policy"}),
        initial_explicit_policy=rules.explicit,
        initial_policy_mapping_inhibit=rules.no_mapping,
        initial_any_policy_inhibit=rules.no_any_policy,
    )
    length = parsed.max_path_length
    qualifiers = TrustQualifiers(standard_parameters=parameters, max_path_length=length, max_aa_path_length=length)
    return CertTrustAnchor(parsed, qualifiers)


def _finish(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that has nothing to wait for, since nothing is fetched."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        value: _T = finished.value
        return value
    coroutine.close()
    raise Misuse("the search for a path waits for something, though nothing may be fetched")


def _path(leaf: Certificate, found: ValidationPath, known: dict[int, Certificate]) -> Path:
    if found.pkix_len == 0:
        text = f"{leaf.subject} is itself a trusted authority; those issue certificates and sign no documents"
        return Path(check=failed(_NAME, UNTRUSTED, text))
    downward = [known[id(each)] for each in found.iter_certs(include_root=True) if each is not found.leaf]
    authorities = tuple(reversed(downward))
    text = f"{leaf.subject} leads to the trusted authority {authorities[-1].subject}"
    return Path(check=passed(_NAME, text), authorities=authorities)


def _unbuilt(leaf: Certificate) -> str:
    if leaf.is_self_issued:
        return f"The certificate of {leaf.subject} is signed by itself, and is no trusted authority"
    return f"No trusted authority stands behind {leaf.issuer}, which issued the certificate of {leaf.subject}"


def _explain(leaf: Certificate, error: Exception) -> str:
    why = str(error).removeprefix(_PREFIX)
    printable = "".join(each for each in why if each.isprintable())
    return f"The path from {leaf.subject} to a trusted authority does not hold: {printable}"[:_TEXT_LENGTH]
