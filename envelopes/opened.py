"""From bytes to an envelope in two steps that nobody can skip: open, then accept with a verdict.

`open_signed` gives an `Opened`, which shows the certificate chain and nothing of the content. The content comes out of
`Opened.accept(verdict)` only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final

from lxml import etree

from envelopes import edxml, xml
from envelopes.edxml import Message
from envelopes.limits import Limits
from envelopes.signature.classify import SignatureClass, classify
from envelopes.signature.verify import strip_comments
from trust_store.certificate import Certificate
from trust_store.errors import Misuse, Refused, reason
from trust_store.identity import same_code
from trust_store.verdict import Outcome, Verdict

VIETNAM: Final = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")

SENDER_MISMATCH = reason(
    "sender-mismatch",
    "The document names another sender than the one that signed it",
    "Sign with the certificate of the party in From/OrganId, or correct From/OrganId before signing",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Hold a message that may be used: what it says, the digest (SHA-256, hex) of its bytes, and why it is believed."""

    message: Message
    digest: str
    size: int
    signature_class: SignatureClass
    claimed_time: datetime | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Hold a message that is not believed yet. `refusal` says why its signature is not valid, when it is not."""

    digest: str
    size: int
    signature_class: SignatureClass
    chain: tuple[Certificate, ...]
    claimed_time: datetime | None
    refusal: Refused | None
    _root: etree._Element = field(repr=False)

    def admit(self, classes: frozenset[SignatureClass]) -> None:
        """Go on only with a valid signature, or a class that the submitting party's policy lets in besides.

        Raises:
            Refused: with the reason that the signature is not valid.
        """
        if self.refusal is not None and self.signature_class not in classes:
            raise self.refusal

    def accept(self, verdict: Verdict) -> Envelope:
        """Hand out the content, read from what was signed.

        Raises:
            Refused: the verdict is not good, the content breaks a rule of edXML, or it names another sender.
            Misuse: the verdict is about another certificate, or vouches for a message that has a valid signature.
        """
        verdict.require()
        judged = self.chain[0].fingerprint if self.chain else ""
        if verdict.certificate != judged or (verdict.outcome is Outcome.VALID) != bool(judged):
            raise Misuse("the verdict is not about this message")
        message = edxml.parse(self._root)
        edxml.check(message, today=verdict.at.astimezone(VIETNAM).date())
        self._check_sender(message.sender.organ_id, verdict)
        return Envelope(
            message=message,
            digest=self.digest,
            size=self.size,
            signature_class=self.signature_class,
            claimed_time=self.claimed_time,
            verdict=verdict,
        )

    def _check_sender(self, stated: str, verdict: Verdict) -> None:
        if not any(same_code(stated, code) for code in verdict.codes):
            known = ", ".join(sorted(verdict.codes)) or "not registered"
            raise Refused(SENDER_MISMATCH, f"The signer is {known}; From/OrganId says {stated}")


def digest_of(data: bytes) -> str:
    """Digest the exact bytes of a message (SHA-256, hex), as receipts and blobs name it."""
    return hashlib.sha256(data).hexdigest()


def open_signed(data: bytes, limits: Limits = Limits()) -> Opened:
    """Parse edXML bytes once, verify their signature, and classify it.

    Raises:
        Refused: the bytes are not safe XML. A bad signature does not raise; see `Opened.admit`.
    """
    tree, undeclared = xml.parse_tolerant(data, limits)
    found = classify(tree, undeclared)
    strip_comments(tree.getroot())
    return Opened(
        digest=digest_of(data),
        size=len(data),
        signature_class=found.kind,
        chain=found.signed.chain if found.signed else (),
        claimed_time=found.signed.claimed_time if found.signed else None,
        refusal=found.refusal,
        _root=found.signed.element if found.signed else tree.getroot(),
    )
