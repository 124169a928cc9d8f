"""Signed notes (C2SP signed-note): a text, a blank line, and lines of signatures by keys that have names.

Two kinds of signatures are known: Ed25519 over the text (type 0x01), and cosignatures of witnesses, Ed25519 over the text and
the time at which it was seen (C2SP tlog-cosignature, type 0x04). Lines of other keys, and of kinds that come later such as
ML-DSA, are passed over and kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trust_store.errors import Misuse, Refused, reason

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MAX_NOTE: Final = 64 * 1024
MAX_SIGNATURES: Final = 64
_KINDS: Final = frozenset({ED25519, COSIGNATURE})
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_LAST_TIME: Final = 2**63 - 1
_SIGNATURE_BYTES: Final = 64
_KEY_BYTES: Final = 32
_MARK: Final = "\N{EM DASH} "
_NAME: Final = re.compile(r"[^\s+]+")
_CONTROLS: Final = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")

NOT_A_NOTE = reason("note-malformed", "This is not a signed note", "Take it again from where it came from, unchanged")
NOT_A_KEY = reason(
    "note-key-malformed", "This is not the verifier key of a note", "Give it as it was published: name+identifier+key"
)
UNSIGNED = reason(
    "note-not-signed",
    "The note has no good signature of the key that it must have",
    "Do not rely on it: it was changed, or is by somebody else",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Hold what verifies: the name, the kind of signature, and the public key (32 bytes)."""

    name: str
    kind: int
    key: bytes

    @property
    def id(self) -> bytes:
        """Return the key ID (4 bytes) that signature lines are known by."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.key).digest()[:_ID_BYTES]

    @property
    def vkey(self) -> str:
        """Write the verifier key as a line of text."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.key).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Hold what signs: a name, the kind of signature, and the private key."""

    name: str
    key: Ed25519PrivateKey
    kind: int = ED25519

    @property
    def verifier(self) -> Verifier:
        """Return what verifies its signatures."""
        return Verifier(name=self.name, kind=self.kind, key=self.key.public_key().public_bytes_raw())

    def sign(self, text: str, time: int = 0) -> str:
        """Sign a text that ends with a line feed; `time` (seconds since 1970) is for cosignatures. Returns the line.

        Raises:
            Misuse: a note cannot have such a text, or such a name.
        """
        if not text.endswith("\n") or _CONTROLS.search(text) or not _NAME.fullmatch(self.name):
            raise Misuse("a note is plain text of whole lines, under a name without spaces and plus")
        stamp = time.to_bytes(_TIME_BYTES) if self.kind == COSIGNATURE else b""
        signature = self.key.sign(_signed(self.kind, text, time))
        value = base64.b64encode(self.verifier.id + stamp + signature).decode()
        return f"{_MARK}{self.name} {value}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLine:
    """Hold a line under a note: who is said to have signed, the key ID (4 bytes), and what follows it."""

    name: str
    id: bytes
    value: bytes

    def time_for(self, verifier: Verifier, text: str) -> int | None:
        """Verify it; return the time of a cosignature (seconds since 1970, 0 for other kinds), or None if it is not good."""
        is_timed = verifier.kind == COSIGNATURE
        stamp, signature = (self.value[:_TIME_BYTES], self.value[_TIME_BYTES:]) if is_timed else (b"", self.value)
        time = int.from_bytes(stamp)
        if len(signature) != _SIGNATURE_BYTES or time > _LAST_TIME:
            return None
        try:
            Ed25519PublicKey.from_public_bytes(verifier.key).verify(signature, _signed(verifier.kind, text, time))
        except InvalidSignature:
            return None
        return time


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Hold a note as it was read; nothing of it is believed before `verify`. `text` ends with a line feed."""

    text: str
    signatures: tuple[SignatureLine, ...]

    def verify(self, verifier: Verifier) -> int:
        """Return the time (seconds since 1970; 0 where the kind has none) of the signature by this key.

        Raises:
            Refused: `note-not-signed`: there is none, or one that is not good.
        """
        lines = [each for each in self.signatures if each.name == verifier.name and each.id == verifier.id]
        if not lines:
            raise Refused(UNSIGNED, f"{verifier.name} has not signed it")
        times = [each.time_for(verifier, self.text) for each in lines]
        if None in times or len(lines) > 1:
            raise Refused(UNSIGNED, f"A signature of {verifier.name} is not good")
        return times[0] or 0


def write_note(text: str, lines: Sequence[str]) -> str:
    """Put signature lines under a text."""
    return f"{text}\n{''.join(lines)}"


def read_note(note: str) -> Note:
    """Read a note.

    Raises:
        Refused: `note-malformed`.
    """
    text, gap, below = note.rpartition("\n\n")
    lines = below.removesuffix("\n").split("\n")
    if _CONTROLS.search(note) or len(note.encode()) > MAX_NOTE or not gap or not text or not note.endswith("\n"):
        raise Refused(NOT_A_NOTE)
    if not 0 < len(lines) <= MAX_SIGNATURES:
        raise Refused(NOT_A_NOTE, f"A note has 1 to {MAX_SIGNATURES} signatures")
    return Note(text=text + "\n", signatures=tuple(map(_read_line, lines)))


def read_vkey(vkey: str) -> Verifier:
    """Read a verifier key of a kind that is known here.

    Raises:
        Refused: `note-key-malformed`.
    """
    try:
        name, identifier, packed = vkey.strip().split("+", 2)
        kind, *key = base64.b64decode(packed, validate=True)
        verifier = Verifier(name=name, kind=kind, key=bytes(key))
    except (ValueError, binascii.Error):
        raise Refused(NOT_A_KEY) from None
    if not _NAME.fullmatch(name) or kind not in _KINDS or len(verifier.key) != _KEY_BYTES:
        raise Refused(NOT_A_KEY, "Its name or its kind is not known here")
    if verifier.id.hex() != identifier:
        raise Refused(NOT_A_KEY, f"The identifier of this key is {verifier.id.hex()}, not {identifier[:16]}")
    return verifier


def _read_line(line: str) -> SignatureLine:
    name, _, packed = line.removeprefix(_MARK).partition(" ")
    try:
        value = base64.b64decode(packed, validate=True)
    except (ValueError, binascii.Error):
        raise Refused(NOT_A_NOTE, "A signature cannot be read") from None
    if not line.startswith(_MARK) or not _NAME.fullmatch(name) or len(value) <= _ID_BYTES:
        raise Refused(NOT_A_NOTE, "A line below the text is no signature")
    return SignatureLine(name=name, id=value[:_ID_BYTES], value=value[_ID_BYTES:])


def _signed(kind: int, text: str, time: int) -> bytes:
    head = f"cosignature/v1\ntime {time}\n" if kind == COSIGNATURE else ""
    return f"{head}{text}".encode()
