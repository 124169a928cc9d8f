"""Every blob store gives back exactly what went in, or says why not."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from trust_store.errors import Misuse, Refused

DATA = b"<edXML/>" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()
HOUR = timedelta(hours=1)


def _now():
    return datetime.now(UTC)


async def test_what_was_put_is_got(shelf) -> None:
    for data in (b"", DATA, os.urandom(3_000_000)):
        digest = hashlib.sha256(data).hexdigest()
        await shelf.blobs.put(digest, data)
        assert await shelf.blobs.get(digest) == data


async def test_putting_the_same_again_changes_nothing(shelf) -> None:
    for _ in range(2):
        await shelf.blobs.put(DIGEST, DATA)
    assert await shelf.blobs.get(DIGEST) == DATA
    assert await shelf.blobs.before(_now() + HOUR) == [DIGEST]


async def test_many_at_once_put_the_same(shelf) -> None:
    await asyncio.gather(*(shelf.blobs.put(DIGEST, DATA) for _ in range(30)))
    assert await shelf.blobs.get(DIGEST) == DATA
    assert await shelf.blobs.before(_now() + HOUR) == [DIGEST]


async def test_many_at_once_put_and_get(shelf) -> None:
    blobs = {hashlib.sha256(data).hexdigest(): data for data in (b"%d" % number for number in range(60))}
    await asyncio.gather(*(shelf.blobs.put(digest, data) for digest, data in blobs.items()))
    found = await asyncio.gather(*(shelf.blobs.get(digest) for digest in blobs))
    assert found == list(blobs.values())


async def test_what_is_not_there_is_not_found(shelf) -> None:
    with pytest.raises(Refused) as refusal:
        await shelf.blobs.get(DIGEST)
    assert refusal.value.reason.code == "not-found"


@pytest.mark.parametrize("left", [b"", DATA[:-1], DATA + b" ", DATA.replace(b"X", b"Y", 1)])
async def test_damage_is_never_handed_out(shelf, left) -> None:
    await shelf.blobs.put(DIGEST, DATA)
    shelf.damage(DIGEST, left)
    with pytest.raises(Refused) as refusal:
        await shelf.blobs.get(DIGEST)
    assert refusal.value.reason.code == "storage-damaged"


@pytest.mark.parametrize(
    "name", ["", "..", "../../hub.db", "/etc/passwd", "a" * 63, "a" * 65, "A" * 64, "../" + "a" * 61, "a" * 63 + "\0"]
)
async def test_only_a_digest_names_a_blob(shelf, name) -> None:
    for attempt in (shelf.blobs.put(name, DATA), shelf.blobs.get(name), shelf.blobs.discard(name, _now())):
        with pytest.raises(Misuse):
            await attempt
    assert await shelf.blobs.before(_now() + HOUR) == []


async def test_before_lists_what_was_last_put_before_a_moment(shelf) -> None:
    old, new = (hashlib.sha256(data).hexdigest() for data in (b"old", b"new"))
    await shelf.blobs.put(old, b"old")
    await shelf.blobs.put(new, b"new")
    shelf.age(old, _now() - 2 * HOUR)
    assert await shelf.blobs.before(_now() - HOUR) == [old]
    await shelf.blobs.put(old, b"old")
    assert await shelf.blobs.before(_now() - HOUR) == []
    assert sorted(await shelf.blobs.before(_now() + HOUR)) == sorted([old, new])


async def test_what_is_discarded_is_gone_and_again_is_no_matter(shelf) -> None:
    await shelf.blobs.put(DIGEST, DATA)
    assert await shelf.blobs.discard(DIGEST, _now() + HOUR)
    assert not await shelf.blobs.discard(DIGEST, _now() + HOUR)
    assert await shelf.blobs.before(_now() + HOUR) == []
    with pytest.raises(Refused):
        await shelf.blobs.get(DIGEST)
    await shelf.blobs.put(DIGEST, DATA)
    assert await shelf.blobs.get(DIGEST) == DATA


async def test_what_was_put_again_meanwhile_stays(shelf) -> None:
    await shelf.blobs.put(DIGEST, DATA)
    shelf.age(DIGEST, _now() - 2 * HOUR)
    before = _now() - HOUR
    assert await shelf.blobs.before(before) == [DIGEST]
    await shelf.blobs.put(DIGEST, DATA)
    assert not await shelf.blobs.discard(DIGEST, before)
    assert await shelf.blobs.get(DIGEST) == DATA


async def test_a_put_beside_a_discard_is_never_lost(shelf) -> None:
    for _ in range(50):
        await shelf.blobs.put(DIGEST, DATA)
        shelf.age(DIGEST, _now() - 2 * HOUR)
        await asyncio.gather(shelf.blobs.discard(DIGEST, _now() - HOUR), shelf.blobs.put(DIGEST, DATA))
        assert await shelf.blobs.get(DIGEST) == DATA
    assert await shelf.blobs.before(_now() + HOUR) == [DIGEST]


async def _collect(shelf, digest: str, start: int, end: int) -> bytes:
    async with aclosing(shelf.blobs.stream(digest, start, end)) as pieces:
        return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize(("start", "end"), [(0, 700_000), (0, 0), (0, 1), (699_999, 700_000), (262_143, 524_289)])
async def test_any_part_is_streamed(shelf, start, end) -> None:
    data = os.urandom(700_000)
    digest = hashlib.sha256(data).hexdigest()
    await shelf.blobs.put(digest, data)
    assert await shelf.blobs.size(digest) == len(data)
    assert await _collect(shelf, digest, start, end) == data[start:end]


async def test_what_is_not_there_has_no_size_and_is_not_streamed(shelf) -> None:
    for attempt in (shelf.blobs.size(DIGEST), _collect(shelf, DIGEST, 0, 1)):
        with pytest.raises(Refused) as refusal:
            await attempt
        assert refusal.value.reason.code == "not-found"


async def test_a_shortened_file_is_refused_before_the_first_byte(shelf) -> None:
    await shelf.blobs.put(DIGEST, DATA)
    shelf.damage(DIGEST, DATA[:-1])
    assert await shelf.blobs.size(DIGEST) == len(DATA) - 1
    with pytest.raises(Refused) as refusal:
        await _collect(shelf, DIGEST, 0, len(DATA))
    assert refusal.value.reason.code == "storage-damaged"


async def test_an_adopted_file_is_kept_and_the_name_that_it_had_may_go(shelf, tmp_path) -> None:
    part = tmp_path / "part"
    part.write_bytes(DATA)
    for _ in range(2):
        await shelf.blobs.adopt(part, DIGEST)
    assert part.read_bytes() == DATA
    part.unlink()
    assert await shelf.blobs.get(DIGEST) == DATA
    assert await shelf.blobs.before(_now() + HOUR) == [DIGEST]


async def test_an_adopted_file_takes_the_place_of_a_damaged_one(shelf, tmp_path) -> None:
    await shelf.blobs.put(DIGEST, DATA)
    shelf.damage(DIGEST, b"something else")
    (tmp_path / "part").write_bytes(DATA)
    await shelf.blobs.adopt(tmp_path / "part", DIGEST)
    assert await shelf.blobs.get(DIGEST) == DATA


async def test_an_adopted_file_is_young_however_long_it_took_to_come(shelf, tmp_path) -> None:
    (tmp_path / "part").write_bytes(DATA)
    os.utime(tmp_path / "part", (1, 1))
    await shelf.blobs.adopt(tmp_path / "part", DIGEST)
    assert await shelf.blobs.before(_now() - HOUR) == []
    assert not await shelf.blobs.discard(DIGEST, _now() - HOUR)


async def test_what_is_being_read_may_be_discarded(shelf) -> None:
    data = os.urandom(700_000)
    digest = hashlib.sha256(data).hexdigest()
    await shelf.blobs.put(digest, data)
    async with aclosing(shelf.blobs.stream(digest, 0, len(data))) as pieces:
        read = [await anext(pieces)]
        assert await shelf.blobs.discard(digest, _now() + HOUR)
        read += [piece async for piece in pieces]
    assert b"".join(read) == data
