"""The refusals of the exchange itself; the rooms below declare their own beside their rules."""

from __future__ import annotations

import errno
import math
from typing import Final

from trust_store.errors import Reason, Refused, reason

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
    "not-sender",
    "Only the sender of a document may take it back, update or replace it",
    "Let the sender of the document ask",
)
NO_LEASE = reason("lease-ended", "This lease has ended", "Lease again; what was acknowledged stays acknowledged")
UNKNOWN_ORIGINAL = reason(
    "original-unknown", "The document that this one answers was not exchanged here", "Check ResponseFor/DocumentId"
)
CODE_TAKEN = reason(
    "code-taken",
    "An identification code belongs to one party only",
    "Give another code, or change the other party first",
)
DIRECTORY_MOVED = reason(
    "directory-moved", "The directory was changed at the same time", "Do it again; nothing of it was written"
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
BUSY = reason(
    "hub-busy", "The hub has as much to do as it can hold", "Send it again after Retry-After seconds; it is always safe"
)
CONTENT_REMOVED = reason(
    "content-removed",
    "The hub no longer keeps the content of this message",
    "Use your own copy; the receipts here prove which bytes it must have",
)
DAILY_QUOTA = reason(
    "daily-quota",
    "The party has sent as much today as it may in a day",
    "Send it again tomorrow, after Retry-After seconds, or ask the administrator of the hub",
)
FILE_TOO_LARGE = reason(
    "file-too-large", "The file is larger than this hub takes", "Split it, or ask the operator for max_file_bytes"
)
UPLOADS_TOO_MANY = reason("uploads-too-many", "Too many uploads are unfinished", "Finish some, or end them with DELETE")
UPLOAD_QUOTA = reason(
    "upload-quota",
    "The party has too many bytes that no letter refers to",
    "Send the letters of what was uploaded, or delete uploads",
)
UPLOAD_LOCKED = reason(
    "upload-locked", "Something is being written to this upload", "Wait until it ends, then ask how far it is"
)
UPLOAD_OFFSET = reason(
    "upload-offset", "The upload stands elsewhere", "Go on at Upload-Offset of the answer, or ask with HEAD"
)
DIGEST_MISMATCH = reason(
    "digest-mismatch", "What came is not what was announced", "Announce the file again and send it whole"
)
STORAGE_FAILING = reason(
    "storage-failing",
    "The hub cannot store anything at the moment",
    "Send it again later; nothing of it was taken on, and sending again is always safe",
)
DISK_FULL = reason("disk-full", "The hub has no space left", "Go on later; what was answered for is kept")
NOT_STORED = reason(
    "attachment-not-stored",
    "A file beside the letter was not uploaded by its sender",
    "Upload the file first, then send the letter again unchanged",
)
DAMAGED = reason(
    "storage-damaged",
    "What is stored is not what was received",
    "The administrator must restore the file from backup; nothing wrong is ever handed out",
)
UNSEALED = reason(
    "receipt-waits",
    "The hub cannot sign the receipt at the moment",
    "Send or ask again later: what was taken on is kept, and its receipt will be the same",
)
LOG_ENDED = reason(
    "log-ended",
    "Another process began another log",
    "Restart the hub: only one hub may serve a folder, and its log goes on where it ended",
)
LOG_UNUSABLE = reason(
    "log-unusable",
    "The key of the transparency log cannot be used",
    "Put keys/log.key.pem back; what was taken on is kept and gets its place in the log then",
)
OWN_FAULTS: Final = (BUSY, STORAGE_FAILING, DISK_FULL, DAMAGED, UNSEALED, LOG_ENDED, LOG_UNUSABLE)
"""What is wrong with the hub and not with what was asked: nobody is given evidence that a document was refused for it."""


INTERNAL = reason(
    "internal-error", "The hub failed", "Try again; nothing that was receipted is lost. Tell the operator"
)
METHOD = reason("method-not-allowed", "This address does not take this method", "Compare it with the API description")


class Later(Refused):
    """The hub cannot do it now; it can, as far as it knows, after `seconds` (whole ones, 1 at least)."""

    def __init__(self, why: Reason, detail: str = "", seconds: float = 1) -> None:
        super().__init__(why, detail)
        self.seconds = max(1, math.ceil(seconds))


class Unsealed(Later):
    """A receipt cannot be signed now; `why` is for the log, for it tells how the hub keeps its keys."""

    def __init__(self, why: Refused, seconds: float = 5) -> None:
        super().__init__(UNSEALED, "The hub's key does not sign", seconds)
        self.why = why


def unstored(error: OSError) -> Refused:
    """Tell a full disk from a failing one."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return Refused(DISK_FULL, "There is no space left for this")
    return Refused(STORAGE_FAILING, "The disk reported a failure")


class Conflict(Refused):
    """A document id was used before for other bytes: `message` is the key of what was filed first."""

    def __init__(self, detail: str, message: str) -> None:
        super().__init__(CONFLICT, detail, where="MessageHeader/DocumentId")
        self.message = message


class Elsewhere(Refused):
    """An upload goes on at `offset`, and nowhere else."""

    def __init__(self, offset: int, detail: str) -> None:
        super().__init__(UPLOAD_OFFSET, detail, where="header Upload-Offset")
        self.offset = offset


class Rejected(Refused):
    """A submission was refused, and the hub attests the refusal: `evidence_id` names the SubmissionRejection."""

    def __init__(self, refusal: Refused, evidence_id: str) -> None:
        super().__init__(refusal.reason, refusal.detail, where=refusal.where)
        self.evidence_id = evidence_id
