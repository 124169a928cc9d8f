"""What happens to a letter between a sender and its receivers, over HTTP."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import time
from datetime import UTC, datetime

import pytest

from envelopes.edxml import build
from envelopes.receipt import Event, open_receipt
from envelopes.signature.classify import SignatureClass
from exchange.client import HubRefused
from exchange.core.model import PartyStatus
from exchange.verification import examine
from trust_store.certificate import load_many
from trust_store.evidence import Evidence, Revocation
from trust_store.policy import Policy


def _event(receipt: str) -> Event:
    return open_receipt(receipt.encode())[0].event


async def test_the_receiver_gets_the_bytes_that_the_sender_signed(hub) -> None:
    data = hub.signed(hub.lam_son, hub.environment)
    view = await hub.submit(hub.lam_son, data)
    agency = await hub.client(hub.environment)
    (delivery,) = await agency.lease()
    assert (delivery.message, delivery.sender, delivery.subject) == (view.message, hub.lam_son, "V/v thử")
    assert await agency.content(view.message) == data
    assert await (await hub.client(hub.lam_son)).content(view.message) == data


async def test_a_receipt_is_signed_by_the_hub_and_about_these_bytes(hub) -> None:
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, hub.one_stop))
    stated, _ = open_receipt(view.receipt.encode())
    assert (stated.event, stated.id, stated.digest) == (Event.SUBMISSION_ACCEPTANCE, view.receipt_id, view.digest)
    assert {actor.code for actor in stated.receivers} == {hub.environment, hub.one_stop}
    anchors = load_many((hub.folder / "trust-anchor.pem").read_bytes())
    found = examine(view.receipt.encode(), Evidence(anchors=anchors), Policy(), datetime.now(UTC))
    assert found.verdict == "valid"


async def test_an_acknowledgement_ends_the_waiting_and_is_the_same_again(hub) -> None:
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    agency = await hub.client(hub.environment)
    (delivery,) = await agency.lease()
    assert await agency.lease() == []
    receipts = await asyncio.gather(*(agency.acknowledge(delivery.delivery) for _ in range(10)))
    assert len({receipt.receipt for receipt in receipts}) == 1
    assert _event(receipts[0].receipt) is Event.CONTENT_HANDOVER
    assert await agency.inbox() == []
    (kept,) = await agency.inbox(waiting=False)
    assert kept.handed_over_at is not None
    (receiver,) = (await (await hub.client(hub.lam_son)).message(delivery.message)).receivers
    assert receiver.handed_over_at == kept.handed_over_at


async def test_a_lease_that_ends_gives_the_delivery_again(hub) -> None:
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    agency = await hub.client(hub.environment)
    (first,) = await agency.lease(lease=1)
    assert await agency.lease() == []
    await asyncio.sleep(1.05)
    (second,) = await agency.lease()
    assert first.delivery == second.delivery


async def test_thirty_concurrent_submissions_of_a_letter_give_one_receipt(hub) -> None:
    data, client = hub.signed(hub.lam_son, hub.environment), await hub.client(hub.lam_son)
    views = await asyncio.gather(*(client.submit(data) for _ in range(30)))
    assert len({view.receipt for view in views}) == 1
    assert len(set(views)) == 1
    assert len(await (await hub.client(hub.environment)).inbox()) == 1
    assert len(await client.sent()) == 1
    assert (await client.submit(data)).receipt == views[0].receipt


async def test_concurrent_readers_over_http_share_the_mailbox(hub) -> None:
    sender, agency = await hub.client(hub.lam_son), await hub.client(hub.environment)
    for number in range(12):
        await sender.submit(hub.signed(hub.lam_son, hub.environment, number=number))
    pages = await asyncio.gather(*(agency.lease(limit=2) for _ in range(10)))
    keys = [item.delivery for page in pages for item in page]
    assert (len(keys), len(set(keys))) == (12, 12)


async def test_pages_of_the_api_are_complete(hub) -> None:
    sender, agency = await hub.client(hub.lam_son), await hub.client(hub.environment)
    views = [await sender.submit(hub.signed(hub.lam_son, hub.environment, number=number)) for number in range(7)]
    seen, after = [], ""
    while page := await agency.inbox(after=after, limit=3):
        seen += [item.message for item in page]
        after = page[-1].delivery
    assert seen == [view.message for view in views]
    seen, after = [], ""
    while found := await sender.sent(after=after, limit=3):
        seen += [item.message for item in found]
        after = found[-1].message
    assert seen == [view.message for view in reversed(views)]


async def test_another_letter_with_the_same_id_is_a_conflict_with_evidence(hub) -> None:
    first = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, subject="một"))
    refusal = await hub.refused(hub.lam_son, hub.signed(hub.lam_son, hub.environment, subject="hai"))
    assert (refusal.status, refusal.reason.code) == (409, "message-id-conflict")
    stated, _ = open_receipt(await (await hub.client(hub.lam_son)).evidence(refusal.evidence))
    assert stated.event is Event.SUBMISSION_REJECTION
    assert [cause.code for cause in stated.causes] == ["message-id-conflict"]
    for other in (hub.environment, hub.ham_rong):
        assert (await hub.ask("GET", f"/v1/evidence/{refusal.evidence}", by=other)).status == 404
    assert len(await (await hub.client(hub.environment)).inbox()) == 1
    assert (await (await hub.client(hub.lam_son)).message(first.message)).subject == "một"


async def test_of_concurrent_letters_with_the_same_id_one_is_taken_on(hub) -> None:
    client = await hub.client(hub.lam_son)
    letters = [hub.signed(hub.lam_son, hub.environment, subject=f"thư {number}") for number in range(8)]
    results = await asyncio.gather(*(client.submit(data) for data in letters), return_exceptions=True)
    refusals = [item for item in results if isinstance(item, HubRefused)]
    assert [item.reason.code for item in refusals] == ["message-id-conflict"] * 7
    assert len({item.evidence for item in refusals}) == 7
    assert len(await (await hub.client(hub.environment)).inbox()) == 1


async def test_a_refusal_is_attested_once_however_often_it_is_tried(hub) -> None:
    data = hub.signed(hub.lam_son, hub.environment).replace(b"V/v", b"V-v")
    first, second = await hub.refused(hub.lam_son, data), await hub.refused(hub.lam_son, data)
    assert (first.reason.code, first.status, first.evidence) == ("content-changed", 422, second.evidence)
    client = await hub.client(hub.lam_son)
    assert await client.evidence(first.evidence) == await client.evidence(second.evidence)


async def test_a_long_poll_returns_when_a_letter_arrives(hub) -> None:
    agency = await hub.client(hub.environment)
    polling = asyncio.create_task(agency.lease(wait=20))
    await asyncio.sleep(0.3)
    assert not polling.done()
    started = time.monotonic()
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    (delivery,) = await polling
    assert delivery.message == view.message
    assert time.monotonic() - started < 3


async def test_a_long_poll_without_a_letter_ends_in_time(hub) -> None:
    agency, started = await hub.client(hub.environment), time.monotonic()
    assert await agency.lease(wait=0.5) == []
    assert 0.4 < time.monotonic() - started < 5


async def test_a_party_named_by_two_codes_gets_one_delivery(hub) -> None:
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, "H56.12", hub.one_stop))
    receivers = (await (await hub.client(hub.lam_son)).message(view.message)).receivers
    assert sorted(item.receiver for item in receivers) == sorted([hub.environment, hub.one_stop])
    assert len(await (await hub.client(hub.environment)).inbox()) == 1


async def test_an_enterprise_is_reached_by_its_code_with_the_scheme(hub) -> None:
    await hub.submit(hub.environment, hub.signed(hub.environment, f"02{hub.lam_son}"))
    (delivery,) = await (await hub.client(hub.lam_son)).inbox()
    assert delivery.sender == hub.environment


async def test_one_unknown_receiver_refuses_the_whole_letter(hub) -> None:
    refusal = await hub.refused(hub.lam_son, hub.signed(hub.lam_son, hub.environment, "000.99.99.H56"))
    assert (refusal.status, refusal.reason.code) == (422, "receiver-unknown")
    assert "000.99.99.H56" in refusal.detail
    assert await (await hub.client(hub.environment)).inbox() == []


async def _put(hub, code, **changes) -> None:
    await hub.exchange.registry.put(dataclasses.replace(await hub.party(code), **changes))


async def test_a_suspended_receiver_gets_nothing_until_it_is_resumed(hub) -> None:
    data = hub.signed(hub.lam_son, hub.environment, hub.one_stop)
    await _put(hub, hub.environment, status=PartyStatus.SUSPENDED)
    refusal = await hub.refused(hub.lam_son, data)
    assert (refusal.status, refusal.reason.code) == (422, "receiver-suspended")
    assert await (await hub.client(hub.one_stop)).inbox() == []
    await _put(hub, hub.environment, status=PartyStatus.ACTIVE)
    await hub.submit(hub.lam_son, data)
    assert len(await (await hub.client(hub.environment)).inbox()) == 1


async def test_an_unsigned_letter_is_refused_by_default(hub) -> None:
    refusal = await hub.refused(hub.lam_son, build(hub.letter(hub.lam_son, hub.environment)))
    assert (refusal.status, refusal.reason.code) == (422, "signature-missing")


@pytest.mark.parametrize("kind", [SignatureClass.NONE, SignatureClass.PLACEHOLDER])
async def test_a_party_may_be_let_in_without_a_signature(hub, kind) -> None:
    admits = frozenset({SignatureClass.VALID, kind})
    await _put(hub, hub.lam_son, admits=admits)
    data = build(hub.letter(hub.lam_son, hub.environment))
    if kind is SignatureClass.PLACEHOLDER:
        data = data.replace(b"</edXMLHeader>", b"<Signature/></edXMLHeader>")
        data = data.replace(b"</edXML:edXMLHeader>", b"<Signature/></edXML:edXMLHeader>")
        assert data.count(b"<Signature/>") == 1
    view = await hub.submit(hub.lam_son, data)
    shown = (await hub.ask("GET", f"/v1/messages/{view.message}", by=hub.environment)).json
    assert (shown["signature_class"], shown["verdict"]["outcome"]) == (kind, "unsigned")
    assert await (await hub.client(hub.environment)).content(view.message) == data
    signed = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, number=2))
    shown = (await hub.ask("GET", f"/v1/messages/{signed.message}", by=hub.lam_son)).json
    assert (shown["signature_class"], shown["verdict"]["outcome"]) == ("valid", "valid")


async def test_an_unsigned_letter_speaks_for_its_own_party_only(hub) -> None:
    await _put(hub, hub.lam_son, admits=frozenset(SignatureClass))
    refusal = await hub.refused(hub.lam_son, build(hub.letter(hub.ham_rong, hub.environment)))
    assert refusal.reason.code == "sender-mismatch"


async def test_a_spoiled_signature_is_not_let_in_as_unsigned(hub) -> None:
    admits = frozenset({SignatureClass.VALID, SignatureClass.NONE, SignatureClass.PLACEHOLDER})
    await _put(hub, hub.lam_son, admits=admits)
    data = hub.signed(hub.lam_son, hub.environment).replace(b"V/v", b"V-v")
    assert (await hub.refused(hub.lam_son, data)).reason.code == "content-changed"


async def test_a_revoked_certificate_is_refused_at_once(hub) -> None:
    first = hub.signed(hub.lam_son, hub.environment, number=1)
    before = await hub.submit(hub.lam_son, first)
    lost = hub.key(hub.lam_son).certificate.signed_part
    await hub.exchange.trust.revoke(Revocation(signed_part=lost, at=datetime.now(UTC), why="lộ khóa"))
    refusal = await hub.refused(hub.lam_son, hub.signed(hub.lam_son, hub.environment, number=2))
    assert (refusal.status, refusal.reason.code) == (422, "certificate-revoked")
    assert (await hub.submit(hub.lam_son, first)).receipt == before.receipt
    assert len(await (await hub.client(hub.environment)).inbox()) == 1


async def test_damaged_bytes_are_never_handed_out(hub) -> None:
    large = [("a.pdf", b"%PDF-1.4 " + b"x" * 100_000)]
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, files=large))
    path = hub.folder / "blobs" / view.digest[:2] / view.digest
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    answer = await hub.ask("GET", f"/v1/messages/{view.message}/content", by=hub.environment)
    assert answer.problem()["code"] == "storage-damaged"
    path.write_bytes(whole)
    assert (await hub.ask("GET", f"/v1/messages/{view.message}/content", by=hub.environment)).body == whole


async def test_a_fault_of_the_hub_is_never_attested_as_a_refusal_of_the_letter(hub, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    letter = hub.signed(hub.lam_son, hub.environment, files=[("a.pdf", b"%PDF-1.4 " + b"x" * 200_000)])
    with monkeypatch.context() as patch:
        patch.setattr(type(hub.exchange.hub.blobs), "_put", full)
        refusal = await hub.refused(hub.lam_son, letter)
    assert (refusal.status, refusal.reason.code, refusal.evidence) == (507, "disk-full", "")
    view = await hub.submit(hub.lam_son, letter)
    assert open_receipt(view.receipt.encode())[0].event is Event.SUBMISSION_ACCEPTANCE
