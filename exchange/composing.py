"""What a program at the edge needs besides the wire: write, sign, read and verify; `exchange.client` hands it on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self

from envelopes import edxml, xml
from envelopes.attachments import MEBIBYTE, Caps, unwrap
from envelopes.drafting import draft_letter
from envelopes.edxml import Letter, Message, Organ, StatusNotice
from envelopes.opened import VIETNAM, digest_of
from envelopes.receipt import Event, Receipt, check_log, open_receipt
from envelopes.signature.classify import SignatureClass, classify
from envelopes.signature.reasons import ALREADY_SIGNED
from envelopes.signature.sign import sign
from envelopes.signature.verify import strip_comments
from exchange.verification import Finding, examine
from trust_store.certificate import load_many
from trust_store.errors import Refused, reason
from trust_store.evidence import Evidence
from trust_store.identity import may_issue_evidence
from trust_store.judge import judge
from trust_store.keys import KeyFails, KeyHolder
from trust_store.policy import Policy

__all__ = [
    "MAX_UNPACKED",
    "VIETNAM",
    "Draft",
    "Event",
    "Finding",
    "KeyFails",
    "KeyHolder",
    "Letter",
    "Message",
    "Receipt",
    "StatusNotice",
    "Trust",
    "Unpacked",
    "compose_letter",
    "digest_of",
    "read_document",
    "sign_unsigned",
    "unpack",
]

NOT_A_LETTER = reason("not-a-letter", "This is a status notice, not a letter", "Name the letter itself")
OTHER_DOCUMENT = reason(
    "receipt-other-document",
    "The receipt is not about this document",
    "Keep both, rely on neither, and ask the operator of the hub",
)
MAX_UNPACKED = 256 * MEBIBYTE
"""How much the attachments of one letter may hold together when they are unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Say what a person says of a new letter; files are (name, bytes)."""

    receivers: tuple[str, ...]
    number: str
    notation: str
    subject: str
    files: tuple[tuple[str, bytes], ...] = ()
    place: str | None = None
    due: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """Hold an attachment as a person reads it, or, in `refusal`, why it was left in the letter."""

    name: str
    data: bytes
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Judge receipts and signers by chosen authorities, never by what the hub says of itself."""

    evidence: Evidence
    policy: Policy = field(default_factory=Policy)

    @classmethod
    def of(cls, anchors: Iterable[bytes]) -> Self:
        """Trust the authorities in these files (PEM or DER)."""
        return cls(evidence=Evidence(anchors=tuple(each for data in anchors for each in load_many(data))))

    def read_receipt(self, data: bytes, *, digest: str, event: Event | None = None, at: datetime) -> Receipt:
        """Read a receipt that must come from a believed hub and be about the document with this digest.

        Raises:
            Refused: its signature, its signer, or what it is about is not right.
        """
        stated, signed = open_receipt(data)
        judge(signed.chain, self.evidence, self.policy, at).require()
        issuer = may_issue_evidence(signed.chain[0])
        if issuer.reason is not None:
            raise Refused(issuer.reason, issuer.text)
        check_log(signed.element)
        if stated.digest != digest or event not in (None, stated.event):
            raise Refused(OTHER_DOCUMENT, f"The receipt {stated.id} states {stated.event} of {stated.digest}")
        return stated

    def examine(self, data: bytes, at: datetime) -> Finding:
        """Say who signed a document and whether that signer is believed here."""
        return examine(data, self.evidence, self.policy, at)


def compose_letter(sender: str, draft: Draft, at: datetime) -> bytes:
    """Write an official letter of the sender as edXML, not signed yet, issued on the day of `at` in Vietnam.

    Raises:
        Refused: it breaks a rule of edXML.
    """
    local = at.astimezone(VIETNAM)
    letter = draft_letter(
        sender=Organ(organ_id=sender),
        receivers=[Organ(organ_id=code) for code in draft.receivers],
        number=draft.number,
        notation=draft.notation,
        subject=draft.subject,
        at=local,
        files=draft.files,
        place=draft.place,
        due=draft.due,
    )
    edxml.check(letter, today=local.date())
    return edxml.build(letter)


def sign_unsigned(document: bytes, key: KeyHolder) -> bytes:
    """Sign a document, or give it back byte for byte when it carries a signature already.

    Raises:
        Refused: it is not safe XML, or the key is of a kind that signs no documents.
    """
    try:
        return sign(document, key)
    except Refused as refusal:
        if refusal.reason is ALREADY_SIGNED:
            return document
        raise


def read_document(data: bytes) -> Message:
    """Read edXML from what was signed, or, where nothing valid was, as it is; this says nothing of who wrote it.

    Raises:
        Refused: it is not edXML.
    """
    return read_classified(data)[0]


def read_classified(data: bytes) -> tuple[Message, SignatureClass]:
    """Read edXML as `read_document` does, and tell of what kind its signature is.

    Raises:
        Refused: it is not edXML.
    """
    tree, undeclared = xml.parse_tolerant(data)
    found = classify(tree, undeclared)
    root = found.signed.element if found.signed else tree.getroot()
    strip_comments(root)
    return edxml.parse(root), found.kind


def unpack(letter: Letter) -> Iterator[Unpacked]:
    """Take the attachments out, in order, as long as they stay within `MAX_UNPACKED` together."""
    left = MAX_UNPACKED
    for attachment in letter.attachments:
        try:
            content = unwrap(attachment, Caps(size=min(Caps().size, left)))
        except Refused as refusal:
            yield Unpacked(name=attachment.name, data=b"", refusal=refusal)
            continue
        left = max(0, left - len(content.data))
        yield Unpacked(name=content.name, data=content.data)
