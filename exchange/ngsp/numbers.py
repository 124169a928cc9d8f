"""The numbers that clients of this dialect know, for each reason that the hub can refuse with."""

from __future__ import annotations

from typing import Final

OK: Final = 0
BAD_FILE: Final = 10
BAD_SECRET: Final = 15
NO_RECEIVER: Final = 18
NO_SENDER: Final = 19
FAILED: Final = 20
FILE_UNUSABLE: Final = 21
BAD_EDXML: Final = 22
RECEIVER_LOCKED: Final = 23

NUMBERS: Final[dict[int, frozenset[str]]] = {
    BAD_FILE: frozenset({"request-too-large", "receipt-malformed", "too-costly", "not-a-letter"}),
    BAD_SECRET: frozenset({
        "request-unsigned", "sign-header-malformed", "system-unknown", "header-not-ascii", "signed-header-differs",
        "system-suspended", "unauthenticated", "credentials-differ", "system-login", "pass-missing", "pass-invalid",
    }),
    NO_RECEIVER: frozenset({"receiver-unknown", "group-empty", "receivers-too-many", "may-not-write"}),
    NO_SENDER: frozenset({"system-sender", "sender-mismatch", "party-suspended", "forbidden"}),
    FILE_UNUSABLE: frozenset({
        "hash-file-mismatch", "digest-mismatch", "message-id-conflict", "receiver-no-files-beside", "receiver-size-limit",
        "file-too-large", "attachment-not-stored", "content-removed", "storage-damaged",
        "message-quarantined", "message-withdrawn",
    }),
    BAD_EDXML: frozenset({
        "original-unknown", "original-ambiguous", "not-sender", "not-addressee",
        "id-duplicate", "reference-not-allowed", "coverage-incomplete",
        "transform-not-allowed", "canonicalization-not-allowed", "digest-algorithm", "key-kind", "key-info-not-allowed",
        "content-changed", "xades-properties", "claimed-time-future",
        "certificate-malformed", "tax-code-invalid", "wrong-holder", "chain-size",
        "certificate-expired", "certificate-not-yet-valid", "key-too-weak", "algorithm-not-allowed", "key-usage",
        "extended-key-usage", "path-untrusted", "anchor-missing", "issuer-not-ca", "certificate-revoked",
        "anchor-not-in-force", "anchor-not-for-this", "not-evidence-issuer", "status-needs-signature",
    }),
    RECEIVER_LOCKED: frozenset({"receiver-suspended"}),
}  # fmt: skip
"""What is neither here nor of a family is 20, a failure of the hub or of the request as a whole."""
FAMILIES: Final = {"xml-": BAD_FILE, "edxml-": BAD_EDXML, "signature-": BAD_EDXML, "attachment-": FILE_UNUSABLE}
_KNOWN: Final = {code: number for number, codes in NUMBERS.items() for code in codes}


def number_of(code: str) -> int:
    """Give the number of a reason by its code."""
    known = _KNOWN.get(code)
    if known is not None:
        return known
    return next((number for family, number in FAMILIES.items() if code.startswith(family)), FAILED)
