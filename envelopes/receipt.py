"""The evidence that the hub issues: ETSI EN 319 522 events as XML, signed by the hub, readable and verifiable offline.

A receipt is written twice: first as a statement, unsigned, which is stored together with what it states; then sealed. So a
crash between the two leaves something to seal, and a retry seals the very same statement.
Element names follow EN 319 522-3; what that standard leaves open is in docs/protocol/receipt.md.
"""

from __future__ import annotations

import base64
import copy
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from lxml import etree

from envelopes import xml
from envelopes.log.inclusion import TAG, LogProof, check_proof, read_proof, write_proof
from envelopes.signature.claims import Claims
from envelopes.signature.verify import Place, Signed, verify
from envelopes.signature.writing import write_signature
from trust_store.errors import Misuse, Refused, reason
from trust_store.keys import KeyHolder

NAMESPACE: Final = "http://uri.etsi.org/19522/v1#"
EVENTS: Final = "http://uri.etsi.org/19522/Event/"
REASONS: Final = "urn:congvan:reason:"
VERSION: Final = "1"
_SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
_E: Final = f"{{{NAMESPACE}}}"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_END: Final = "</Evidence>"
_INDENT: Final = "  "
_PLAIN: Final = re.compile("[\t\n\x20-\x25\x27-\x3b=\x3f-\ud7ff]*")
"""Texts that need no look at each character."""
_NAMED: Final = re.compile(
    r"<EvidenceIdentifier>(?P<id>[\w.-]+)</EvidenceIdentifier>.*?<EventTime>(?P<at>[^<]+)</EventTime>", re.S
)
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})

NOT_A_RECEIPT = reason(
    "receipt-malformed", "This is not a receipt of this kind of hub", "Check a file that the hub handed out, unchanged"
)
ABSENT = reason(
    "log-absent",
    "The receipt has no proof of the transparency log",
    "Ask whether the hub kept a log when it issued this; the receipt alone is what its signature is",
)


