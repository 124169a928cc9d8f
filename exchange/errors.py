"""The refusals of the exchange itself; the rooms below declare their own beside their rules."""

from __future__ import annotations

from trust_store.errors import Refused, reason

NOT_FOUND = reason(
    "not-found", "There is nothing here under this name", "Check the name; it may belong to another party's mailbox"
)
UNAUTHENTICATED = reason(
    "unauthenticated", "The request does not say who is asking", "Send the header 'Authorization: Bearer <token>'"
)
FORBIDDEN = reason("forbidden", "This party may not do this", "Ask the administrator of the hub")
CONFLICT = reason(
    "message-id-conflict",
    "This document id was used before for other bytes",
    "Give the new document an id of its own; what was sent before stands",
)
UNKNOWN_RECEIVER = reason(
    "receiver-unknown", "A receiver is not registered at this hub", "Look the code up in the list of parties"
)
NOT_ADDRESSEE = reason(
    "not-addressee", "The status is about a document that this party did not receive", "Check ResponseFor in the notice"
)
NOT_SENDER = reason(
    "not-sender", "Only the sender of a document may ask to take it back", "Let the sender of the document ask"
)
UNKNOWN_ORIGINAL = reason(
    "original-unknown", "The document that this one answers was not exchanged here", "Check ResponseFor/DocumentId"
)
CODE_TAKEN = reason(
    "code-taken",
    "An identification code belongs to one party only",
    "Give another code, or change the other party first",
)
RECEIVER_SUSPENDED = reason(
    "receiver-suspended", "A receiver is suspended and receives nothing", "Send it when the receiver takes part again"
)
AMBIGUOUS_ORIGINAL = reason(
    "original-ambiguous",
    "Several documents have the code that this one answers",
    "Give ResponseFor/DocumentId, or the date of issue",
)
PARTY_SUSPENDED = reason(
    "party-suspended", "This party is suspended", "Ask the administrator of the hub why and until when"
)
REQUEST = reason("request-malformed", "The request cannot be read", "Compare it with the API description")
TOO_LARGE = reason("request-too-large", "The request is larger than this hub takes", "Send large files separately")
TOO_SLOW = reason(
    "request-too-slow", "The request did not arrive in time", "Send it again over a faster line; it is always safe"
)
DAMAGED = reason(
    "storage-damaged",
    "What is stored is not what was received",
    "The administrator must restore the file from backup; nothing wrong is ever handed out",
)


class Rejected(Refused):
    """A submission was refused, and the hub attests the refusal: `evidence_id` names the SubmissionRejection."""

    def __init__(self, refusal: Refused, evidence_id: str) -> None:
        super().__init__(refusal.reason, refusal.detail, where=refusal.where)
        self.evidence_id = evidence_id
