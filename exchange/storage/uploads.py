"""The store of uploads, of the files that parties have uploaded, and of the attachments that letters made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, exists, func, insert, select, union_all, update

from exchange.core.model import Attachment, MessageKey, PartyId
from exchange.core.ports.files import Room, StoredFile, Upload, UploadId
from exchange.errors import NOT_FOUND, NOT_STORED, UPLOAD_QUOTA, UPLOADS_TOO_MANY
from exchange.storage.schema import ATTACHMENTS, FILES, MESSAGES, UPLOADS
from exchange.storage.session import Database, Row, Session, micros, moment
from trust_store.errors import Refused

_A, _F, _U = ATTACHMENTS.c, FILES.c, UPLOADS.c
_KEPT = MESSAGES.c.removed_at.is_(None)
_ATTACHED = exists(
    select(_A.ordinal)
    .join(MESSAGES, MESSAGES.c.key == _A.message)
    .where(_A.sender == _F.party, _A.digest == _F.digest, _KEPT)
)
_STORED = exists(select(_F.size).where(_F.party == _U.party, _F.digest == _U.digest))

_UPLOAD = select(UPLOADS).where(_U.party == bindparam("party"), _U.id == bindparam("id"))
_UNFINISHED = select(func.count(), func.coalesce(func.sum(_U.size), 0)).where(_U.party == bindparam("party"), ~_STORED)
_UNATTACHED = select(func.coalesce(func.sum(_F.size), 0)).where(_F.party == bindparam("party"), ~_ATTACHED)
_RENEW = (
    update(UPLOADS)
    .where(_U.party == bindparam("whose"), _U.id == bindparam("which"))
    .values(expires_at=bindparam("until"))
)
_END = delete(UPLOADS).where(_U.party == bindparam("party"), _U.id == bindparam("id"))
_EXPIRED = select(_U.id).where(_U.expires_at < bindparam("now"))
_EXPIRE = delete(UPLOADS).where(_U.expires_at < bindparam("now"))

_FILE = select(FILES).where(_F.party == bindparam("party"), _F.digest == bindparam("digest"))
_TOUCH = (
    update(FILES)
    .where(_F.party == bindparam("whose"), _F.digest == bindparam("which"))
    .values(stored_at=bindparam("at"))
)
_FORGET = delete(FILES).where(_F.party == bindparam("party"), _F.digest == bindparam("digest"))
_FORGET_UNATTACHED = _FORGET.where(~_ATTACHED)
_FORGET_OLD = delete(FILES).where(_F.stored_at < bindparam("before"), ~_ATTACHED)

_OF_MESSAGE = select(ATTACHMENTS).where(_A.message == bindparam("message")).order_by(_A.ordinal)
_REFERS = union_all(
    select(_F.digest).where(_F.digest == bindparam("digest")),
    select(_A.digest).join(MESSAGES, MESSAGES.c.key == _A.message).where(_A.digest == bindparam("digest"), _KEPT),
).limit(1)
_INSERT_UPLOAD, _INSERT_FILE, _INSERT_ATTACHMENT = insert(UPLOADS), insert(FILES), insert(ATTACHMENTS)


def insert_attachments(session: Session, attachments: Sequence[Attachment]) -> None:
    """Record the files beside a message, in its transaction: from now on they stay as long as it does.

    Raises:
        Refused: `attachment-not-stored`: a file went while the letter was being taken on.
    """
    for item in attachments:
        if not session.rows(_FILE, party=item.sender, digest=item.digest):
            raise Refused(NOT_STORED, f"{item.name} (SHA-256 {item.digest})", where=f"cid:{item.content_id}")
        session.rows(_INSERT_ATTACHMENT, **{column.name: getattr(item, column.name) for column in ATTACHMENTS.columns})


def has_file(session: Session, digest: str) -> bool:
    """Tell whether any party or any message has a file with this digest."""
    return bool(session.rows(_REFERS, digest=digest))


class FileStore:
    """Know which party uploads and uploaded what; see `ports.files.Files`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, upload: Upload, room: Room) -> None:
        """Record an upload, or give the one of this id its time anew; so also its file, if that is stored already."""
        await self._database.transact(lambda session: _begin(session, upload, room))

    async def upload(self, party: PartyId, key: UploadId) -> Upload | None:
        """Return a party's own upload."""
        rows = await self._database.read(lambda session: session.rows(_UPLOAD, party=party, id=key))
        return _upload(rows[0]) if rows else None

    async def complete(self, upload: Upload, at: datetime) -> None:
        """Record that the file of an upload is stored."""

        def unit(session: Session) -> None:
            if not session.rows(_UPLOAD, party=upload.party, id=upload.id):
                raise Refused(NOT_FOUND, "The upload was ended meanwhile; announce the file again")
            values = {"party": upload.party, "digest": upload.digest}
            session.rows(_FORGET, **values)
            session.rows(_INSERT_FILE, **values, size=upload.size, stored_at=micros(at))

        await self._database.transact(unit)

    async def end(self, upload: Upload) -> None:
        """Forget an upload, and its file unless a letter of the party has it."""

        def unit(session: Session) -> None:
            session.rows(_END, party=upload.party, id=upload.id)
            session.rows(_FORGET_UNATTACHED, party=upload.party, digest=upload.digest)

        await self._database.transact(unit)

    async def get(self, party: PartyId, digest: str) -> StoredFile | None:
        """Return a party's own file."""
        rows = await self._database.read(lambda session: session.rows(_FILE, party=party, digest=digest))
        return _file(rows[0]) if rows else None

    async def forget(self, file: StoredFile) -> None:
        """Forget that a party has a file."""
        await self._database.transact(lambda session: session.rows(_FORGET, party=file.party, digest=file.digest))

    async def attachments(self, message: MessageKey) -> Sequence[Attachment]:
        """List the files beside a message, in their order."""
        rows = await self._database.read(lambda session: session.rows(_OF_MESSAGE, message=message))
        return [Attachment(**dict(zip(ATTACHMENTS.columns.keys(), row, strict=True))) for row in rows]

    async def expire(self, now: datetime, stored_before: datetime) -> Sequence[UploadId]:
        """Forget uploads whose time is over and files that no letter has and that were stored before."""

        def unit(session: Session) -> Sequence[UploadId]:
            gone = [UploadId(key) for (key,) in session.rows(_EXPIRED, now=micros(now))]
            session.rows(_EXPIRE, now=micros(now))
            session.rows(_FORGET_OLD, before=micros(stored_before))
            return gone

        return await self._database.transact(unit)


