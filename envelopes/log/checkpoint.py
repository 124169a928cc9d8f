"""Checkpoints (C2SP tlog-checkpoint): origin, size and root of a log, as the text of a signed note."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from envelopes.log.note import Note, Verifier, read_note
from envelopes.log.tree import MOST
from trust_store.errors import Refused, reason

_ROOT_BYTES: Final = 32
_LEAST: Final = 3

NOT_A_CHECKPOINT = reason(
    "checkpoint-malformed", "This is not the checkpoint of a log", "Take it again from the log, unchanged"
)
OTHER_ORIGIN = reason(
    "checkpoint-other", "The checkpoint is of another log", "Give the checkpoint of the log that the key belongs to"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """State that the log of this origin had `size` entries and this root (32 bytes).

    `extensions` are lines that a log may add; they mean nothing here, and are kept because they are signed.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def write_checkpoint(checkpoint: Checkpoint) -> str:
    """Write the text of the note."""
    root = base64.b64encode(checkpoint.root).decode()
    return "".join(f"{line}\n" for line in (checkpoint.origin, checkpoint.size, root, *checkpoint.extensions))


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a note, strictly.

    Raises:
        Refused: `checkpoint-malformed`.
    """
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < _LEAST or not all(lines):
        raise Refused(NOT_A_CHECKPOINT, "It has not the three lines of origin, size and root")
    origin, size, root, *extensions = lines
    try:
        hashed = base64.b64decode(root, validate=True)
    except (ValueError, binascii.Error):
        raise Refused(NOT_A_CHECKPOINT, "Its root cannot be read") from None
    is_number = size.isascii() and size.isdecimal() and size == (size.lstrip("0") or "0") and int(size) < MOST
    if not is_number or len(hashed) != _ROOT_BYTES or base64.b64encode(hashed).decode() != root:
        raise Refused(NOT_A_CHECKPOINT, "Its size or its root is not written as the standard asks")
    return Checkpoint(origin=origin, size=int(size), root=hashed, extensions=tuple(extensions))


def open_checkpoint(note: str | Note, verifier: Verifier) -> Checkpoint:
    """Verify a checkpoint by the key of its log, and read it.

    Raises:
        Refused: `note-malformed`, `note-not-signed`, `checkpoint-malformed`, or `checkpoint-other`.
    """
    read = read_note(note) if isinstance(note, str) else note
    read.verify(verifier)
    checkpoint = read_checkpoint(read.text)
    if checkpoint.origin != verifier.name:
        raise Refused(OTHER_ORIGIN, f"It is of {checkpoint.origin}, the key of {verifier.name}")
    return checkpoint
