"""From bytes to an envelope in two steps that nobody can skip: open, then accept with a verdict.

`open_signed` gives an `Opened`, which shows the certificate chain and nothing of the content. The content comes out of
`Opened.accept(verdict)` only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final

from lxml import etree

from envelopes import edxml, xml
from envelopes.edxml import Letter, Message
from envelopes.limits import Limits
from envelopes.signature.classify import SignatureClass, classify
from envelopes.signature.detached import Detached
from envelopes.signature.verify import strip_comments
from trust_store.certificate import Certificate
from trust_store.errors import Misuse, Refused, reason
from trust_store.identity import doubt, same_code
from trust_store.verdict import Outcome, Verdict

VIETNAM: Final = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")

SENDER_MISMATCH = reason(
    "sender-mismatch",
    "The document names another sender than the one that signed it",
    "Sign with the certificate of the party in From/OrganId, or correct From/OrganId before signing",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachedAttachment:
    """Describe a file that travels beside a letter: `digest` is SHA-256 (hex), and signed; name and type are as declared."""

    content_id: str
    name: str | None
    content_type: str | None
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Hold a message that may be used: what it says, the digest (SHA-256, hex) of its bytes, and why it is believed.

    `detached` are the files that travel beside it, in the order of the manifest; all of them are signed. `signer` is the
    certificate that was judged; None for a message that stands on authentication alone.
    """

    message: Message
    digest: str
    size: int
    signature_class: SignatureClass
    claimed_time: datetime | None
    verdict: Verdict
    detached: tuple[DetachedAttachment, ...] = ()
    signer: Certificate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Hold a message that is not believed yet. `refusal` says why it has no valid signature, when it has none.

    `detached` are the digests that the signature has of files beside the message; what they are is said by the content.
    """

    digest: str
    size: int
    signature_class: SignatureClass
    chain: tuple[Certificate, ...]
    claimed_time: datetime | None
    refusal: Refused | None
    detached: tuple[Detached, ...] = ()
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
        digests = {item.content_id: item.digest for item in self.detached}
        edxml.check(message, today=verdict.at.astimezone(VIETNAM).date(), detached=digests)
        self._check_sender(message.sender.organ_id, verdict)
        return Envelope(
            message=message,
            digest=self.digest,
            size=self.size,
            signature_class=self.signature_class,
            claimed_time=self.claimed_time,
            verdict=verdict,
            detached=_describe(message, digests),
            signer=self.chain[0] if self.chain else None,
        )

    def _check_sender(self, stated: str, verdict: Verdict) -> None:
        if not any(same_code(stated, code) for code in verdict.codes):
            known = ", ".join(sorted(verdict.codes)) or "not registered"
            raise Refused(SENDER_MISMATCH, f"The signer is {known}; From/OrganId says {stated}{doubt(stated)}")


def _describe(message: Message, digests: Mapping[str, str]) -> tuple[DetachedAttachment, ...]:
    """Describe the files beside a letter that keeps the rules; one without any signed may list files all the same."""
    return tuple(
        DetachedAttachment(
            content_id=reference.content_id,
            name=reference.name,
            content_type=reference.content_type,
            digest=digests[reference.content_id],
        )
        for reference in (message.detached if digests and isinstance(message, Letter) else ())
    )


def digest_of(data: bytes) -> str:
    """Digest the exact bytes of a message (SHA-256, hex), as receipts and blobs name it."""
    return hashlib.sha256(data).hexdigest()


def open_signed(data: bytes, limits: Limits = Limits()) -> Opened:
    """Parse edXML bytes once, verify their signature, and classify it.

    Of what is no edXML at all the refusal says so: where its signature would have to be, nobody can tell.

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
        refusal=found.refusal and (edxml.foreign(tree.getroot()) or found.refusal),
        detached=found.signed.detached if found.signed else (),
        _root=found.signed.element if found.signed else tree.getroot(),
    )
