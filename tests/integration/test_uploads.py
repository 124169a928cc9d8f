"""Files beside letters: uploaded by tus in whatever pieces the line allows, named by letters, downloaded in parts."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import io
import os
import resource
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from envelopes.drafting import FileBeside, digests
from envelopes.edxml import build
from envelopes.signature.sign import sign
from exchange import transfer
from exchange.api.app import STREAMS
from exchange.client import HubRefused
from exchange.core.sweep import discard_orphans
from trust_store.errors import Refused

DATA = os.urandom(1_500_000)
TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {**TUS, "Content-Type": "application/offset+octet-stream"}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _announcing(size: int, digest: str) -> dict[str, str]:
    value = base64.b64encode(digest.encode()).decode()
    return {**TUS, "Upload-Length": str(size), "Upload-Metadata": f"filename YQ==,sha256 {value}"}


async def _announce(hub, by: str, data: bytes = DATA):
    return await hub.ask("POST", "/v1/uploads", by=by, headers=_announcing(len(data), _digest(data)))


async def _patch(hub, by: str, location: str, offset: int, data: bytes):
    return await hub.ask(
        "PATCH", location, by=by, headers={**OCTETS, "Upload-Offset": str(offset)}, data=io.BytesIO(data)
    )


async def _offset(hub, by: str, location: str) -> int:
    return int((await hub.ask("HEAD", location, by=by, headers=TUS)).headers["Upload-Offset"])


async def _upload(hub, by: str, data: bytes = DATA) -> str:
    """Upload whole, and return the location."""
    location: str = (await _announce(hub, by, data)).headers["Location"]
    answer = await _patch(hub, by, location, 0, data)
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(data)))
    return location


@contextlib.asynccontextmanager
async def _begun(hub, by: str, location: str, offset: int, piece: bytes, length: int):
    """Send the first bytes of a PATCH and no more while the block runs; then cut the line."""
    host, port = hub.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = {
        "Host": host,
        "Authorization": f"Bearer {hub.token(by)}",
        **OCTETS,
        "Upload-Offset": str(offset),
        "Content-Length": str(length),
    }
    head = "\r\n".join([f"PATCH {location} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())])
    writer.write(head.encode() + b"\r\n\r\n" + piece)
    await writer.drain()
    try:
        yield reader
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _reached(hub, by: str, location: str, at_least: int) -> int:
    """Ask until so many bytes have come, and return how many."""
    async with asyncio.timeout(30):
        while (offset := await _offset(hub, by, location)) < at_least:
            pass
    return offset


async def _settled(hub, code, location, least: int) -> int:
    """Return the offset once the hub let go of a line that was cut: an empty PATCH is taken then."""
    async with asyncio.timeout(20):
        while True:
            offset = int((await hub.ask("HEAD", location, by=code, headers=TUS)).headers["Upload-Offset"])
            if offset >= least and (await _patch(hub, code, location, offset, b"")).status == 204:
                return offset
            await asyncio.sleep(0.02)


def _letter(hub, sender: str, *receivers: str, files, **fields) -> bytes:
    listed = [FileBeside(name=name, digest=_digest(data), size=len(data)) for name, data in files]
    letter = hub.letter(sender, *receivers, detached=listed, **fields)
    return sign(build(letter), hub.key(sender), digests(letter, listed))


@pytest.fixture
async def sent(hub) -> str:
    await _upload(hub, hub.lam_son)
    data = _letter(hub, hub.lam_son, hub.environment, files=[("Bản vẽ số 1.dwg", DATA)])
    return (await hub.submit(hub.lam_son, data)).message


async def test_what_is_spoken_is_told(hub) -> None:
    answer = await hub.ask("OPTIONS", "/v1/uploads", by=hub.lam_son)
    assert (answer.status, answer.headers["Tus-Version"]) == (204, "1.0.0")
    assert set(answer.headers["Tus-Extension"].split(",")) == {"creation", "termination", "expiration"}
    assert int(answer.headers["Tus-Max-Size"]) == hub.exchange.settings.max_file_bytes


async def test_a_file_comes_in_pieces_and_is_attached(hub) -> None:
    created = await _announce(hub, hub.lam_son)
    location = created.headers["Location"]
    assert (created.status, created.headers["Upload-Offset"]) == (201, "0")
    assert created.headers["Tus-Resumable"] == "1.0.0"
    assert created.headers["Upload-Expires"].endswith("GMT")
    for start, end in ((0, 10), (10, 700_000), (700_000, len(DATA))):
        answer = await _patch(hub, hub.lam_son, location, start, DATA[start:end])
        assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(end))
        assert await _offset(hub, hub.lam_son, location) == end
    assert await hub.exchange.hub.blobs.get(_digest(DATA)) == DATA
    assert list((hub.folder / "blobs" / "parts").iterdir()) == []
    view = await hub.submit(
        hub.lam_son, _letter(hub, hub.lam_son, hub.environment, files=[("a.bin", DATA), ("b.bin", DATA)])
    )
    listed = await (await hub.client(hub.environment)).attachments(view.message)
    assert [(item.ordinal, item.name, item.size, item.digest) for item in listed] == [
        (1, "a.bin", len(DATA), _digest(DATA)),
        (2, "b.bin", len(DATA), _digest(DATA)),
    ]


async def test_an_empty_file_is_there_at_once(hub) -> None:
    assert (await _announce(hub, hub.lam_son, b"")).headers["Upload-Offset"] == "0"
    data = _letter(hub, hub.lam_son, hub.environment, files=[("empty", b"")])
    view = await hub.submit(hub.lam_son, data)
    answer = await hub.ask("GET", f"/v1/messages/{view.message}/attachments/1", by=hub.environment)
    assert (answer.status, answer.body) == (200, b"")


async def test_what_came_before_the_line_was_cut_counts(hub) -> None:
    location = (await _announce(hub, hub.lam_son)).headers["Location"]
    async with _begun(hub, hub.lam_son, location, 0, DATA[:600_000], len(DATA)):
        await _reached(hub, hub.lam_son, location, 1)  # a line that the hub has not taken up yet could come later
    offset = await _settled(hub, hub.lam_son, location, 1)
    assert 0 <= offset <= 600_000
    async with _begun(hub, hub.lam_son, location, offset, DATA[offset:900_000], len(DATA) - offset):
        await _reached(hub, hub.lam_son, location, 600_000)
    offset = await _settled(hub, hub.lam_son, location, 600_000)
    assert 600_000 <= offset <= 900_000
    assert (await _patch(hub, hub.lam_son, location, offset, DATA[offset:])).status == 204
    assert await hub.exchange.hub.blobs.get(_digest(DATA)) == DATA


async def test_only_where_it_stands_does_it_go_on(hub) -> None:
    location = (await _announce(hub, hub.lam_son)).headers["Location"]
    await _patch(hub, hub.lam_son, location, 0, DATA[:1000])
    for wrong in (0, 999, 1001, len(DATA), 10**17):
        answer = await _patch(hub, hub.lam_son, location, wrong, DATA[wrong:])
        assert (answer.status, answer.problem()["code"]) == (409, "upload-offset")
        assert answer.headers["Upload-Offset"] == "1000"
    await _patch(hub, hub.lam_son, location, 1000, DATA[1000:])
    assert (await _patch(hub, hub.lam_son, location, len(DATA), b"")).status == 204
    assert (await _patch(hub, hub.lam_son, location, 0, DATA)).status == 409


async def test_two_at_once_are_not_let_write(hub) -> None:
    location = (await _announce(hub, hub.lam_son)).headers["Location"]
    async with _begun(hub, hub.lam_son, location, 0, DATA[:600_000], len(DATA)):
        await _reached(hub, hub.lam_son, location, 262_144)
        answer = await _patch(hub, hub.lam_son, location, 0, DATA)
        assert (answer.status, answer.problem()["code"]) == (423, "upload-locked")
        ended = await hub.ask("DELETE", location, by=hub.lam_son, headers=TUS)
        assert ended.problem()["code"] == "upload-locked"
    offset = await _settled(hub, hub.lam_son, location, 262_144)
    await _patch(hub, hub.lam_son, location, offset, DATA[offset:])
    assert await hub.exchange.hub.blobs.get(_digest(DATA)) == DATA


async def test_other_bytes_than_announced_are_refused_and_removed(hub) -> None:
    location = (await _announce(hub, hub.lam_son)).headers["Location"]
    answer = await _patch(hub, hub.lam_son, location, 0, DATA[:-1] + b"?")
    assert (answer.status, answer.problem()["code"]) == (422, "digest-mismatch")
    assert (await hub.ask("HEAD", location, by=hub.lam_son, headers=TUS)).status == 404
    assert list((hub.folder / "blobs" / "parts").iterdir()) == []
    with pytest.raises(Refused):
        await hub.exchange.hub.blobs.size(_digest(DATA))
    assert await _upload(hub, hub.lam_son) == location


async def test_more_bytes_than_announced_are_refused(hub) -> None:
    location = (await _announce(hub, hub.lam_son)).headers["Location"]
    answer = await _patch(hub, hub.lam_son, location, 0, DATA + b"?")
    assert answer.problem()["code"] == "request-malformed"
    offset = await _offset(hub, hub.lam_son, location)
    assert (await _patch(hub, hub.lam_son, location, offset, DATA[offset:])).status == 204


async def test_the_same_file_again_is_there_at_once(hub) -> None:
    location = await _upload(hub, hub.lam_son)
    again = await _announce(hub, hub.lam_son)
    assert (again.headers["Location"], again.headers["Upload-Offset"]) == (location, str(len(DATA)))


async def test_an_interrupted_file_announced_again_goes_on(hub) -> None:
    location = (await _announce(hub, hub.lam_son)).headers["Location"]
    await _patch(hub, hub.lam_son, location, 0, DATA[:1000])
    again = await _announce(hub, hub.lam_son)
    assert (again.headers["Location"], again.headers["Upload-Offset"]) == (location, "1000")


async def test_to_know_a_digest_is_not_to_have_the_file(hub) -> None:
    location = await _upload(hub, hub.lam_son)
    assert (await _announce(hub, hub.ham_rong)).headers["Upload-Offset"] == "0"
    assert (await hub.ask("HEAD", location, by=hub.ham_rong, headers=TUS)).status == 404
    for method in ("PATCH", "DELETE"):
        answer = await hub.ask(method, location, by=hub.ham_rong, headers={**OCTETS, "Upload-Offset": "0"})
        assert answer.problem()["status"] == 404
    refusal = await hub.refused(hub.ham_rong, _letter(hub, hub.ham_rong, hub.environment, files=[("theirs.bin", DATA)]))
    assert (refusal.status, refusal.reason.code) == (422, "attachment-not-stored")
    assert "theirs.bin" in refusal.detail
    assert refusal.evidence
    assert await _offset(hub, hub.lam_son, location) == len(DATA)


async def test_a_letter_whose_file_has_gone_is_refused(hub) -> None:
    await _upload(hub, hub.lam_son)
    (hub.folder / "blobs" / _digest(DATA)[:2] / _digest(DATA)).unlink()
    data = _letter(hub, hub.lam_son, hub.environment, files=[("a.bin", DATA)])
    assert (await hub.refused(hub.lam_son, data)).reason.code == "attachment-not-stored"
    assert (await _announce(hub, hub.lam_son)).headers["Upload-Offset"] == "0"
    await _upload(hub, hub.lam_son)
    assert (await hub.submit(hub.lam_son, data)).message


async def test_an_ended_upload_is_gone(hub) -> None:
    location = (await _announce(hub, hub.lam_son)).headers["Location"]
    await _patch(hub, hub.lam_son, location, 0, DATA[:1000])
    assert (await hub.ask("DELETE", location, by=hub.lam_son, headers=TUS)).status == 204
    assert (await hub.ask("HEAD", location, by=hub.lam_son, headers=TUS)).status == 404
    assert list((hub.folder / "blobs" / "parts").iterdir()) == []
    assert (await _announce(hub, hub.lam_son)).headers["Upload-Offset"] == "0"


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "tus-version"),
        ({"Upload-Length": "-1"}, 400, "request-malformed"),
        ({"Upload-Length": "1e3"}, 400, "request-malformed"),
        ({"Upload-Length": "\u0661"}, 400, "request-malformed"),
        ({"Upload-Length": "9" * 19}, 400, "request-malformed"),
        ({"Upload-Length": str(2**40)}, 413, "file-too-large"),
        ({"Upload-Metadata": ""}, 400, "request-malformed"),
        ({"Upload-Metadata": "sha256"}, 400, "request-malformed"),
        ({"Upload-Metadata": "sha256 ***"}, 400, "request-malformed"),
        ({"Upload-Metadata": "sha256 Li4vLi4="}, 400, "request-malformed"),
        ({"Upload-Metadata": "sha256 /w=="}, 400, "request-malformed"),
        ({"Upload-Metadata": "sha256 YQ==,sha256 YQ=="}, 400, "request-malformed"),
    ],
)
async def test_a_bad_announcement_is_refused(hub, changed, status, code) -> None:
    headers = {**_announcing(5, _digest(b"x")), **changed}
    answer = await hub.ask("POST", "/v1/uploads", by=hub.lam_son, headers=headers)
    assert (answer.status, answer.problem()["code"]) == (status, code)
    if status == 412:
        assert answer.headers["Tus-Version"] == "1.0.0"


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"Tus-Resumable": ""}, 412, "tus-version"),
        ({"Content-Type": "text/plain"}, 415, "upload-type"),
        ({"Upload-Offset": "x"}, 400, "request-malformed"),
        ({"Upload-Offset": ""}, 400, "request-malformed"),
        ({"Content-Encoding": "gzip"}, 400, "request-malformed"),
    ],
)
async def test_a_bad_piece_is_refused(hub, changed, status, code) -> None:
    location = (await _announce(hub, hub.lam_son)).headers["Location"]
    headers = {**OCTETS, "Upload-Offset": "0", **changed}
    answer = await hub.ask("PATCH", location, by=hub.lam_son, headers=headers, data=b"abc")
    assert (answer.status, answer.problem()["code"]) == (status, code)
    assert await _offset(hub, hub.lam_son, location) == 0


async def test_there_is_only_so_much_room(hub) -> None:
    most, size = hub.exchange.settings.max_open_uploads, hub.exchange.settings.max_file_bytes
    for number in range(4):
        headers = _announcing(size, _digest(b"%d" % number))
        assert (await hub.ask("POST", "/v1/uploads", by=hub.lam_son, headers=headers)).status == 201
    answer = await hub.ask("POST", "/v1/uploads", by=hub.lam_son, headers=_announcing(1, _digest(b"x")))
    assert (answer.status, answer.problem()["code"]) == (409, "upload-quota")
    for number in range(most):
        headers = _announcing(1, _digest(b"%d" % number))
        assert (await hub.ask("POST", "/v1/uploads", by=hub.ham_rong, headers=headers)).status == 201
    answer = await hub.ask("POST", "/v1/uploads", by=hub.ham_rong, headers=_announcing(1, _digest(b"x")))
    assert (answer.status, answer.problem()["code"]) == (409, "uploads-too-many")


async def test_a_full_disk_is_said_and_the_upload_goes_on_later(hub) -> None:
    data = os.urandom(9_000_000)
    location = (await _announce(hub, hub.lam_son, data)).headers["Location"]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000_000, hard))
    try:
        answer = await _patch(hub, hub.lam_son, location, 0, data)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (answer.status, answer.problem()["code"]) == (507, "disk-full")
    offset = await _offset(hub, hub.lam_son, location)
    assert 0 < offset <= 8_000_000
    assert (await _patch(hub, hub.lam_son, location, offset, data[offset:])).status == 204
    assert await hub.exchange.hub.blobs.get(_digest(data)) == data


async def test_time_takes_what_no_letter_has(hub, sent) -> None:
    loose = os.urandom(1000)
    await _upload(hub, hub.lam_son, loose)
    begun = (await _announce(hub, hub.lam_son, b"never sent")).headers["Location"]
    await _patch(hub, hub.lam_son, begun, 0, b"never")
    inner = hub.exchange.hub
    for path in (hub.folder / "blobs").glob("??/*"):
        os.utime(path, (1, 1))
    await discard_orphans(inner)
    assert await inner.blobs.get(_digest(loose)) == loose

    days = timedelta(days=hub.exchange.settings.unattached_days, hours=1)
    await inner.uploads.files.expire(inner.clock.now() + days, inner.clock.now() + timedelta(hours=1))
    for path in (hub.folder / "blobs" / "parts").iterdir():
        os.utime(path, (1, 1))
    await discard_orphans(inner)
    assert list((hub.folder / "blobs" / "parts").iterdir()) == []
    assert (await hub.ask("HEAD", begun, by=hub.lam_son, headers=TUS)).status == 404
    with pytest.raises(Refused):
        await inner.blobs.size(_digest(loose))
    answer = await hub.ask("GET", f"/v1/messages/{sent}/attachments/1", by=hub.environment)
    assert answer.body == DATA


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 1_500_000),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=1499999-", 1_499_999, 1_500_000),
        ("bytes=1400000-99999999", 1_400_000, 1_500_000),
        ("bytes=-1", 1_499_999, 1_500_000),
        ("bytes=-99999999", 0, 1_500_000),
    ],
)
async def test_a_part_is_handed_out(hub, sent, asked, start, end) -> None:
    path = f"/v1/messages/{sent}/attachments/1"
    answer = await hub.ask("GET", path, by=hub.environment, headers={"Range": asked})
    assert (answer.status, answer.body) == (206, DATA[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert answer.headers["Etag"] == f'"{_digest(DATA)}"'


@pytest.mark.parametrize("asked", ["bytes=", "bytes=-", "bytes=2-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "0-1"])
async def test_what_is_no_range_gives_the_whole(hub, sent, asked) -> None:
    path = f"/v1/messages/{sent}/attachments/1"
    answer = await hub.ask("GET", path, by=hub.environment, headers={"Range": asked})
    assert (answer.status, answer.body) == (200, DATA)


@pytest.mark.parametrize("asked", ["bytes=1500000-", "bytes=99999999-", "bytes=-0"])
async def test_a_range_outside_is_refused(hub, sent, asked) -> None:
    path = f"/v1/messages/{sent}/attachments/1"
    answer = await hub.ask("GET", path, by=hub.environment, headers={"Range": asked})
    assert (answer.status, answer.problem()["code"]) == (416, "range-unsatisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"


async def test_a_part_is_handed_out_only_of_the_file_that_was_meant(hub, sent) -> None:
    path, part = f"/v1/messages/{sent}/attachments/1", {"Range": "bytes=5-9"}
    same = await hub.ask("GET", path, by=hub.environment, headers={**part, "If-Range": f'"{_digest(DATA)}"'})
    other = await hub.ask("GET", path, by=hub.environment, headers={**part, "If-Range": '"another"'})
    assert (same.status, same.body, other.status, other.body) == (206, DATA[5:10], 200, DATA)


async def test_the_head_of_a_file_is_its_size_and_name(hub, sent) -> None:
    answer = await hub.ask("HEAD", f"/v1/messages/{sent}/attachments/1", by=hub.lam_son)
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", str(len(DATA)))
    name = answer.headers["Content-Disposition"]
    assert name.startswith("attachment; ")
    assert unquote(name.partition("UTF-8''")[2]) == "Bản vẽ số 1.dwg"
    assert answer.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("ordinal", ["0", "2", "-1", "01", "x", "1" * 30, "%00"])
async def test_a_file_that_is_not_there_is_not_found(hub, sent, ordinal) -> None:
    answer = await hub.ask("GET", f"/v1/messages/{sent}/attachments/{ordinal}", by=hub.environment)
    assert answer.problem()["status"] == 404


async def test_only_sender_and_receivers_may_read(hub, sent) -> None:
    for path in (f"/v1/messages/{sent}/attachments", f"/v1/messages/{sent}/attachments/1"):
        for own in (hub.lam_son, hub.environment):
            assert (await hub.ask("GET", path, by=own)).status == 200
        for other in (hub.finance, hub.ham_rong):
            assert (await hub.ask("GET", path, by=other)).problem()["code"] == "not-found"


@pytest.mark.parametrize("route", STREAMS, ids=lambda route: f"{route.method} {route.path}")
async def test_nothing_is_open_to_strangers(hub, route) -> None:
    path = route.path.replace("{message}", "a" * 26).replace("{upload}", "a" * 26).replace("{ordinal}", "1")
    assert (await hub.ask(route.method, path)).status == 401
    assert (await hub.ask(route.method, path, token="wrong")).status == 401
    if "{" in route.path:
        headers = {**OCTETS, "Upload-Offset": "0"}
        assert (await hub.ask(route.method, path, by=hub.lam_son, headers=headers)).status == 404


async def test_a_damaged_file_is_refused_before_the_first_byte(hub, sent) -> None:
    blob = hub.folder / "blobs" / _digest(DATA)[:2] / _digest(DATA)
    blob.write_bytes(DATA[:-1])
    answer = await hub.ask("GET", f"/v1/messages/{sent}/attachments/1", by=hub.environment)
    blob.write_bytes(DATA)
    assert (answer.status, answer.problem()["code"]) == (500, "storage-damaged")


def _write(path: Path, data: bytes = DATA) -> Path:
    path.write_bytes(data)
    return path


async def test_the_client_uploads_and_downloads(hub, tmp_path) -> None:
    told: list[tuple[int, int]] = []
    client = await hub.client(hub.lam_son)
    stored = await client.upload(_write(tmp_path / "a.bin"), on_progress=lambda done, size: told.append((done, size)))
    assert (stored.digest, stored.size) == (_digest(DATA), len(DATA))
    assert told[-1] == (len(DATA), len(DATA))
    assert (await client.upload(tmp_path / "a.bin")) == stored
    view = await hub.submit(hub.lam_son, _letter(hub, hub.lam_son, hub.environment, files=[("a.bin", DATA)]))
    agency, target = await hub.client(hub.environment), tmp_path / "b.bin"
    assert await agency.download(view.message, 1, target, digest=stored.digest) == stored
    assert target.read_bytes() == DATA
    assert sorted(path.name for path in tmp_path.glob("*b.bin*")) == ["b.bin"]


async def test_the_client_goes_on_where_an_earlier_one_was_stopped(hub, sent, tmp_path) -> None:
    part = tmp_path / f".b.bin.{_digest(DATA)[:16]}.part"
    told: list[int] = []
    client, target = await hub.client(hub.environment), tmp_path / "b.bin"
    part.write_bytes(DATA[:1_000_000])
    await client.download(sent, 1, target, on_progress=lambda done, _: told.append(done))
    assert told[0] > 1_000_000
    assert target.read_bytes() == DATA
    part.write_bytes(DATA)
    await client.download(sent, 1, target)
    assert target.read_bytes() == DATA


async def test_the_client_refuses_what_differs(hub, sent, tmp_path) -> None:
    client, target = await hub.client(hub.environment), tmp_path / "b.bin"
    blob = hub.folder / "blobs" / _digest(DATA)[:2] / _digest(DATA)
    blob.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    for digest in ("", _digest(b"another")):
        with pytest.raises(Refused) as refusal:
            await client.download(sent, 1, target, digest=digest)
        assert refusal.value.reason.code == "attachment-differs"
        assert list(tmp_path.glob("*b.bin*")) == []
    blob.write_bytes(DATA)


async def test_the_client_says_why_an_upload_was_refused(hub, tmp_path, monkeypatch) -> None:
    client = await hub.client(hub.lam_son)
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(hub.exchange.settings.max_file_bytes + 1)
    measured = transfer.Stored(digest=_digest(b"x"), size=hub.exchange.settings.max_file_bytes + 1)
    monkeypatch.setattr(transfer, "measure", lambda _: measured)
    with pytest.raises(HubRefused) as refusal:
        await client.upload(tmp_path / "huge")
    assert (refusal.value.status, refusal.value.reason.code) == (413, "file-too-large")


async def test_a_stored_file_is_not_forgotten_for_a_wrong_size(hub) -> None:
    location = await _upload(hub, hub.lam_son)
    answer = await hub.ask("POST", "/v1/uploads", by=hub.lam_son, headers=_announcing(len(DATA) - 1, _digest(DATA)))
    assert (answer.status, answer.problem()["code"]) == (422, "digest-mismatch")
    assert await _offset(hub, hub.lam_son, location) == len(DATA)
