"""Whoever is slow, greedy or gone gets a clear answer or an end, and the others go on."""

from __future__ import annotations

import asyncio
import contextlib
import itertools

import msgspec
import pytest

from exchange.sandbox.province import ENVIRONMENT

READY = b"GET /readyz HTTP/1.1\r\nHost: hub\r\n\r\n"


async def _until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0.01)


async def _serves(hub) -> None:
    assert (await hub.ask(READY)).status == 200


# Slow ones


@pytest.mark.parametrize("begun", [b"", b"G", b"POST /v1/messages HTTP/1.1\r\nHost: hub\r\nX-Slow: "])
async def test_headers_that_do_not_come_are_answered_and_cut(limited, begun) -> None:
    hub = await limited(header_seconds=0.3)
    line = await hub.line()
    line.send(begun)
    answer = await line.answer()
    assert (answer.status, answer.code) == (408, "request-too-slow")
    assert answer.headers["content-type"] == "application/problem+json"
    assert await line.ended()
    await _serves(hub)


async def test_headers_that_trickle_are_cut_all_the_same(limited) -> None:
    hub = await limited(header_seconds=0.5)
    line = await hub.line()
    line.send(b"GET /readyz HTTP/1.1\r\nX-Slow: ")

    async def trickle() -> None:
        while True:
            line.send(b"X")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    answer = await line.answer()
    trickling.cancel()
    assert (answer.status, answer.code) == (408, "request-too-slow")


async def test_the_second_request_of_a_connection_has_its_own_time(limited) -> None:
    hub = await limited(header_seconds=0.5)
    line = await hub.line()
    for _ in range(3):
        line.send(READY)
        assert (await line.answer()).status == 200
        await asyncio.sleep(0.3)
    line.send(READY[:10])
    assert (await line.answer()).status == 408
    assert await line.ended()


async def test_an_idle_connection_is_closed(limited) -> None:
    hub = await limited(idle_seconds=0.3, header_seconds=5)
    line = await hub.line()
    line.send(READY)
    assert (await line.answer()).status == 200
    assert await line.ended()


async def test_a_long_poll_outlives_the_time_for_headers_and_for_idleness(limited) -> None:
    hub = await limited(header_seconds=0.2, idle_seconds=0.2, request_seconds=0.2)
    async with hub.client(ENVIRONMENT) as client:
        assert await client.lease(wait=1.5) == []


async def test_an_upload_that_stalls_is_refused(limited) -> None:
    hub = await limited(stall_seconds=0.3)
    line = await hub.line()
    line.send(hub.head("POST", "/v1/messages", "Content-Length: 1000") + b"<edXML>")
    answer = await line.answer()
    assert (answer.status, answer.code) == (408, "request-too-slow")
    await _serves(hub)


async def test_a_body_that_trickles_is_refused_in_the_end(limited) -> None:
    hub = await limited(stall_seconds=5, body_seconds=0.5)
    line = await hub.line()
    line.send(hub.head("POST", "/v1/messages", "Content-Length: 100000"))

    async def trickle() -> None:
        while True:
            line.send(b" ")
            await asyncio.sleep(0.02)

    trickling = asyncio.create_task(trickle())
    answer = await line.answer()
    trickling.cancel()
    assert (answer.status, answer.code) == (408, "request-too-slow")


async def test_an_answer_that_nobody_reads_is_given_up(limited) -> None:
    hub = await limited(idle_seconds=0.3)
    data = hub.signed(size=6_000_000)
    sent = await hub.ask(hub.head("POST", "/v1/messages", f"Content-Length: {len(data)}") + data)
    path = sent.headers["location"]
    line = await hub.line()
    line.writer.transport.pause_reading()
    for _ in range(4):
        line.send(hub.head("GET", f"{path}/content"))
    await asyncio.sleep(1.0)
    line.writer.transport.resume_reading()
    received = 0
    with contextlib.suppress(ConnectionError):
        while piece := await line.reader.read(65536):
            received += len(piece)
    assert received < 30_000_000
    await _serves(hub)


