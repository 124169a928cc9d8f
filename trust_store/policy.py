"""The rules that a certificate must meet, as one value that an auditor can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trust_store.certificate import Certificate
from trust_store.errors import reason
from trust_store.verdict import Check, failed, passed

CHAIN_SIZE = reason(
    "chain-size",
    "The number of certificates sent with the signature is not accepted",
    "Send the signer's certificate first and, if need be, the authorities between it and the root",
)
EXPIRED = reason(
    "certificate-expired",
    "The certificate had expired",
    "Renew the certificate, register the new one, and sign again",
)
NOT_YET_VALID = reason(
    "certificate-not-yet-valid",
    "The certificate was not valid yet",
    "Sign with the certificate that is valid now, or send it again later; if it should be valid already, check the clock",
)
WEAK_KEY = reason(
    "key-too-weak",
    "The key of the certificate is not of an accepted strength",
    "Ask the authority for a certificate over an accepted key, such as RSA 2048 with exponent 65537 or EC P-256",
)
ALGORITHM = reason(
    "algorithm-not-allowed",
    "An algorithm of the certificate is not accepted",
    "Ask the authority for a certificate with an RSA, EC or Ed25519 key, signed with SHA-256 or better",
)
KEY_USAGE = reason(
    "key-usage",
    "The certificate is not meant for signing documents",
    "Use a certificate whose key usage names digital signature or non-repudiation",
)
EXTENDED_KEY_USAGE = reason(
    "extended-key-usage",
    "The certificate is limited to another purpose than documents",
    "Use a certificate for persons or organisations, not one for web servers or other machines",
)

DOCUMENT_PURPOSES = frozenset(
    {
        "1.3.6.1.5.5.7.3.4",  # emailProtection
        "1.3.6.1.5.5.7.3.2",  # clientAuth
        "1.3.6.1.5.5.7.3.36",  # documentSigning (RFC 9336)
        "1.3.6.1.4.1.311.10.3.12",  # Microsoft document signing
        "1.2.840.113583.1.1.5",  # Adobe authentic documents trust
        "2.5.29.37.0",  # anyExtendedKeyUsage
    }
)

_MOMENT = "%Y-%m-%d %H:%M:%S UTC"
"""Moments are told to the second: clocks that differ by minutes are a common cause, and days would hide it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmRule:
    """Allow one algorithm, for ever or for signatures judged before `until` (UTC)."""

    name: str
    until: datetime | None = None


ALGORITHMS = tuple(
    AlgorithmRule(name=name)
    for name in ("RSA", "EC P-256", "EC P-384", "EC P-521", "Ed25519", "SHA-256", "SHA-384", "SHA-512")
)


