"""What signatures there are inside the files of a message: looked at when a party asks, and judged anew every time.

Nothing of it decides whether a message is taken on, handed over or receipted (docs/decisions/0014).
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from envelopes.attachments import MEBIBYTE, UNKNOWN, sniff
from envelopes.edxml import Letter
from envelopes.inside.facts import FileKind
from envelopes.inside.kinds import HEADER, kind_of
from envelopes.inside.reasons import NOT_LOOKED_INTO, OVER_SIZE
from exchange.composing import read_document, unpack
from exchange.core.model import Attachment, Filed, MessageKey, Party
from exchange.core.reading import Reading, bytes_of
from exchange.errors import CONTENT_REMOVED
from exchange.inside import Inside, judge_inside, unread
from trust_store.errors import Refused, reason
from trust_store.evidence import Evidence

PENDING = reason(
    "file-pending",
    "The hub has not come to this file yet",
    "Ask again: what was looked at is remembered, and the others come next",
)
MOST: Final = 64 * MEBIBYTE
"""Bytes of a file, and of all files inside one letter together, that are looked into."""
BUDGET: Final = timedelta(seconds=60)
"""How long one request may go on to look into another file."""


class Place(StrEnum):
    """Say where a file of a message is: inside the letter, or beside it."""

    INSIDE = "inside"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """Say of one file of a message what it is and what its signatures come to; it is the `ordinal`th of its place, from 1.

    `name` and `media_type` of a file beside are as declared; of one inside, the type is what its bytes say.
    """

    place: Place
    ordinal: int
    name: str
    media_type: str
    size: int
    digest: str
    inside: Inside


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    place: Place
    ordinal: int
    name: str
    media_type: str
    size: int
    digest: str
    kind: FileKind
    data: bytes = field(default=b"", repr=False)
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspecting:
    """Look into the files of messages on behalf of a party that sent or received them."""

    reading: Reading

    async def files(self, party: Party, key: MessageKey) -> Sequence[Inspected]:
        """Tell of every file of a message, those inside first, what its signatures come to.

        Signers are judged as of when the hub took the message on, or as of a believed time-stamp before that.

        Raises:
            Refused: `not-found`, `content-removed`, or `storage-damaged`.
        """
        filed, _ = await self.reading.message(party, key)
        if filed.removed_at is not None:
            raise Refused(CONTENT_REMOVED, f"The content was removed on {filed.removed_at:%Y-%m-%d}")
        async with self.reading.inspector.room():
            return await self._look_at_all(filed)

    async def _look_at_all(self, filed: Filed) -> Sequence[Inspected]:
        hub, found = self.reading.hub, list[Inspected]()
        evidence, until = await hub.store.trust.evidence(), hub.clock.now() + BUDGET
        async with aclosing(self._files(filed)) as files:
            async for file in files:
                found.append(await self._look(file, evidence, filed.submitted_at, until))
        return found

    async def _files(self, filed: Filed) -> AsyncGenerator[_File, None]:
        """Give the files one after the other, so that no more than the letter and one of them is in memory."""
        hub = self.reading.hub
        data = await bytes_of(hub, filed)
        for file in await hub.workers.run(len(data), _inside, data):
            yield file
        del data
        for attachment in await hub.uploads.files.attachments(filed.key):
            yield await self._beside(filed, attachment)

    async def _beside(self, filed: Filed, attachment: Attachment) -> _File:
        hub = self.reading.hub
        await hub.uploads.open(filed, attachment.ordinal)
        head = b""
        async with aclosing(hub.blobs.stream(attachment.digest, 0, min(HEADER, attachment.size))) as pieces:
            async for piece in pieces:
                head += piece
        kind = kind_of(head)
        wanted, fits = kind is not FileKind.OTHER, attachment.size <= MOST
        return _File(
            place=Place.BESIDE,
            ordinal=attachment.ordinal,
            name=attachment.name,
            media_type=attachment.media_type,
            size=attachment.size,
            digest=attachment.digest,
            kind=kind,
            data=await hub.blobs.get(attachment.digest) if wanted and fits else b"",
            refusal=_too_large(attachment.size) if wanted and not fits else None,
        )

    async def _look(self, file: _File, evidence: Evidence, received: datetime, until: datetime) -> Inspected:
        inside = await self._judge(file, evidence, received, until)
        return Inspected(
            place=file.place,
            ordinal=file.ordinal,
            name=file.name,
            media_type=file.media_type,
            size=file.size,
            digest=file.digest,
            inside=inside,
        )

    async def _judge(self, file: _File, evidence: Evidence, received: datetime, until: datetime) -> Inside:
        hub, now = self.reading.hub, self.reading.hub.clock.now()
        if file.refusal is not None:
            return unread(file.kind, file.refusal)
        if file.kind is FileKind.OTHER:
            return unread(file.kind, Refused(NOT_LOOKED_INTO))
        if now >= until:
            return unread(file.kind, Refused(PENDING))
        facts = await self.reading.inspector.inspect(file.kind, file.digest, file.data)
        return judge_inside(facts, evidence, hub.policy, received, now)


def _inside(data: bytes) -> Sequence[_File]:
    """Take out of a letter what can be looked into, as long as it stays within `MOST` together."""
    letter = read_document(data)
    found, left = list[_File](), MOST
    for ordinal, item in enumerate(unpack(letter) if isinstance(letter, Letter) else (), start=1):
        kind = kind_of(item.data)
        wanted, fits = kind is not FileKind.OTHER and item.refusal is None, len(item.data) <= left
        left -= len(item.data) if wanted and fits else 0
        found.append(
            _File(
                place=Place.INSIDE,
                ordinal=ordinal,
                name=item.name,
                media_type=sniff(item.data, item.name) if item.data else UNKNOWN,
                size=len(item.data),
                digest=hashlib.sha256(item.data).hexdigest(),
                kind=kind,
                data=item.data if wanted and fits else b"",
                refusal=item.refusal or (_too_large(len(item.data)) if wanted and not fits else None),
            )
        )
    return found


def _too_large(size: int) -> Refused:
    return Refused(
        OVER_SIZE, f"The file has {size:,} bytes; {MOST:,} are looked into, in all files of a letter together"
    )
