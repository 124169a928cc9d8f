"""What the exchange needs to take large files on piece by piece, and to know whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NewType, Protocol

from exchange.core.model import Attachment, MessageKey, PartyId

UploadId = NewType("UploadId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Describe a file that a party announced: its size, its SHA-256 (hex), and until when it may come."""

    party: PartyId
    id: UploadId
    size: int
    digest: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """Describe a file that a party has uploaded whole, and may attach to its letters."""

    party: PartyId
    digest: str
    size: int
    stored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Bound what a party may have unfinished or unattached: uploads at once, and bytes together."""

    uploads: int
    bytes: int


class Files(Protocol):
    """Know which party uploads and uploaded what. Of another party's files nothing is known here."""

    async def begin(self, upload: Upload, room: Room) -> None:
        """Record an upload, or give the one of this id its time anew; so also its file, if that is stored already.

        `Refused` (uploads-too-many, upload-quota) when there is no room for a file that is not stored yet.
        """
        ...

    async def upload(self, party: PartyId, key: UploadId) -> Upload | None:
        """Return a party's own upload."""
        ...

    async def complete(self, upload: Upload, at: datetime) -> None:
        """Record that the file of an upload is stored; `Refused` (not-found) when the upload ended meanwhile."""
        ...

    async def end(self, upload: Upload) -> None:
        """Forget an upload, and its file unless a letter of the party has it; again changes nothing."""
        ...

    async def get(self, party: PartyId, digest: str) -> StoredFile | None:
        """Return a party's own file."""
        ...

    async def forget(self, file: StoredFile) -> None:
        """Forget that a party has a file; letters that have it keep it."""
        ...

    async def attachments(self, message: MessageKey) -> Sequence[Attachment]:
        """List the files beside a message, in their order."""
        ...

    async def expire(self, now: datetime, stored_before: datetime) -> Sequence[UploadId]:
        """Forget uploads whose time is over and files that no letter has and that were stored before; list the uploads."""
        ...


class Partial(Protocol):
    """Be the part of a file that has come, held by one alone."""

    @property
    def path(self) -> Path:
        """Locate the part."""
        ...

    @property
    def length(self) -> int:
        """Tell how many bytes were written."""
        ...

    async def write(self, piece: bytes) -> None:
        """Add bytes at the end; `Refused` (disk-full) when there is no space, and what was written before stays."""
        ...

    async def flush(self) -> None:
        """Return when everything that was written survives a power cut."""
        ...

    async def digest(self) -> str:
        """Return the SHA-256 (hex) of everything that was written."""
        ...

    async def discard(self) -> None:
        """Remove the part."""
        ...


class Partials(Protocol):
    """Keep the parts of files that have not come whole, named by their uploads; they survive the process."""

    def hold(self, key: UploadId) -> AbstractAsyncContextManager[Partial]:
        """Hold a part, new or not, so that nobody else does; `Refused` (upload-locked) when somebody does."""
        ...

    async def length(self, key: UploadId) -> int:
        """Tell how many bytes of a part would survive a power cut now; 0 when there is none."""
        ...

    async def before(self, moment: datetime) -> Sequence[UploadId]:
        """List the parts that were last written before a moment."""
        ...