class Use(StrEnum):
    """Name what an anchor can be trusted for."""

    DOCUMENTS = "documents"
    TIMESTAMPS = "timestamps"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRules:
    """State what a path must meet besides (RFC 5280, 6.1.1): certificate policies, as dotted object identifiers.

    No `policies` means any; `explicit` asks that one is in force at the end of the path.
    """

    policies: frozenset[str] = frozenset()
    explicit: bool = False
    no_mapping: bool = False
    no_any_policy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """State how long what is known of revocations may be relied on.

    Evidence is fresh until its own next update; where it names none, for `unstated` from its issue on. After that it decides
    for the `grace` period more, so that a silent service stops nobody at once. `indirect` admits lists by others than the
    issuer.
    """

    grace: timedelta = timedelta(hours=72)
    unstated: timedelta = timedelta(hours=24)
    indirect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """State what is asked of certificates; each method is one rule, and what no rule allows is refused.

    `algorithms` names key algorithms and digests alike. RSA sizes are in bits; the upper one bounds what a check may
    cost. `certificates` counts the signer's own and the helpers sent with it.
    """

    algorithms: tuple[AlgorithmRule, ...] = ALGORITHMS
    rsa_least_bits: int = 2048
    rsa_most_bits: int = 8192
    rsa_least_exponent: int = 65537
    usages: frozenset[str] = frozenset({"digitalSignature", "contentCommitment"})
    purposes: frozenset[str] = DOCUMENT_PURPOSES
    certificates: int = 4
    use: Use = Use.DOCUMENTS
    path: PathRules = PathRules()
    freshness: Freshness = Freshness()

    def size(self, chain: Sequence[Certificate]) -> Check:
        """Bound how many certificates are looked at: paths through many of one name take very long to search."""
        if 1 <= len(chain) <= self.certificates:
            return passed("chain-size", f"Certificates sent: {len(chain)}")
        text = f"{len(chain)} certificates were sent; between 1 and {self.certificates} are accepted"
        return failed("chain-size", CHAIN_SIZE, text)

    def validity(self, certificate: Certificate, at: datetime) -> Check:
        """Ask that the moment lies in the validity period, both ends included, no tolerance (RFC 5280, 4.1.2.5)."""
        judged = f"the signature was judged at {at:{_MOMENT}}"
        who = f"The certificate of {certificate.subject}"
        if at > certificate.not_after:
            return failed("validity", EXPIRED, f"{who} expired at {certificate.not_after:{_MOMENT}}; {judged}")
        if at < certificate.not_before:
            text = f"{who} is valid from {certificate.not_before:{_MOMENT}} on; {judged}"
            return failed("validity", NOT_YET_VALID, text)
        return passed("validity", f"{who} is valid until {certificate.not_after:%Y-%m-%d}; {judged}")

    def strength(self, certificate: Certificate, at: datetime) -> Check:
        """Ask for an allowed key of an allowed size, and for an allowed digest in the issuer's signature."""
        key = self.key(certificate, at)
        if key.reason is not None or self.allows(certificate.digest, at):
            return key
        text = f"The certificate of {certificate.subject} is signed by its issuer with {certificate.digest}"
        return failed("strength", ALGORITHM, f"{text}, which is not accepted at {at:%Y-%m-%d}")

    def key(self, certificate: Certificate, at: datetime) -> Check:
        """Ask for an allowed key of an allowed size: all that is asked of an anchor that signed itself."""
        key, who = certificate.key, f"The certificate of {certificate.subject}"
        if not self.allows(key.algorithm, at):
            text = f"{who} has a key of the algorithm {key.algorithm}, which is not accepted at {at:%Y-%m-%d}"
            return failed("strength", ALGORITHM, text)
        if key.algorithm == "RSA" and not self.rsa_least_bits <= key.bits <= self.rsa_most_bits:
            text = (
                f"{who} has an RSA key of {key.bits} bits; {self.rsa_least_bits} to {self.rsa_most_bits} are accepted"
            )
            return failed("strength", WEAK_KEY, text)
        if key.algorithm == "RSA" and key.exponent < self.rsa_least_exponent:
            text = f"{who} has an RSA key with exponent {key.exponent}; the least accepted is {self.rsa_least_exponent}"
            return failed("strength", WEAK_KEY, text)
        return passed("strength", f"{who} has a key of the algorithm {key.algorithm} with {key.bits} bits")

    def usage(self, certificate: Certificate) -> Check:
        """Ask for a key usage that covers documents (RFC 5280, 4.2.1.3); a certificate that states none is refused."""
        stated = ", ".join(sorted(certificate.usages or ())) or "nothing"
        text = f"The key usage of the certificate of {certificate.subject} names {stated}"
        if certificate.usages is None or not certificate.usages & self.usages:
            return failed("key-usage", KEY_USAGE, text)
        return passed("key-usage", text)

    def purpose(self, certificate: Certificate) -> Check:
        """Ask that an extended key usage, where there is one, has a purpose for documents (RFC 5280, 4.2.1.12)."""
        if certificate.purposes is None:
            return passed("extended-key-usage", "The certificate is not limited to a purpose")
        stated = ", ".join(sorted(certificate.purposes))
        text = f"The certificate of {certificate.subject} is limited to the purposes {stated}"[:400]
        if not certificate.purposes & self.purposes:
            return failed("extended-key-usage", EXTENDED_KEY_USAGE, text)
        return passed("extended-key-usage", text)

    def allows(self, algorithm: str, at: datetime) -> bool:
        """Tell whether a key algorithm or a digest is accepted at the moment."""
        return any(rule.name == algorithm and (rule.until is None or at < rule.until) for rule in self.algorithms)
