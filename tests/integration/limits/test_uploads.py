"""Files beside letters are held to the same limits as letters: who stalls is cut, who is greedy is slowed down."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import time

from exchange.sandbox.province import ENVIRONMENT

TUS = "Tus-Resumable: 1.0.0"


async def _announce(hub, data: bytes) -> str:
    digest = base64.b64encode(hashlib.sha256(data).hexdigest().encode()).decode()
    lines = (TUS, f"Upload-Length: {len(data)}", f"Upload-Metadata: sha256 {digest}")
    answer = await hub.ask(hub.head("POST", "/v1/uploads", *lines))
    assert answer.status == 201
    return answer.headers["location"]


def _patch(hub, location: str, offset: int, length: int) -> bytes:
    kind = "Content-Type: application/offset+octet-stream"
    return hub.head("PATCH", location, TUS, kind, f"Upload-Offset: {offset}", f"Content-Length: {length}")


async def _offset(hub, location: str) -> int:
    return int((await hub.ask(hub.head("HEAD", location, TUS))).headers["upload-offset"])


async def test_a_file_that_stalls_is_refused_and_goes_on_later(limited) -> None:
    hub, data = await limited(stall_seconds=0.3), os.urandom(50_000)
    location = await _announce(hub, data)
    line = await hub.line()
    line.send(_patch(hub, location, 0, len(data)) + data[:20_000])
    answer = await line.answer()
    assert (answer.status, answer.code) == (408, "request-too-slow")
    assert await _offset(hub, location) == 20_000
    rest = await hub.ask(_patch(hub, location, 20_000, 30_000) + data[20_000:])
    assert (rest.status, rest.headers["upload-offset"]) == (204, "50000")


async def test_a_greedy_upload_is_slowed_down_and_holds_up_no_letter(limited) -> None:
    hub, data = await limited(bytes_per_minute=600_000), os.urandom(620_000)
    location, started = await _announce(hub, data), time.monotonic()
    line = await hub.line()
    line.send(_patch(hub, location, 0, len(data)) + data[:615_000])
    await asyncio.sleep(0.3)
    line.send(data[615_000:])
    answering = asyncio.create_task(line.answer())
    await asyncio.sleep(0.3)
    assert not answering.done()
    letter = hub.signed()
    sent = await hub.ask(hub.head("POST", "/v1/messages", f"Content-Length: {len(letter)}") + letter)
    assert sent.status == 201
    answer = await answering
    assert (answer.status, answer.headers["upload-offset"]) == (204, "620000")
    assert time.monotonic() - started > 0.9, "what is beyond the rate of a minute came at 10,000 bytes a second"


async def test_who_is_far_beyond_the_rate_is_told_when_to_come_again(limited) -> None:
    hub, data = await limited(bytes_per_minute=60_000, stall_seconds=1), os.urandom(900_000)
    location = await _announce(hub, data)
    line = await hub.line()
    line.send(_patch(hub, location, 0, len(data)) + data)
    refused = await line.answer()
    assert (refused.status, refused.code) == (429, "rate-limited")
    kept = await _offset(hub, location)
    assert 60_000 < kept < 900_000
    again = await hub.ask(_patch(hub, location, kept, 10))
    assert (again.status, again.code) == (429, "rate-limited")
    assert 1 <= again.retry_after <= (kept - 60_000) / 1000 + 1
    assert await _offset(hub, location) == kept
    other = hub.head("GET", "/v1/whoami", token=hub.token(ENVIRONMENT))
    assert (await hub.ask(other)).status == 200


async def test_without_a_rate_nobody_is_slowed_down(limited) -> None:
    hub, data = await limited(bytes_per_minute=0), os.urandom(3_000_000)
    location = await _announce(hub, data)
    answer = await hub.ask(_patch(hub, location, 0, len(data)) + data)
    assert (answer.status, answer.headers["upload-offset"]) == (204, "3000000")
