"""Why a revocation could not be ruled out, and what can be done about it."""

from __future__ import annotations

from typing import Final

from trust_store.errors import reason

LIST_MALFORMED = reason(
    "revocation-list-malformed",
    "The revocation list cannot be read",
    "Give the list as the authority published it, in DER or PEM, not an HTML page or an archive",
)
ANSWER_MALFORMED = reason(
    "ocsp-answer-malformed",
    "The answer of the OCSP responder cannot be read",
    "Ask the authority whether its responder works; its revocation list serves meanwhile",
)
REVOKED = reason(
    "certificate-revoked",
    "The certificate was revoked",
    "Sign with a certificate that is in force; ask the administrator of the hub if the revocation is an error",
)
NOT_KNOWN = reason(
    "revocation-not-known",
    "Whether the certificate was revoked is not known here",
    "Send it again in a few minutes: the hub asks the authority meanwhile. If this stays, the administrator can import the "
    "authority's revocation list",
)
STALE = reason(
    "revocation-stale",
    "What is known of revocations is too old to rely on",
    "Send it again later: the hub keeps asking the authority. The administrator can import a newer revocation list",
)
"""Beyond the grace period: the authority's services have been silent for too long."""
UNDECIDED: Final = frozenset({NOT_KNOWN, STALE})
"""What says nothing against the certificate: it may be believed later."""
