"""Every store of uploads knows whose files are whose, and every keeper of parts gives back exactly what was written."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import resource
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exchange.blobs.partials import LocalPartials
from exchange.core.model import Attachment
from exchange.core.ports.files import Room, Upload, UploadId
from exchange.storage.uploads import FileStore
from trust_store.errors import Misuse, Refused

KEY = UploadId("a" * 26)
DAY = timedelta(days=1)
ROOM = Room(uploads=3, bytes=1000)


@pytest.fixture
def files(backend):
    return FileStore(backend.database)


@pytest.fixture(params=["local"])
def partials(tmp_path):
    return LocalPartials(tmp_path / "parts")


def _upload(values, number: int = 1, *, size: int = 100, party: str = "") -> Upload:
    return Upload(
        party=party or values.sender,
        id=UploadId(f"{number:a>26}".replace("1", "b").replace("0", "c")),
        size=size,
        digest=hashlib.sha256(b"%d" % number).hexdigest(),
        created_at=values.at,
        expires_at=values.at + 7 * DAY,
    )


def _attach(values, filing, upload: Upload):
    attachment = Attachment(
        sender=filing.message.sender,
        message=filing.message.key,
        ordinal=1,
        content_id="c1",
        name="bản vẽ.dwg",
        media_type="",
        digest=upload.digest,
        size=upload.size,
    )
    return replace(filing, attachments=(attachment,))


async def _refused(attempt) -> str:
    with pytest.raises(Refused) as refusal:
        await attempt
    return refusal.value.reason.code


async def test_an_upload_is_its_partys_alone(files, values) -> None:
    upload = _upload(values)
    await files.begin(upload, ROOM)
    assert await files.upload(values.sender, upload.id) == upload
    assert await files.upload(values.other, upload.id) is None
    await files.complete(upload, values.at)
    assert (await files.get(values.sender, upload.digest)).size == upload.size
    assert await files.get(values.other, upload.digest) is None


async def test_beginning_again_gives_time_anew_and_needs_no_room(files, values) -> None:
    upload = _upload(values, size=1000)
    await files.begin(upload, ROOM)
    later = replace(upload, created_at=values.at + DAY, expires_at=values.at + 8 * DAY)
    await files.begin(later, ROOM)
    assert (await files.upload(values.sender, upload.id)).expires_at == later.expires_at


async def test_only_so_many_uploads_are_unfinished_at_once(files, values) -> None:
    uploads = [_upload(values, number, size=1) for number in (1, 10, 11, 100)]
    for upload in uploads[:3]:
        await files.begin(upload, ROOM)
    assert await _refused(files.begin(uploads[3], ROOM)) == "uploads-too-many"
    await files.begin(_upload(values, party=values.other), ROOM)
    await files.complete(uploads[0], values.at)
    await files.begin(uploads[3], ROOM)


async def test_unfinished_and_unattached_bytes_count_until_a_letter_has_them(backend, files, values) -> None:
    first, second = _upload(values, 1, size=600), _upload(values, 10, size=600)
    await files.begin(first, ROOM)
    assert await _refused(files.begin(second, ROOM)) == "upload-quota"
    await files.complete(first, values.at)
    assert await _refused(files.begin(second, ROOM)) == "upload-quota"
    await backend.messages.file(_attach(values, values.filing(), first))
    await files.begin(second, ROOM)


async def test_the_file_of_an_upload_that_ended_is_not_recorded(files, values) -> None:
    upload = _upload(values)
    await files.begin(upload, ROOM)
    await files.end(upload)
    await files.end(upload)
    assert await _refused(files.complete(upload, values.at)) == "not-found"
    assert await files.get(values.sender, upload.digest) is None


async def test_a_letter_takes_its_files_in_its_own_transaction(backend, files, values) -> None:
    upload, filing = _upload(values), values.filing()
    attached = _attach(values, filing, upload)
    assert await _refused(backend.messages.file(attached)) == "attachment-not-stored"
    assert await backend.messages.get(filing.message.key) is None
    await files.begin(upload, ROOM)
    await files.complete(upload, values.at)
    await backend.messages.file(attached)
    assert tuple(await files.attachments(filing.message.key)) == attached.attachments


async def test_another_partys_file_cannot_be_attached(backend, files, values) -> None:
    upload = _upload(values, party=values.other)
    await files.begin(upload, ROOM)
    await files.complete(upload, values.at)
    assert await _refused(backend.messages.file(_attach(values, values.filing(), upload))) == "attachment-not-stored"


async def test_a_file_is_referred_to_while_a_party_or_a_letter_has_it(backend, files, values) -> None:
    upload = _upload(values)
    assert not await backend.messages.has_blob(upload.digest)
    await files.begin(upload, ROOM)
    await files.complete(upload, values.at)
    assert await backend.messages.has_blob(upload.digest)
    await backend.messages.file(_attach(values, values.filing(), upload))
    await files.forget(await files.get(values.sender, upload.digest))
    assert await backend.messages.has_blob(upload.digest)


async def test_an_ended_upload_takes_its_file_along_unless_a_letter_has_it(backend, files, values) -> None:
    loose, attached = _upload(values, 1), _upload(values, 10)
    for upload in (loose, attached):
        await files.begin(upload, ROOM)
        await files.complete(upload, values.at)
    await backend.messages.file(_attach(values, values.filing(), attached))
    for upload in (loose, attached):
        await files.end(upload)
    assert await files.get(values.sender, loose.digest) is None
    assert await files.get(values.sender, attached.digest) is not None


async def test_time_ends_what_is_unfinished_or_unattached_and_nothing_else(backend, files, values) -> None:
    unfinished, loose, attached = (_upload(values, number) for number in (1, 10, 11))
    for upload in (unfinished, loose, attached):
        await files.begin(upload, ROOM)
    for upload in (loose, attached):
        await files.complete(upload, values.at)
    await backend.messages.file(_attach(values, values.filing(), attached))
    assert await files.expire(values.at, values.at) == []
    assert await files.get(values.sender, loose.digest) is not None
    now = values.at + 8 * DAY
    assert set(await files.expire(now, now - 7 * DAY)) == {unfinished.id, loose.id, attached.id}
    assert await files.upload(values.sender, unfinished.id) is None
    assert await files.get(values.sender, loose.digest) is None
    assert await files.get(values.sender, attached.digest) is not None


async def test_announcing_a_stored_file_again_keeps_it_longer(files, values) -> None:
    upload, now = _upload(values), values.at + 6 * DAY
    await files.begin(upload, ROOM)
    await files.complete(upload, values.at)
    await files.begin(replace(upload, created_at=now, expires_at=now + 7 * DAY), ROOM)
    await files.expire(values.at + 8 * DAY, values.at + DAY)
    assert await files.get(values.sender, upload.digest) is not None


async def test_what_was_written_is_there_with_its_digest(partials) -> None:
    data = os.urandom(1_000_003)
    async with partials.hold(KEY) as partial:
        for start in range(0, len(data), 70_000):
            await partial.write(data[start : start + 70_000])
        await partial.flush()
        assert partial.length == len(data) == await partials.length(KEY)
        assert await partial.digest() == hashlib.sha256(data).hexdigest()
        assert partial.path.read_bytes() == data


@pytest.mark.parametrize("is_new_process", [False, True])
async def test_a_part_goes_on_where_it_was_left(partials, tmp_path, is_new_process) -> None:
    first, second = os.urandom(300_000), os.urandom(5)
    async with partials.hold(KEY) as partial:
        await partial.write(first)
        await partial.flush()
    again = LocalPartials(tmp_path / "parts") if is_new_process else partials
    assert await again.length(KEY) == len(first)
    async with again.hold(KEY) as partial:
        assert partial.length == len(first)
        await partial.write(second)
        assert await partial.digest() == hashlib.sha256(first + second).hexdigest()


async def test_what_another_process_wrote_is_digested_too(partials, tmp_path) -> None:
    other = LocalPartials(tmp_path / "parts")
    pieces = [os.urandom(1000) for _ in range(4)]
    for keeper, piece in zip((partials, other, partials, other), pieces, strict=True):
        async with keeper.hold(KEY) as partial:
            await partial.write(piece)
            await partial.flush()
    async with partials.hold(KEY) as partial:
        assert await partial.digest() == hashlib.sha256(b"".join(pieces)).hexdigest()


async def test_one_alone_holds_a_part(partials, tmp_path) -> None:
    async with partials.hold(KEY):
        for keeper in (partials, LocalPartials(tmp_path / "parts")):
            with pytest.raises(Refused) as refusal:
                async with keeper.hold(KEY):
                    pass
            assert refusal.value.reason.code == "upload-locked"
        async with partials.hold(UploadId("b" * 26)):
            pass
    async with partials.hold(KEY):
        pass


async def test_a_discarded_part_begins_anew(partials) -> None:
    async with partials.hold(KEY) as partial:
        await partial.write(b"old")
        await partial.flush()
        await partial.discard()
    assert await partials.length(KEY) == 0
    async with partials.hold(KEY) as partial:
        await partial.write(b"new")
        assert await partial.digest() == hashlib.sha256(b"new").hexdigest()


async def test_a_write_that_is_given_up_leaves_a_part_that_goes_on(partials) -> None:
    data = os.urandom(8_000_000)

    has_begun = asyncio.Event()

    async def write() -> None:
        async with partials.hold(KEY) as partial:
            try:
                for start in range(0, len(data), 100_000):
                    await partial.write(data[start : start + 100_000])
                    if start == 1_000_000:
                        has_begun.set()
            finally:
                await partial.flush()

    writing = asyncio.create_task(write())
    await has_begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with partials.hold(KEY) as partial:
        kept = partial.length
        assert 0 < kept <= len(data)
        await partial.write(data[kept:])
        assert await partial.digest() == hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def _no_file_over(size: int) -> Iterator[None]:
    """Have the system refuse to write files larger than this, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_is_said_and_what_was_written_before_stays(partials) -> None:
    data = os.urandom(1_000_000)

    async def write() -> None:
        async with partials.hold(KEY) as partial:
            for start in range(0, len(data), 100_000):
                await partial.write(data[start : start + 100_000])

    with _no_file_over(700_000), pytest.raises(Refused) as refusal:
        await write()
    assert refusal.value.reason.code == "disk-full"
    async with partials.hold(KEY) as partial:
        kept = partial.length
        assert 0 < kept <= 700_000
        await partial.write(data[kept:])
        assert await partial.digest() == hashlib.sha256(data).hexdigest()


async def test_only_the_key_of_an_upload_names_a_part(partials) -> None:
    for key in ("", "..", "a/b", "A" * 26, "../" + "a" * 23):
        with pytest.raises(Misuse):
            await partials.length(UploadId(key))
        with pytest.raises(Misuse):
            async with partials.hold(UploadId(key)):
                pass


async def test_before_lists_what_was_last_written_before_a_moment(partials, tmp_path) -> None:
    assert await partials.before(datetime.now(UTC)) == []
    for key in (KEY, UploadId("b" * 26)):
        async with partials.hold(key) as partial:
            await partial.write(b"x")
            await partial.flush()
    os.utime(tmp_path / "parts" / KEY, (1, 1))
    assert await partials.before(datetime.now(UTC) - DAY) == [KEY]
    assert len(await partials.before(datetime.now(UTC) + DAY)) == 2