# Those who go away


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
async def test_a_client_that_is_gone_within_the_body_leaves_nothing(limited, framing, capfd) -> None:
    hub = await limited(connections_per_address=2)
    for _ in range(6):
        line = await hub.line()
        line.send(hub.head("POST", "/v1/messages", framing) + b"5\r\n<edXM")
        await line.writer.drain()
        line.reset()
    await asyncio.sleep(0.2)
    await _serves(hub)
    async with hub.client() as client:
        assert await client.sent() == []
    assert "Traceback" not in "".join(capfd.readouterr())


async def test_a_long_poll_that_is_gone_leases_nothing(limited) -> None:
    hub = await limited()
    line = await hub.line()
    body = b'{"wait_seconds": 30}'
    request = hub.head("POST", "/v1/inbox/leases", f"Content-Length: {len(body)}", token=hub.token(ENVIRONMENT))
    line.send(request + body)
    await _until(lambda: hub.exchange.bell._ears)
    line.reset()
    await _until(lambda: not hub.exchange.bell._ears)
    async with hub.client() as client, hub.client(ENVIRONMENT) as reader:
        await client.submit(hub.signed())
        assert len(await reader.lease()) == 1


# Too many


async def test_an_address_has_only_so_many_connections(limited) -> None:
    hub = await limited(connections_per_address=3)
    lines = [await hub.line() for _ in range(3)]
    for line in lines:
        line.send(READY)
        assert (await line.answer()).status == 200
    refused = await (await hub.line()).answer()
    assert (refused.status, refused.code) == (503, "too-many-connections")
    assert refused.retry_after >= 1
    lines[0].reset()
    answer = await hub.ask(READY)
    for _ in range(50):
        if answer.status == 200:
            break
        await asyncio.sleep(0.05)
        answer = await hub.ask(READY)
    assert answer.status == 200


async def test_a_trusted_proxy_may_have_more_but_not_more_than_there_are(limited) -> None:
    hub = await limited(connections_per_address=1, max_connections=4, trusted_proxies="127.0.0.1, ::1")
    for line in [await hub.line() for _ in range(4)]:
        line.send(READY)
        assert (await line.answer()).status == 200
    refused = await (await hub.line()).answer()
    assert (refused.status, refused.code) == (503, "too-many-connections")


async def test_hundreds_of_long_polls_leave_room_for_work(limited) -> None:
    hub = await limited(connections_per_address=600, requests_in_flight=2, requests_burst=2000)
    body = b'{"wait_seconds": 20}'
    request = hub.head("POST", "/v1/inbox/leases", f"Content-Length: {len(body)}", token=hub.token(ENVIRONMENT))
    lines = []
    for _ in range(200):
        lines.append(await hub.line())
        lines[-1].send(request + body)
        await _until(
            lambda: hub.exchange.bell._ears and len(next(iter(hub.exchange.bell._ears.values()))) == len(lines)
        )
    async with hub.client() as client:
        await client.submit(hub.signed())
    answers = await asyncio.gather(*(line.answer() for line in lines))
    assert {answer.status for answer in answers} == {200}
    assert sum(len(msgspec.json.decode(answer.body)) for answer in answers) == 1


async def test_a_busy_hub_says_so_before_the_body_and_when_to_come_again(limited) -> None:
    hub = await limited(bodies_in_flight_bytes=10_000, stall_seconds=20)
    data = hub.signed(size=100)
    assert 4_000 < len(data) < 10_000
    holding = await hub.line()
    holding.send(hub.head("POST", "/v1/messages", f"Content-Length: {len(data)}") + data[:-1])
    await asyncio.sleep(0.2)
    refused = await hub.ask(hub.head("POST", "/v1/messages", "Content-Length: 9000"))
    assert (refused.status, refused.code) == (503, "hub-busy")
    holding.send(data[-1:])
    assert (await holding.answer()).status == 201
    await asyncio.sleep(min(refused.retry_after, 5))
    again = hub.signed(size=100, number=2)
    answer = await hub.ask(hub.head("POST", "/v1/messages", f"Content-Length: {len(again)}") + again)
    assert answer.status == 201


