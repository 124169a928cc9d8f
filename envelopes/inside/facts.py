"""What can be told of the signatures inside a file without asking whom to trust: a value that crosses from a process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trust_store.errors import CATALOGUE, Reason, Refused, shorten

MAX_MARKS = 16
"""How many signatures of one file are looked at."""
MAX_TEXT = 200


class FileKind(StrEnum):
    """Name the kinds of file, as far as signatures inside them go."""

    PDF = "pdf"
    XML = "xml"
    OTHER = "other"


class MarkKind(StrEnum):
    """Say what a signature is for: to sign, to certify the document and limit its changes, or to state a time only."""

    SIGNATURE = "signature"
    CERTIFICATION = "certification"
    TIME_STAMP = "time-stamp"


class Cover(StrEnum):
    """Say how much of the file the signature covers; a revision is the file as it was when it was signed."""

    WHOLE = "whole"
    REVISION = "revision"
    PART = "part"
    NOTHING = "nothing"


class Change(StrEnum):
    """Say what was changed after signing, by the highest level that occurs (ISO 32000-2, 12.8.2.2; EN 319 142-1)."""

    NONE = "none"
    ARCHIVAL = "archival"
    FORM = "form-filling"
    NOTES = "annotations"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Hold a refusal in the form that crosses from a process: the code of its reason, and what failed here."""

    code: str
    detail: str

    @property
    def reason(self) -> Reason:
        """Give the rule that was broken."""
        return CATALOGUE[self.code]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Hold an RFC 3161 time-stamp: its time (UTC), the certificates of its signer (DER, first) and, if any, its fault."""

    at: datetime
    chain: tuple[bytes, ...] = ()
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Hold one signature: who signed (DER, the signer's first), what it covers, what came after, and its first fault.

    `name` is that of its field (PDF) or its Id (XML). `parts` name what it covers in XML. `claimed_time` is what the signer
    says. `revision` counts from 1, 0 where there are none.
    """

    name: str
    kind: MarkKind = MarkKind.SIGNATURE
    chain: tuple[bytes, ...] = ()
    algorithm: str = ""
    claimed_time: datetime | None = None
    stamps: tuple[Stamp, ...] = ()
    cover: Cover = Cover.NOTHING
    parts: tuple[str, ...] = ()
    change: Change = Change.UNKNOWN
    revision: int = 0
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Hold what a file says: its signatures, oldest first; what of an XML document nobody signed; or why it says nothing."""

    kind: FileKind
    marks: tuple[Mark, ...] = ()
    bare: tuple[str, ...] = ()
    fault: Fault | None = None


def fault_of(refusal: Refused) -> Fault:
    """Write a refusal as a fault."""
    where = f" ({refusal.where})" if refusal.where else ""
    return Fault(code=refusal.reason.code, detail=refusal.detail + where)


def tidy(text: object) -> str:
    """Make a text out of a file fit to be shown: printable, and not longer than a line or two."""
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in str(text)[: MAX_TEXT + 1])
    return shorten(shown, MAX_TEXT)
