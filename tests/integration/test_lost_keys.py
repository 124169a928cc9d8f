"""A key was lost: over the API its certificate is refused, what it signed is held back, marked, released or withdrawn."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from envelopes.receipt import Event, open_receipt
from exchange.client import HubRefused

WHY = "mất USB token"


def since(hours: float = 1) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


@pytest.fixture
async def sent(hub):
    """Send three letters from Lam Sơn to two agencies; the first one is acknowledged by one of them."""
    views = [
        await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, hub.one_stop, number=number))
        for number in (1, 2, 3)
    ]
    reader = await hub.client(hub.environment)
    first = (await reader.inbox())[0]
    await reader.acknowledge(first.delivery)
    return views


@pytest.fixture
async def administrator(hub):
    from exchange.client import Client

    return await hub.stack.enter_async_context(Client(hub.url, await hub.give(hub.code, "administer"), timeout=30))


def certificate(hub, code: str = "") -> str:
    return hub.key(code or hub.lam_son).certificate.fingerprint


async def refused(act) -> tuple[int, str]:
    with pytest.raises(HubRefused) as refusal:
        await act
    return refusal.value.status, refusal.value.reason.code


async def test_a_preview_and_a_declaration_by_an_administrator(hub, sent, administrator) -> None:
    wanted = {"since": since(), "why": WHY}
    shown = await administrator.attention.declare(certificate(hub), preview=True, **wanted)
    assert (shown.written, shown.held, shown.handed_over, shown.revoked_at) == (False, 5, 1, None)
    assert (await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.one_stop, number=4))).message
    done = await administrator.attention.declare(certificate(hub), **wanted)
    assert (done.written, done.held, done.handed_over) == (True, 6, 1)
    again = await administrator.attention.declare(certificate(hub), **wanted)
    assert (again.written, again.held, again.handed_over) == (False, 0, 0)
    late = await hub.refused(hub.lam_son, hub.signed(hub.lam_son, hub.one_stop, number=5))
    assert late.reason.code == "certificate-revoked"


async def test_a_moment_of_another_zone_is_told_in_utc_and_one_before_all_time_is_refused(
    hub, sent, administrator
) -> None:
    far = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    act = administrator.attention.declare(certificate(hub), preview=True, since=far, why=WHY)
    assert await refused(act) == (400, "request-malformed")
    moment = since().astimezone(timezone(timedelta(hours=7)))
    await administrator.attention.declare(certificate(hub), since=moment, why=WHY)
    trail = [item.detail for item in await hub.exchange.audit.page(0, 1000) if item.event == "key-compromised"]
    assert f"since {moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" in trail[-1]


async def test_what_is_held_back_is_given_to_nobody_and_shown_to_both_sides(hub, sent, administrator) -> None:
    reader, sender = await hub.client(hub.environment), await hub.client(hub.lam_son)
    leased = await reader.lease()
    assert len(leased) == 2
    await administrator.attention.declare(certificate(hub), since=since(), why=WHY)

    assert await reader.lease() == []
    assert await reader.inbox() == []
    assert await refused(reader.renew(leased[0].lease)) == (404, "lease-ended")
    assert await refused(reader.release(leased[0].lease)) == (404, "lease-ended")
    for item in leased:
        assert await refused(reader.acknowledge(item.delivery)) == (409, "message-quarantined")
        assert await refused(reader.content(item.message)) == (409, "message-quarantined")
    everything = await reader.inbox(waiting=False)
    assert [item.held for item in everything] == ["suspect", "quarantined", "quarantined"]
    held = (await hub.ask("GET", "/v1/inbox?box=held", by=hub.environment)).json
    assert len(held) == 3
    counts = await reader.counts()
    assert (counts.waiting, counts.leased, counts.received, counts.held) == (0, 0, 1, 3)

    for client in (reader, sender):
        told = [item for item in await client.timeline(leased[0].message) if item.what == "message-quarantined"]
        assert len(told) == 1
        assert WHY in told[0].text
    shown = await sender.message(sent[0].message)
    assert {item.receiver: item.held for item in shown.receivers} == {
        hub.environment: "suspect",
        hub.one_stop: "quarantined",
    }
    assert await sender.content(leased[0].message), "the sender may look at what went out in its name"
    assert await reader.content(sent[0].message), "what was handed over stays readable"


async def test_files_beside_a_held_letter_are_held_too(hub, administrator, tmp_path) -> None:
    from envelopes.drafting import FileBeside, digests
    from envelopes.edxml import build
    from envelopes.signature.sign import sign

    file = tmp_path / "b.bin"
    file.write_bytes(b"y" * 5000)
    stored = await (await hub.client(hub.lam_son)).upload(file)
    beside = [FileBeside(name="b.bin", digest=stored.digest, size=5000)]
    drafted = hub.letter(hub.lam_son, hub.environment, number=9, files=[], detached=beside)
    view = await hub.submit(hub.lam_son, sign(build(drafted), hub.key(hub.lam_son), digests(drafted, beside)))
    path = f"/v1/messages/{view.message}/attachments/1"
    assert (await hub.ask("GET", path, by=hub.environment)).status == 200
    await administrator.attention.declare(certificate(hub), since=since(), why=WHY)
    for method in ("GET", "HEAD"):
        assert (await hub.ask(method, path, by=hub.environment)).status == 409
    assert (await hub.ask("GET", path, by=hub.lam_son)).status == 200


async def test_everyone_concerned_is_told_and_nobody_else(hub, sent, administrator) -> None:
    await administrator.attention.declare(certificate(hub), since=since(), why=WHY)
    for code in (hub.lam_son, hub.environment, hub.one_stop):
        (notice,) = await (await hub.client(code)).attention.notices(unread=True)
        assert (notice.kind, notice.subject) == ("key-compromised", certificate(hub))
        assert WHY in notice.text_vi
        assert WHY in notice.text_en
    assert [item.kind for item in await administrator.attention.notices()] == ["key-compromised"]
    assert await (await hub.client(hub.finance)).attention.notices() == []


async def test_a_notice_is_marked_as_read_by_those_it_is_for_and_not_by_a_reader(hub, sent, administrator) -> None:
    await administrator.attention.declare(certificate(hub), since=since(), why=WHY)
    attention = (await hub.client(hub.environment)).attention
    (notice,) = await attention.notices()
    reading = f"/v1/notices/{notice.id}/reading"
    assert (await hub.ask("POST", reading, token=await hub.give(hub.environment, "read"))).problem()[
        "code"
    ] == "forbidden"
    assert (await hub.ask("POST", reading, by=hub.one_stop)).problem()["code"] == "not-found"
    assert len(await attention.notices(unread=True)) == 1
    marked = await attention.read(notice.id)
    assert marked.read_by.startswith(hub.environment)
    assert await attention.notices(unread=True) == []
    assert await attention.read(notice.id) == marked


async def test_a_party_declares_its_own_certificate_and_nobody_elses(hub, sent, administrator) -> None:
    own, other = (await hub.client(hub.lam_son)).attention, (await hub.client(hub.ham_rong)).attention
    path, body = f"/v1/certificates/{certificate(hub)}/compromise", json.dumps({"since": str(since()), "why": WHY})
    assert await refused(other.declare(certificate(hub), since=since(), why=WHY)) == (404, "not-found")
    assert await refused(other.declare(certificate(hub), since=since(), why=WHY, preview=True)) == (404, "not-found")
    for scope in ("receive", "read"):
        token = await hub.give(hub.lam_son, scope)
        assert (await hub.ask("POST", path, token=token, data=body)).problem()["code"] == "forbidden"
    auditor = await hub.give(hub.code, "audit")
    assert (await hub.ask("POST", path, token=auditor, data=body)).problem()["code"] == "forbidden"
    done = await own.declare(certificate(hub).upper(), since=since(), why=WHY)
    assert (done.written, done.held) == (True, 5)
    (row,) = [item for item in await hub.exchange.audit.page(0, 1000) if item.event == "key-compromised"]
    assert row.actor.startswith(f"{hub.lam_son} token ")
    assert await refused(own.held()) == (403, "forbidden")
    assert await refused(own.release(sent[0].message, "x")) == (403, "forbidden")
    found = await administrator.attention.held()
    assert {item.sender for item in found} == {hub.lam_son}
    await administrator.attention.release(sent[1].message, "gọi điện xác nhận")
    assert [item.message for item in await (await hub.client(hub.environment)).lease()] == [sent[1].message]


async def test_a_declaration_needs_a_moment_that_passed_and_a_reason(hub, administrator) -> None:
    declare = administrator.attention.declare
    assert (await refused(declare(certificate(hub), since=since(-1), why=WHY)))[0] in {400, 422}
    for why in ("", " ", "x" * 301, "a\nb", "a\u202eb"):
        status, code = await refused(declare(certificate(hub), since=since(), why=why))
        assert (status, code) == (400, "request-malformed")
    naive = json.dumps({"since": "2026-11-25T08:00:00", "why": WHY})
    token = await hub.give(hub.code, "administer")
    answer = await hub.ask("POST", f"/v1/certificates/{certificate(hub)}/compromise", token=token, data=naive)
    assert answer.problem()["where"] == "since"
    assert (await refused(declare("f" * 64, since=since(), why=WHY))) == (404, "not-found")


async def test_a_released_letter_goes_on_to_the_end(hub, sent, administrator) -> None:
    await administrator.attention.declare(certificate(hub), since=since(), why=WHY)
    await administrator.attention.release(sent[0].message, "bên gửi xác nhận")
    reader, sender = await hub.client(hub.one_stop), await hub.client(hub.lam_son)
    (delivery,) = await reader.lease()
    assert delivery.held == ""
    assert await reader.content(delivery.message)
    await reader.acknowledge(delivery.delivery)
    told = [item.what for item in await sender.timeline(sent[0].message)]
    assert told.index("message-quarantined") < told.index("message-released")
    assert {item.held for item in (await sender.message(sent[0].message)).receivers} == {""}
    kinds = [item.kind for item in await sender.attention.notices()]
    assert kinds == ["message-released", "key-compromised"]


async def test_a_withdrawn_letter_is_over_with_evidence_that_verifies(hub, sent, administrator) -> None:
    await administrator.attention.declare(certificate(hub), since=since(), why=WHY)
    found = await administrator.attention.withdraw(sent[0].message, "giả mạo")
    assert [item.receiver for item in found] == [hub.one_stop]
    reader, sender = await hub.client(hub.one_stop), await hub.client(hub.lam_son)
    delivery = next(item for item in await reader.inbox(waiting=False) if item.message == sent[0].message)
    assert await refused(reader.content(delivery.message)) == (410, "message-withdrawn")
    assert await refused(reader.acknowledge(delivery.delivery)) == (410, "message-withdrawn")
    for client in (reader, sender):
        (moment,) = [
            item for item in await client.timeline(sent[0].message) if item.what == Event.CONTENT_HANDOVER_FAILURE
        ]
        receipt, signed = open_receipt(await client.evidence(moment.evidence))
        assert (receipt.event, receipt.refers_to, receipt.digest) == (moment.what, hub.one_stop, sent[0].digest)
        assert receipt.causes[0].code == "message-withdrawn"
        assert "giả mạo" in receipt.causes[0].text
        assert signed.chain[0] == (await hub.exchange.hub.signer()).certificate
    other = [item.what for item in await (await hub.client(hub.environment)).timeline(sent[0].message)]
    assert Event.CONTENT_HANDOVER_FAILURE not in other
    assert await refused(administrator.attention.withdraw(sent[0].message, "again")) == (404, "not-found")
    listed = await administrator.attention.held(limit=1)
    assert sent[0].message not in {item.message for item in listed}


async def test_the_administrator_never_sees_the_content(hub, sent, administrator) -> None:
    await administrator.attention.declare(certificate(hub), since=since(), why=WHY)
    (first, *_) = await administrator.attention.held()
    assert first.digest in {view.digest for view in sent}
    assert (await refused(administrator.content(first.message)))[0] == 403


async def test_a_long_poll_that_waits_does_not_get_what_was_declared_meanwhile(hub, administrator) -> None:
    reader = await hub.client(hub.environment)
    waiting = asyncio.create_task(reader.lease(wait=3))
    await asyncio.sleep(0.2)
    views = [hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, number=n)) for n in range(20)]
    declared = administrator.attention.declare(certificate(hub), since=since(), why=WHY)
    results = await asyncio.gather(*views, declared, return_exceptions=True)
    assert all(item.reason.code == "certificate-revoked" for item in results if isinstance(item, HubRefused))
    for item in await waiting:
        with pytest.raises(HubRefused):
            await reader.acknowledge(item.delivery)
    assert await reader.lease() == []
    assert {item.held for item in await reader.inbox(waiting=False)} <= {"quarantined"}


async def test_submissions_and_readers_while_the_key_is_declared_lost_leave_nothing_free(hub, administrator) -> None:
    reader, stopped = await hub.client(hub.environment), asyncio.Event()

    async def read() -> None:
        while not stopped.is_set():
            for item in await reader.lease(limit=3):
                try:
                    await reader.content(item.message)
                    await reader.acknowledge(item.delivery)
                except HubRefused as refusal:
                    assert refusal.reason.code == "message-quarantined"
            await asyncio.sleep(0)

    readers = [asyncio.create_task(read()) for _ in range(3)]
    letters = [hub.signed(hub.lam_son, hub.environment, number=number) for number in range(40)]

    async def declare() -> None:
        await asyncio.sleep(0.1)
        await administrator.attention.declare(certificate(hub), since=since(), why=WHY)

    await asyncio.gather(*(hub.submit(hub.lam_son, data) for data in letters), declare(), return_exceptions=True)
    stopped.set()
    await asyncio.gather(*readers)
    for item in await reader.inbox(waiting=False, limit=200):
        assert item.held == ("suspect" if item.handed_over_at else "quarantined")