async def test_requests_beyond_what_can_be_worked_on_are_refused(limited) -> None:
    hub = await limited(requests_in_flight=2)
    slow = [await hub.line() for _ in range(2)]
    for line, code in zip(slow, (hub.lam_son, hub.environment), strict=True):
        line.send(hub.head("POST", "/v1/messages", "Content-Length: 9", token=hub.token(code)))
    await asyncio.sleep(0.2)
    refused = await hub.ask(hub.head("GET", "/v1/whoami"))
    assert (refused.status, refused.code) == (503, "hub-busy")
    assert refused.retry_after >= 1
    for line in slow:
        line.send(b"<edXML/>\n")
        assert (await line.answer()).status == 422
    assert (await hub.ask(hub.head("GET", "/v1/whoami"))).status == 200


async def test_one_party_cannot_take_all_places(limited) -> None:
    hub = await limited(requests_in_flight=4)
    slow = [await hub.line() for _ in range(2)]
    for line in slow:
        line.send(hub.head("POST", "/v1/messages", "Content-Length: 9"))
    await asyncio.sleep(0.2)
    refused = await hub.ask(hub.head("GET", "/v1/whoami"))
    assert (refused.status, refused.code) == (503, "hub-busy")
    assert (await hub.ask(hub.head("GET", "/v1/whoami", token=hub.token(ENVIRONMENT)))).status == 200
    for line in slow:
        line.reset()


async def test_a_body_beyond_the_limit_is_refused_whatever_was_said_of_its_size(limited) -> None:
    hub = await limited(max_message_bytes=1000)
    known = await hub.ask(hub.head("POST", "/v1/messages", "Content-Length: 1001"))
    chunked = hub.head("POST", "/v1/messages", "Transfer-Encoding: chunked") + b"400\r\n" + b" " * 0x400 + b"\r\n"
    unknown = await hub.ask(chunked)
    assert [(answer.status, answer.code) for answer in (known, unknown)] == [(413, "request-too-large")] * 2


# Rates


async def test_who_asks_too_often_is_told_how_long_to_wait_and_then_served(limited) -> None:
    hub = await limited(requests_per_second=2, requests_burst=3)
    answers = [await hub.ask(hub.head("GET", "/v1/whoami")) for _ in range(6)]
    assert [answer.status for answer in answers[:3]] == [200] * 3
    refused = next(answer for answer in answers if answer.status != 200)
    assert (refused.status, refused.code) == (429, "rate-limited")
    assert (await hub.ask(hub.head("GET", "/v1/whoami", token=hub.token(ENVIRONMENT)))).status == 200
    await asyncio.sleep(refused.retry_after)
    assert (await hub.ask(hub.head("GET", "/v1/whoami"))).status == 200


async def test_too_many_bytes_are_refused_unread(limited) -> None:
    hub = await limited(bytes_per_minute=2000)
    assert (await hub.ask(hub.head("POST", "/v1/messages", "Content-Length: 1500") + b" " * 1500)).status == 422
    refused = await hub.ask(hub.head("POST", "/v1/messages", "Content-Length: 1500"))
    assert (refused.status, refused.code) == (429, "rate-limited")
    assert 1 <= refused.retry_after <= 60


async def test_chunked_bytes_count_as_well(limited) -> None:
    hub = await limited(bytes_per_minute=2000)
    chunk = b"7d0\r\n" + b" " * 2000 + b"\r\n0\r\n\r\n"
    sent = hub.head("POST", "/v1/messages", "Transfer-Encoding: chunked") + chunk
    assert [(await hub.ask(sent)).status for _ in range(2)] == [422, 429]


async def test_bad_tokens_are_limited_by_address_and_good_ones_are_not(limited) -> None:
    hub = await limited(failures_per_minute=3)
    answers = [await hub.ask(hub.head("GET", "/v1/whoami", token=f"cv_{n}")) for n in range(5)]
    assert [answer.status for answer in answers] == [401, 401, 401, 429, 429]
    assert 1 <= answers[-1].retry_after <= 20
    assert (await hub.ask(hub.head("GET", "/v1/whoami"))).status == 200


