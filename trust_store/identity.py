"""What a certificate says about its holder, and whether that is the party that the registry knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from cryptography.x509.oid import NameOID

from trust_store.certificate import Certificate
from trust_store.errors import Refused, reason
from trust_store.verdict import Check, failed, passed

TAX_CODE_INVALID = reason(
    "tax-code-invalid",
    "The tax code in the certificate is not a tax code",
    "Ask the authority for a certificate whose subject has one correct UID=MST:... entry",
)
WRONG_HOLDER = reason(
    "wrong-holder",
    "The certificate does not belong to the party that it speaks for",
    "Sign with the party's own certificate, or have the administrator register this one for the party",
)

_WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3)
_TAX_CODE = re.compile(r"([0-9]{10})(?:-?([0-9]{3}))?")
_SCHEME = "02"
_MARK = "MST:"


NOT_ISSUER = reason("not-evidence-issuer", "The signer of this receipt is no hub", "Ask the hub itself for the receipt")
DOCUMENT_SIGNING = "1.3.6.1.5.5.7.3.36"
EVIDENCE_ISSUER = "2.25.272283493719184430925131098464210947251"
"""The purpose that marks the certificate of a hub as one that issues evidence; no party's certificate has it."""


class PartyKind(StrEnum):
    """Name the two kinds of party: they prove who they are in different ways."""

    AGENCY = "agency"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Hold what the registry knows of a party: every code it goes by, its tax code, and its registered certificates.

    `codes` are the old dotted codes, those of Decision 20/2020, and aliases; `fingerprints` are SHA-256 in hex.
    """

    kind: PartyKind
    codes: frozenset[str] = frozenset()
    tax_code: str | None = None
    fingerprints: frozenset[str] = frozenset()


def tax_code(text: str) -> str | None:
    """Read a tax code into its one form, `0100107370` or `0100107370-001`; None when it is not a correct one.

    The tenth digit checks the first nine; three more digits name a branch, with or without a hyphen before them.
    """
    parts = _TAX_CODE.fullmatch(text.strip())
    if parts is None:
        return None
    digits = [int(each) for each in parts[1]]
    remainder = sum(weight * digit for weight, digit in zip(_WEIGHTS, digits, strict=False)) % 11
    if digits[9] != 10 - remainder:
        return None
    return f"{parts[1]}-{parts[2]}" if parts[2] else parts[1]


def doubt(code: str) -> str:
    """Say, in words to put behind a code, that it looks like a tax code and is none; empty for every other code."""
    written = (code.strip(), _without_scheme(code.strip()))
    if not any(_TAX_CODE.fullmatch(each) for each in written) or any(tax_code(each) for each in written):
        return ""
    return ", which is no tax code: its check digit is wrong"


def normalise(code: str) -> str:
    """Write an identification code in its one form, so that equal codes are equal text.

    A tax code, bare or after the scheme `02`, becomes the bare tax code. A branch keeps its three digits: it is another
    party than its head office. All other codes are compared without regard to case.
    """
    text = code.strip()
    if "." in text:  # as in the codes of most agencies, and in no tax code
        return text.upper()
    return tax_code(text) or tax_code(_without_scheme(text)) or text.upper()


def same_code(one: str, other: str) -> bool:
    """Tell whether two identification codes are the same one, in whatever form they are written."""
    return normalise(one) == normalise(other)


def names(identity: Identity, code: str) -> bool:
    """Tell whether an identification code from a message names this party, by any form of any of its codes."""
    own = {normalise(each) for each in (*identity.codes, identity.tax_code) if each}
    return normalise(code) in own


def holder_tax_code(certificate: Certificate) -> str | None:
    """Read the tax code from the subject, where Vietnamese authorities put it: `UID=MST:...`; None when there is none.

    Raises:
        Refused: the code is not a correct one, or there are several.
    """
    values = (str(each.value).strip() for each in certificate.x509.subject.get_attributes_for_oid(NameOID.USER_ID))
    marked = [each[len(_MARK) :] for each in values if each.upper().startswith(_MARK)]
    if not marked:
        return None
    if len(marked) > 1:
        raise Refused(TAX_CODE_INVALID, f"The certificate of {certificate.subject} has {len(marked)} tax codes")
    code = tax_code(marked[0])
    if code is None:
        raise Refused(TAX_CODE_INVALID, f"The tax code in the certificate of {certificate.subject} is not correct")
    return code


def belongs(certificate: Certificate, identity: Identity) -> Check:
    """Check that the certificate is the party's own.

    An agency's is registered for it by fingerprint. An enterprise's carries its tax code; one that carries no tax code
    at all may be registered by fingerprint instead, one that carries another's never.
    """
    registered = certificate.fingerprint in identity.fingerprints
    if identity.kind is PartyKind.AGENCY:
        return _registration(certificate, registered)
    try:
        carried = holder_tax_code(certificate)
    except Refused as refusal:
        return failed("holder", refusal.reason, refusal.detail)
    if carried is None:
        return _registration(certificate, registered)
    if identity.tax_code is None or carried != tax_code(identity.tax_code):
        text = f"The certificate of {certificate.subject} is for the tax code {carried}, which is another party's"
        return failed("holder", WRONG_HOLDER, text)
    return passed("holder", f"The certificate carries the party's tax code {carried}")


def _registration(certificate: Certificate, registered: bool) -> Check:
    if registered:
        return passed("holder", "The certificate is registered for the party")
    text = f"The certificate of {certificate.subject} is not registered for the party that it speaks for"
    return failed("holder", WRONG_HOLDER, text)


def _without_scheme(code: str) -> str:
    """Decision 20/2020 writes an enterprise as the scheme `02` and its tax code, which is two digits longer."""
    return code.removeprefix(_SCHEME) if len(code) > 10 else code


def may_issue_evidence(certificate: Certificate) -> Check:
    """Ask whether a certificate is a hub's: anybody else's signature under a receipt proves nothing."""
    if EVIDENCE_ISSUER in (certificate.purposes or ()):
        return passed("issuer", f"{certificate.subject} is a hub that issues evidence")
    return failed(
        "issuer", NOT_ISSUER, f"{certificate.subject} is no hub: its signature under a receipt proves nothing"
    )