class Event(StrEnum):
    """Name the events of EN 319 522-1 section 6 that this hub attests."""

    SUBMISSION_ACCEPTANCE = "SubmissionAcceptance"
    SUBMISSION_REJECTION = "SubmissionRejection"
    CONTENT_CONSIGNMENT = "ContentConsignment"
    CONTENT_HANDOVER = "ContentHandover"
    CONTENT_HANDOVER_FAILURE = "ContentHandoverFailure"
    CONSIGNMENT_ACCEPTANCE = "ConsignmentAcceptance"
    CONSIGNMENT_REJECTION = "ConsignmentRejection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Name a party in a receipt: its identification code and its registered name (empty when unknown)."""

    code: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Say why an event happened: a stable code and the sentence that people were told."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """State one event about one message. Times are UTC; `digest` is SHA-256 (hex) of the message's exact bytes.

    `refers_to` is the code of the receiver that the event is about; empty when it is about the submission.
    """

    id: str
    event: Event
    at: datetime
    issuer: Actor
    sender: Actor
    receivers: tuple[Actor, ...]
    message_id: str
    digest: str
    size: int
    submitted_at: datetime
    refers_to: str = ""
    causes: tuple[Cause, ...] = ()


def state(receipt: Receipt) -> bytes:
    """Write a receipt as an unsigned statement; the same receipt always gives the same bytes.

    Behind the XML declaration it is in canonical form (Canonical XML 1.0 and exclusive), so that it is sealed as it is.
    """
    reasons = "".join(_nest("EventReason", _cause_lines(cause), 2) for cause in receipt.causes)
    part = "".join(
        (
            _line("ContentType", "application/xml", 4),
            f'{_INDENT * 4}<DigestMethod Algorithm="{_SHA256}"></DigestMethod>\n',
            _line("DigestValue", base64.b64encode(bytes.fromhex(receipt.digest)).decode(), 4),
            _line("Size", str(receipt.size), 4),
        )
    )
    parts = _line("ComposingParts", "1", 2) + _nest("PartsInfo", _nest("PartInfo", part, 3), 2)
    lines = (
        _line("EvidenceIdentifier", receipt.id),
        _line("ERDSEventId", EVENTS + receipt.event),
        _nest("EventReasons", reasons) if reasons else "",
        _line("EventTime", _format(receipt.at)),
        _actor("EvidenceIssuerDetails", receipt.issuer),
        _actor("SenderDetails", receipt.sender),
        *(_actor("RecipientDetails", receiver) for receiver in receipt.receivers),
        _line("EvidenceRefersToRecipient", receipt.refers_to) if receipt.refers_to else "",
        _line("SubmissionTime", _format(receipt.submitted_at)),
        _nest("UserContentInfo", parts),
        _line("MessageIdentifier", receipt.message_id),
    )
    return f'{_HEAD}<Evidence xmlns="{NAMESPACE}" version="{VERSION}">\n{"".join(lines)}{_END}'.encode()


def seal(statement: bytes, holder: KeyHolder, proof: LogProof | None = None) -> bytes:
    """Sign a statement, as `state` wrote it, with the hub's key; the result is the receipt that parties keep.

    The proof that the statement is in the log and the signature (XAdES B-B, over both) are put in before the end of the
    root, and not a byte of what is stated is written anew. What the signature claims comes from the statement, so that the
    same statement with the same proof under the same key is sealed alike by all who seal it.

    Raises:
        Misuse: it is not as `state` writes.
    """
    if not (statement.startswith(_HEAD.encode()) and statement.endswith(_END.encode())):
        raise Misuse("only a statement as this version writes it can be sealed")
    body = statement[: -len(_END)] + (write_proof(proof).encode() if proof is not None else b"")
    signature = write_signature(body[len(_HEAD) :] + _END.encode(), holder, claims=_claims(statement.decode()))
    return body + signature.encode() + _END.encode()


def statement_of(root: etree._Element) -> bytes:
    """Return what a receipt states without the proof: the exact bytes that its leaf commits to.

    The root is what was verified, without its signature, and is left as it is.
    """
    bare = copy.deepcopy(root)
    for proof in bare.findall(TAG):
        bare.remove(proof)
    return _HEAD.encode() + etree.tostring(bare, method="c14n")


def _claims(statement: str) -> Claims:
    found = _NAMED.search(statement)
    if found is None:
        raise Misuse("a statement has an identifier and a time")
    return Claims(id=f"s-{found['id']}", at=datetime.fromisoformat(found["at"]), mime_type="application/xml")


def open_receipt(data: bytes) -> tuple[Receipt, Signed]:
    """Verify the signature of a sealed receipt and read it from what was signed.

    The caller judges the certificate chain in `Signed`, and compares `digest` with the message that it holds.

    Raises:
        Refused: the signature is not good, or the document is not a receipt.
    """
    signed = verify(xml.parse(data), Place.ROOT_CHILD)
    return read(signed.element), signed


def check_log(root: etree._Element, insisted: str = "") -> LogProof | None:
    """Check the proof that a verified receipt is in the transparency log, and return it; None when it has none.

    `insisted` is the verifier key of the log that it must be in, from elsewhere.

    Raises:
        Refused: `log-absent`, or as `check_proof`.
    """
    proof = read_proof(root)
    if proof is None:
        if insisted:
            raise Refused(ABSENT)
        return None
    check_proof(proof, statement_of(root), insisted)
    return proof


def read(root: etree._Element) -> Receipt:
    """Read a receipt from the root of a verified document.

    Raises:
        Refused: `receipt-malformed`.
    """
    if root.tag != _E + "Evidence" or root.get("version") != VERSION:
        raise Refused(NOT_A_RECEIPT)
    try:
        return _receipt(root)
    except (ValueError, TypeError):
        raise Refused(NOT_A_RECEIPT, "A value of the receipt cannot be read") from None


def is_receipt(root: etree._Element) -> bool:
    """Tell by the root element whether a document is evidence."""
    return bool(root.tag == _E + "Evidence")


def _receipt(root: etree._Element) -> Receipt:
    part = f"UserContentInfo/{_E}PartsInfo/{_E}PartInfo/"
    return Receipt(
        id=_get(root, "EvidenceIdentifier"),
        event=Event(_get(root, "ERDSEventId").removeprefix(EVENTS)),
        at=datetime.fromisoformat(_get(root, "EventTime")),
        issuer=_read_actor(root.find(_E + "EvidenceIssuerDetails")),
        sender=_read_actor(root.find(_E + "SenderDetails")),
        receivers=tuple(_read_actor(item) for item in root.findall(_E + "RecipientDetails")),
        message_id=_get(root, "MessageIdentifier"),
        digest=base64.b64decode(_get(root, f"{part}{_E}DigestValue"), validate=True).hex(),
        size=int(_get(root, f"{part}{_E}Size")),
        submitted_at=datetime.fromisoformat(_get(root, "SubmissionTime")),
        refers_to=root.findtext(_E + "EvidenceRefersToRecipient") or "",
        causes=tuple(_cause(item) for item in root.iterfind(f"{_E}EventReasons/{_E}EventReason")),
    )


def _cause(element: etree._Element) -> Cause:
    return Cause(code=_get(element, "Code").removeprefix(REASONS), text=element.findtext(_E + "Details") or "")


def _cause_lines(cause: Cause) -> str:
    return _line("Code", REASONS + cause.code, 3) + _line("Details", cause.text, 3)


def _actor(name: str, actor: Actor) -> str:
    legal_name = _line("LegalName", actor.name, 2) if actor.name else ""
    return _nest(name, _line("Identifier", actor.code, 2) + legal_name)


def _read_actor(element: etree._Element | None) -> Actor:
    if element is None:
        raise ValueError
    return Actor(code=_get(element, "Identifier"), name=element.findtext(_E + "LegalName") or "")


def _nest(name: str, content: str, level: int = 1) -> str:
    return f"{_INDENT * level}<{name}>\n{content}{_INDENT * level}</{name}>\n"


def _line(name: str, value: str, level: int = 1) -> str:
    """Write an element with a text, escaped as Canonical XML 1.0 (2.3) does."""
    if not _PLAIN.fullmatch(value):
        value = xml.UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", value).translate(_ESCAPES)
    return f"{_INDENT * level}<{name}>{value}</{name}>\n"


def _get(parent: etree._Element, path: str) -> str:
    value = parent.findtext(_E + path)
    if not value:
        raise ValueError(path)
    return value


def _format(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