async def test_a_proxy_names_the_address_that_fails(limited) -> None:
    hub = await limited(failures_per_minute=1, trusted_proxies="127.0.0.1")
    bad = [hub.head("GET", "/v1/whoami", f"X-Forwarded-For: {named}", token="cv_1") for named in ("8.8.8.8", "9.9.9.9")]
    assert [(await hub.ask(each)).status for each in (*bad, *bad)] == [401, 401, 429, 429]


async def test_an_address_cannot_make_itself_another(limited) -> None:
    hub = await limited(failures_per_minute=1)
    bad = [hub.head("GET", "/v1/whoami", f"X-Forwarded-For: {named}", token="cv_1") for named in ("8.8.8.8", "9.9.9.9")]
    assert [(await hub.ask(each)).status for each in bad] == [401, 429]


# The time of a request, costly documents, and the end


async def test_a_request_that_takes_too_long_is_given_up_and_a_repetition_finds_what_was_done(limited) -> None:
    hub = await limited(request_seconds=0.001)
    data = hub.signed(size=400_000)
    sent = hub.head("POST", "/v1/messages", f"Content-Length: {len(data)}") + data
    refused = await hub.ask(sent)
    assert (refused.status, refused.code) == (503, "request-abandoned")
    assert refused.retry_after >= 1
    await _serves(hub)


async def test_a_document_that_costs_too_much_is_refused_and_others_go_on(limited) -> None:
    hub = await limited(rehearsal_seconds=0.02)
    costly = b"<a>" + b"".join(b"<b%d>%s</b%d>" % (n, b"x" * 2400, n) for n in range(15_000)) + b"</a>"
    line = await hub.line()
    line.send(hub.head("POST", "/v1/messages", f"Content-Length: {len(costly)}") + costly)
    async with hub.client() as client:
        await client.submit(hub.signed())
    answer = await line.answer()
    assert (answer.status, answer.code) == (422, "too-costly")


async def test_while_the_hub_stops_work_ends_and_new_requests_are_told(limited) -> None:
    hub = await limited()
    data = hub.signed(size=100)
    begun, waiting, other = await hub.line(), await hub.line(), await hub.line()
    begun.send(hub.head("POST", "/v1/messages", f"Content-Length: {len(data)}") + data[:-1])
    body = b'{"wait_seconds": 50}'
    lease = hub.head("POST", "/v1/inbox/leases", f"Content-Length: {len(body)}", token=hub.token(ENVIRONMENT))
    waiting.send(lease + body)
    other.send(READY)
    assert (await other.answer()).status == 200
    await _until(lambda: hub.exchange.bell._ears)
    stopping = asyncio.create_task(limited.stop())
    assert (await waiting.answer()).status == 200
    other.send(hub.head("GET", "/v1/whoami"))
    refused = await other.answer()
    assert (refused.status, refused.code, refused.retry_after) == (503, "hub-stopping", 1)
    late = await hub.ask(READY)
    assert (late.status, late.code) == (503, "hub-stopping")
    begun.send(data[-1:])
    assert (await begun.answer()).status == 201
    await asyncio.wait_for(stopping, 10)


async def test_the_memory_of_many_large_bodies_is_bounded(limited) -> None:
    hub = await limited(bodies_in_flight_bytes=20_000_000)
    data = hub.signed(size=3_000_000)
    request = hub.head("POST", "/v1/messages", f"Content-Length: {len(data)}")
    lines = [await hub.line() for _ in range(20)]
    for line in lines:
        line.send(request + data[:1000])
    answers = {asyncio.create_task(line.answer()): line for line in lines}
    refused = [await answer for answer in itertools.islice(asyncio.as_completed(answers), 18)]
    assert {(answer.status, answer.code) for answer in refused} == {(503, "hub-busy")}
    taken = {answer: line for answer, line in answers.items() if not answer.done()}
    for line in taken.values():
        line.send(data[1000:])
    assert [(await answer).status for answer in taken] == [201, 201]
