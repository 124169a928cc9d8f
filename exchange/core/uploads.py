"""The path of a large file: announced, written piece by piece, compared with its digest, kept, recorded.

An upload is named by its party, its digest and its size, so whoever announces the same file again goes on where it stood.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from envelopes.opened import Envelope
from exchange.core.model import Attachment, Filed, Party, PartyId, derive
from exchange.core.ports import Blobs, Clock, Progress
from exchange.core.ports.files import Files, Partial, Partials, Room, Upload, UploadId
from exchange.errors import (
    CONTENT_REMOVED,
    DAMAGED,
    DIGEST_MISMATCH,
    FILE_TOO_LARGE,
    NOT_FOUND,
    NOT_STORED,
    REQUEST,
    Elsewhere,
)
from trust_store.errors import Refused

ORPHAN_AGE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Bound what a party may upload, and how long what is unfinished or unattached is kept."""

    file_bytes: int
    room: Room
    age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Tell how far an upload has come; the file is stored when `offset` is its size."""

    upload: Upload
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """Take large files on for the parties, never whole in memory."""

    files: Files
    blobs: Blobs
    partials: Partials
    clock: Clock
    progress: Progress
    allowance: Allowance

    async def begin(self, party: PartyId, digest: str, size: int) -> Standing:
        """Announce a file; the same again continues, and one that this party has stored already is there at once.

        Raises:
            Refused: `file-too-large`, `uploads-too-many`, `upload-quota`, or `digest-mismatch` when the stored file of this
                digest has another size.
        """
        if size > self.allowance.file_bytes:
            raise Refused(FILE_TOO_LARGE, f"The file has {size:,} bytes; {self.allowance.file_bytes:,} are allowed")
        now = self.clock.now()
        known = await self.files.get(party, digest)
        if known is not None and known.size != size:
            raise Refused(
                DIGEST_MISMATCH, f"The file with this SHA-256 is stored and has {known.size:,} bytes, not {size:,}"
            )
        if known is not None and not await self._is_kept(digest, size):
            await self.files.forget(known)
        upload = Upload(
            party=party,
            id=UploadId(derive("upload", party, digest, str(size))),
            size=size,
            digest=digest,
            created_at=now,
            expires_at=now + self.allowance.age,
        )
        await self.files.begin(upload, self.allowance.room)
        return await self.look(party, upload.id)

    async def look(self, party: PartyId, key: UploadId) -> Standing:
        """Tell how far an upload has come; one that came whole before a crash is finished now.

        Raises:
            Refused: `not-found`, or what finishing raises.
        """
        upload = await self._get(party, key)
        if await self.files.get(party, upload.digest) is not None:
            return Standing(upload=upload, offset=upload.size)
        length = await self.partials.length(key)
        if length >= upload.size:
            async with self.partials.hold(key) as partial:
                return await self._settle(upload, partial)
        return Standing(upload=upload, offset=length)

    async def append(self, party: PartyId, key: UploadId, offset: int, pieces: AsyncIterator[bytes]) -> Standing:
        """Write what comes behind `offset`; whatever stops it, what has come stays, and counts from then on.

        Raises:
            Elsewhere: the upload stands at another offset.
            Refused: `not-found`, `upload-locked`, `disk-full`, `digest-mismatch`, or what ends the pieces.
        """
        upload = await self._get(party, key)
        async with self.partials.hold(key) as partial:
            standing = await self._settle(upload, partial)
            if standing.offset != offset:
                raise Elsewhere(standing.offset, f"The upload stands at {standing.offset:,}, not at {offset:,}")
            if standing.offset == upload.size:
                return standing
            try:
                await _copy(pieces, partial, upload.size)
            finally:
                await partial.flush()
            # 1 append: fsynced. A crash leaves a part; the sender goes on behind it.
            self.progress.passed("upload.1-append")
            return await self._settle(upload, partial)

    async def end(self, party: PartyId, key: UploadId) -> None:
        """End an upload; its file goes too unless a letter has it.

        Raises:
            Refused: `not-found`, or `upload-locked` while something is being written.
        """
        upload = await self._get(party, key)
        async with self.partials.hold(key) as partial:
            await self.files.end(upload)
            await partial.discard()

    async def require(self, envelope: Envelope, sender: Party) -> Mapping[str, int]:
        """Return the sizes, by digest, of the files beside a letter; all must be stored, and by this sender.

        Raises:
            Refused: `attachment-not-stored`.
        """
        sizes = {}
        for item in envelope.detached:
            file = await self.files.get(sender.id, item.digest)
            if file is None or not await self._is_kept(file.digest, file.size):
                named = f"{item.name or item.content_id} (SHA-256 {item.digest})"
                raise Refused(NOT_STORED, f"{named} was not uploaded by {sender.name}", where=f"cid:{item.content_id}")
            sizes[item.digest] = file.size
        return sizes

    async def open(self, filed: Filed, ordinal: int) -> Attachment:
        """Return a file beside a message whose bytes can be streamed.

        Raises:
            Refused: `not-found`, `content-removed`, or `storage-damaged` when it is not as long as it was.
        """
        found = [item for item in await self.files.attachments(filed.key) if item.ordinal == ordinal]
        if not found:
            raise Refused(NOT_FOUND, f"The message has no file {ordinal} beside it")
        if filed.removed_at is not None:
            raise Refused(CONTENT_REMOVED, f"The content was removed on {filed.removed_at:%Y-%m-%d}")
        if not await self._is_kept(found[0].digest, found[0].size):
            raise Refused(DAMAGED, f"The stored file {found[0].digest} has changed")
        return found[0]

    async def sweep(self) -> None:
        """Forget uploads and unattached files whose time is over, and parts that belong to no upload any more."""
        now = self.clock.now()
        gone = await self.files.expire(now, now - self.allowance.age)
        stray = await self.partials.before(now - self.allowance.age - ORPHAN_AGE)
        for key in {*gone, *stray}:
            with suppress(Refused):  # somebody is writing: there will be another sweep
                async with self.partials.hold(key) as partial:
                    await partial.discard()

    async def _settle(self, upload: Upload, partial: Partial) -> Standing:
        """Finish an upload that has come whole, and tell how far it is."""
        if await self.files.get(upload.party, upload.digest) is not None:
            await partial.discard()
            return Standing(upload=upload, offset=upload.size)
        if partial.length < upload.size:
            return Standing(upload=upload, offset=partial.length)
        await self._finish(upload, partial)
        return Standing(upload=upload, offset=upload.size)

    async def _finish(self, upload: Upload, partial: Partial) -> None:
        # 2 check: compare with what was announced. A crash leaves the part; the next look finishes it.
        if not hmac.compare_digest(await partial.digest(), upload.digest):
            await self.files.end(upload)
            await partial.discard()
            raise Refused(DIGEST_MISMATCH, f"{upload.size:,} bytes came, and their SHA-256 is not {upload.digest}")
        self.progress.passed("upload.2-check")

        # 3 keep: under its digest, fsynced. A crash leaves the file under both names; the next look finishes it, and if
        #   nobody looks, the sweep removes both.
        await self.blobs.adopt(partial.path, upload.digest)
        self.progress.passed("upload.3-keep")

        # 4 commit: the file is the party's. A crash leaves a part that belongs to nothing; the sweep removes it.
        await self.files.complete(upload, self.clock.now())
        self.progress.passed("upload.4-commit")
        await partial.discard()

    async def _get(self, party: PartyId, key: UploadId) -> Upload:
        upload = await self.files.upload(party, key)
        if upload is None:
            raise Refused(NOT_FOUND, "There is no such upload; announce the file again")
        return upload

    async def _is_kept(self, digest: str, size: int) -> bool:
        try:
            return await self.blobs.size(digest) == size
        except Refused:
            return False


async def _copy(pieces: AsyncIterator[bytes], partial: Partial, size: int) -> None:
    async for piece in pieces:
        if partial.length + len(piece) > size:
            raise Refused(REQUEST, f"More came than the {size:,} bytes that were announced")
        await partial.write(piece)