def _begin(session: Session, upload: Upload, room: Room) -> None:
    is_stored = session.rows(_FILE, party=upload.party, digest=upload.digest)
    is_known = session.rows(_UPLOAD, party=upload.party, id=upload.id)
    if is_stored:
        session.rows(_TOUCH, whose=upload.party, which=upload.digest, at=micros(upload.created_at))
    elif not is_known:
        _check_room(session, upload, room)
    if is_known:
        session.rows(_RENEW, whose=upload.party, which=upload.id, until=micros(upload.expires_at))
        return
    values: dict[str, object] = {column.name: getattr(upload, column.name) for column in UPLOADS.columns}
    moments = {"created_at": micros(upload.created_at), "expires_at": micros(upload.expires_at)}
    session.rows(_INSERT_UPLOAD, **(values | moments))


def _check_room(session: Session, upload: Upload, room: Room) -> None:
    ((count, coming),) = session.rows(_UNFINISHED, party=upload.party)
    ((kept,),) = session.rows(_UNATTACHED, party=upload.party)
    if count >= room.uploads:
        raise Refused(UPLOADS_TOO_MANY, f"{count} uploads are unfinished; {room.uploads} are allowed")
    wanted = int(coming) + int(kept) + upload.size
    if wanted > room.bytes:
        raise Refused(UPLOAD_QUOTA, f"With this file there would be {wanted:,} bytes; {room.bytes:,} are allowed")


def _upload(row: Row) -> Upload:
    values = dict(zip(UPLOADS.columns.keys(), row, strict=True))
    return Upload(**(values | {name: moment(values[name]) for name in ("created_at", "expires_at")}))


def _file(row: Row) -> StoredFile:
    values = dict(zip(FILES.columns.keys(), row, strict=True))
    return StoredFile(**(values | {"stored_at": moment(values["stored_at"])}))
