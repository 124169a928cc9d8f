"""What a log and its witnesses say to each other (C2SP tlog-witness), and what a witness must check before it cosigns."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from envelopes.log.checkpoint import Checkpoint, read_checkpoint
from envelopes.log.note import MAX_NOTE, Note, Verifier, read_note, write_note
from envelopes.log.tree import MOST, check_consistency
from trust_store.errors import Refused, reason

MOST_STEPS: Final = 63
"""Hashes that a consistency proof may have."""
MAX_REQUEST: Final = MAX_NOTE + 4096
"""Bytes that a request may have."""
_HASH: Final = 32
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")

MALFORMED = reason(
    "witness-malformed",
    "The request to the witness cannot be read",
    "Write it as C2SP tlog-witness asks: the old size, the consistency proof, an empty line, and the checkpoint",
)
UNKNOWN_LOG = reason(
    "witness-log-unknown",
    "This witness does not cosign this log",
    "Ask the administrator of the hub: congvan log witness add VKEY",
)
UNTRUSTED = reason(
    "witness-not-signed",
    "The checkpoint has no good signature of the log's key as the witness knows it",
    "Give the verifier key of the log to the administrator of the witness again, if it is another now",
)
STALE_SIZE = reason(
    "witness-size-differs",
    "The witness has cosigned another size of this log since",
    "Ask again with a proof from the size in the answer; nothing was cosigned",
)
SPLIT = reason(
    "witness-root-differs",
    "The witness has cosigned another root at this very size",
    "Keep both checkpoints: together they prove that the log shows different things to different people",
)
NO_PROOF = reason(
    "witness-proof-wrong",
    "The proof does not lead from what the witness has cosigned to this checkpoint",
    "Make the proof anew from the log's tiles; if it stays so, the log was rewritten",
)
TOO_FEW = reason(
    "log-cosignatures-missing",
    "The checkpoint has not the cosignatures that are asked for",
    "Ask the witnesses again, or see why they do not answer; without them a log may show different things to others",
)


class StaleSize(Refused):
    """Refuse (`witness-size-differs`) with the size that was cosigned last: the client needs it to go on."""

    def __init__(self, size: int) -> None:
        super().__init__(STALE_SIZE, f"It cosigned {size} entries last")
        self.size = size


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Ask a witness to cosign a checkpoint (a signed note).

    `old` is the size that the witness cosigned last (0 if never), `path` the consistency proof from there (RFC 6962, 2.1.2;
    at most 63 hashes of 32 bytes).
    """

    old: int
    path: tuple[bytes, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Hold what a witness cosigned last of a log: the size of its tree and the root (32 bytes; empty before the first)."""

    size: int = 0
    root: bytes = b""


def write_submission(submission: Submission) -> bytes:
    """Write the body of the request `add-checkpoint`."""
    path = "".join(f"{base64.b64encode(step).decode()}\n" for step in submission.path)
    return f"old {submission.old}\n{path}\n{submission.note}".encode()


def read_submission(data: bytes) -> Submission:
    """Read the body of the request `add-checkpoint`; the note in it is not looked at.

    Raises:
        Refused: `witness-malformed`.
    """
    try:
        head, gap, note = data.decode().partition("\n\n")
        first, *steps = head.split("\n")
        found, path = _OLD.fullmatch(first), tuple(base64.b64decode(step, validate=True) for step in steps)
    except (UnicodeDecodeError, ValueError, binascii.Error):
        raise Refused(MALFORMED) from None
    if found is None or not gap or len(data) > MAX_REQUEST or int(found[1]) >= MOST:
        raise Refused(MALFORMED, "It does not begin with 'old' and a size, or has no empty line before the checkpoint")
    if len(path) > MOST_STEPS or any(len(step) != _HASH for step in path):
        raise Refused(MALFORMED, f"A proof has at most {MOST_STEPS} hashes of {_HASH} bytes")
    return Submission(old=int(found[1]), path=path, note=note)


def origin_of(submission: Submission) -> tuple[Note, Checkpoint]:
    """Read the checkpoint of a request, of which nothing is believed yet.

    Raises:
        Refused: `witness-malformed`.
    """
    try:
        note = read_note(submission.note)
        return note, read_checkpoint(note.text)
    except Refused as refusal:
        raise Refused(MALFORMED, refusal.text) from None


def check_submission(submission: Submission, note: Note, checkpoint: Checkpoint, log: Verifier, seen: Seen) -> None:
    """Check that a witness may cosign: in the order of C2SP tlog-witness, `add-checkpoint`.

    Raises:
        Refused: `witness-not-signed` (403), `witness-malformed` (400: the old size is larger than the new one),
            `witness-root-differs` (409), or `witness-proof-wrong` (422).
        StaleSize: `witness-size-differs` (409).
    """
    try:
        note.verify(log)
    except Refused as refusal:
        raise Refused(UNTRUSTED, refusal.detail) from None
    if submission.old > checkpoint.size:
        raise Refused(MALFORMED, f"The old size {submission.old} is larger than that of the checkpoint")
    if submission.old != seen.size:
        raise StaleSize(seen.size)
    if seen.root and seen.size == checkpoint.size and seen.root != checkpoint.root:
        raise Refused(SPLIT, f"At {seen.size} entries")
    if seen.size == 0 and checkpoint.size > 0:
        if submission.path:
            raise Refused(NO_PROOF, "From an empty log there is nothing to prove")
        return
    try:
        check_consistency(seen.size, checkpoint.size, submission.path, seen.root or checkpoint.root, checkpoint.root)
    except Refused as refusal:
        raise Refused(NO_PROOF, refusal.detail) from None


def add_cosignatures(note: str, lines: str, witnesses: Sequence[Verifier]) -> tuple[str, ...]:
    """Return the lines, of those that a witness answered, which are good cosignatures of this note by these witnesses.

    Lines of others are passed over.

    Raises:
        Refused: `note-malformed`: the answer is not made of signature lines; `note-not-signed`: one is not good.
    """
    text = read_note(note).text
    answered = read_note(write_note(text, [lines]))
    good = []
    for line, signature in zip(lines.splitlines(keepends=True), answered.signatures, strict=True):
        for witness in witnesses:
            if (signature.name, signature.id) == (witness.name, witness.id):
                read_note(write_note(text, [line])).verify(witness)
                good.append(line)
    return tuple(dict.fromkeys(good))


def enough(note: str, witnesses: Sequence[Verifier], needed: int) -> tuple[str, ...]:
    """Return the names of those witnesses who cosigned a checkpoint (a signed note), in their order: the policy of a reader.

    Each counts once; a witness whose signature is not good does not count.

    Raises:
        Refused: `note-malformed`, or `log-cosignatures-missing`: fewer than `needed` of them have.
    """
    read = read_note(note)
    names = tuple(dict.fromkeys(each.name for each in witnesses if _has_signed(read, each)))
    if len(names) < needed:
        raise Refused(TOO_FEW, f"{needed} are needed, and it has {len(names)}: {', '.join(names) or 'none'}")
    return names


def _has_signed(note: Note, witness: Verifier) -> bool:
    try:
        note.verify(witness)
    except Refused:
        return False
    return True
