"""Paths from a certificate to an anchor, by RFC 5280, section 6.

Candidates are built here, over signatures that were checked, the shortest first, and no more than can be looked at in a
moment; the library judges each. It would build them by names alone, and try every order of authorities that name each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from asn1crypto import x509 as asn1
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyhanko_certvalidator import PKIXValidationParams, ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor, TrustQualifiers, derive_quals_from_cert
from pyhanko_certvalidator.errors import DisallowedAlgorithmError, PathError, ValidationError
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import NO_REVOCATION, AcceptAllAlgorithms, CertRevTrustPolicy
from pyhanko_certvalidator.validate import async_validate_path

from trust_store.certificate import MALFORMED, Certificate
from trust_store.errors import Misuse, reason
from trust_store.names import same_name
from trust_store.policy import ALGORITHM, PathRules
from trust_store.signing import is_issued
from trust_store.verdict import Check, failed, passed

UNTRUSTED = reason(
    "path-untrusted",
    "The certificate does not lead to a trusted authority",
    "Sign with a certificate of an authority that this hub lists, and send the authorities between with it",
)

MOST_PATHS = 12
"""How many candidates are judged: one takes some milliseconds, and where there are more, something is wrong."""
MOST_STEPS = 256
"""How many beginnings of paths are followed upward to find the candidates."""
MOST_CHECKS = 256
"""How many signatures are checked to find them."""
LONGEST = 12
"""Authorities on one path; the longest of NIST's test suite has six."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Hold where a certificate leads: the path, and how each certificate on it stands, the leaf first."""

    path: Path
    standings: tuple[Check, ...] = ()


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
    if any(_same_holder(leaf, each) for each in anchors):
        text = f"{leaf.subject} is itself a trusted authority; those issue certificates and sign no documents"
        return Path(check=failed(_NAME, UNTRUSTED, text))
    first: Path | None = None
    moment = max(each.not_before for each in (leaf, *issuers, *anchors))
    for line in candidates(leaf, issuers, anchors):
        path = _judged(leaf, line, moment, rules)
        if path.check.reason is None:
            return path
        first = first or path
    return first or Path(check=failed(_NAME, UNTRUSTED, _unbuilt(leaf)))


def candidates(
    leaf: Certificate, issuers: tuple[Certificate, ...], anchors: tuple[Certificate, ...]
) -> Iterator[tuple[Certificate, ...]]:
    """Give the lines of authorities that issued each other, from the leaf's issuer to an anchor, the shortest first.

    At most `MOST_PATHS` of them, found in at most `MOST_STEPS` steps and `MOST_CHECKS` checks of signatures; no certificate
    is twice on one line.
    """
    issued, found = _Issued(), 0
    begun: deque[tuple[Certificate, ...]] = deque([(leaf,)])
    for _ in range(MOST_STEPS):
        if not begun or found >= MOST_PATHS:
            return
        line = begun.popleft()
        for anchor in issued.over(line[-1], anchors):
            yield (*line[1:], anchor)
            found += 1
        if len(line) <= LONGEST:
            begun.extend((*line, each) for each in issued.over(line[-1], issuers) if each not in line)


class _Issued:
    """Find who issued what, by name and signature; each signature is checked once under each key."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], bool] = {}
        self._keys: dict[str, bytes] = {}

    def over(self, lower: Certificate, authorities: tuple[Certificate, ...]) -> Iterator[Certificate]:
        named = (each for each in authorities if same_name(lower.x509.issuer, each.x509.subject))
        return (each for each in named if self._is(lower, each))

    def _is(self, lower: Certificate, upper: Certificate) -> bool:
        pair = lower.fingerprint, self._key(upper)
        if pair not in self._known:
            if len(self._known) >= MOST_CHECKS:
                return False
            self._known[pair] = is_issued(lower.x509, upper.public_key)
        return self._known[pair]

    def _key(self, certificate: Certificate) -> bytes:
        known = self._keys.get(certificate.fingerprint)
        if known is None:
            key = certificate.public_key
            known = b"" if key is None else key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            self._keys[certificate.fingerprint] = known
        return known


def _judged(leaf: Certificate, line: tuple[Certificate, ...], moment: datetime, rules: PathRules) -> Path:
    try:
        # The trees are built anew each time: the reader completes them lazily, which threads cannot share.
        *between, root = (asn1.Certificate.load(each.der) for each in line)
        anchor = _anchor(root, rules)
        whole = ValidationPath(anchor, list(reversed(between)), asn1.Certificate.load(leaf.der))
        _finish(async_validate_path(_context(anchor, between, moment), whole))
    except DisallowedAlgorithmError as error:
        return Path(check=failed(_NAME, ALGORITHM, _explain(leaf, error)))
    except (ValidationError, PathError) as error:
        return Path(check=failed(_NAME, UNTRUSTED, _explain(leaf, error)))
    except _BROKEN:
        text = f"The certificate of {leaf.subject}, or one sent with it, is malformed: no path can be searched"
        return Path(check=failed(_NAME, MALFORMED, text))
    return Path(
        check=passed(_NAME, f"{leaf.subject} leads to the trusted authority {line[-1].subject}"), authorities=line
    )


def _context(anchor: CertTrustAnchor, issuers: list[asn1.Certificate], moment: datetime) -> ValidationContext:
    return ValidationContext(
        trust_roots=[anchor],
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


def _same_holder(one: Certificate, other: Certificate) -> bool:
    """The same name over the same key, in whatever certificate."""
    same_key = one.public_key is not None and one.public_key == other.public_key
    return same_key and same_name(one.x509.subject, other.x509.subject)


def _unbuilt(leaf: Certificate) -> str:
    if leaf.is_self_issued:
        return f"The certificate of {leaf.subject} is signed by itself, and is no trusted authority"
    return f"No trusted authority stands behind {leaf.issuer}, which issued the certificate of {leaf.subject}"


def _explain(leaf: Certificate, error: Exception) -> str:
    why = str(error).removeprefix(_PREFIX)
    printable = "".join(each for each in why if each.isprintable())
    return f"The path from {leaf.subject} to a trusted authority does not hold: {printable}"[:_TEXT_LENGTH]
