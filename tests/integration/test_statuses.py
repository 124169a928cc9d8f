"""Status notices move the document at their receiver and are told to its sender."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from envelopes.drafting import draft_status
from envelopes.edxml import Organ, StatusCode, build
from envelopes.opened import VIETNAM
from envelopes.receipt import Event, open_receipt
from envelopes.signature.sign import sign


@pytest.fixture
async def letter(hub):
    """A letter from Lam Sơn to two agencies that was taken on; gives it with its key at the hub."""
    drafted = hub.letter(hub.lam_son, hub.environment, hub.one_stop)
    view = await hub.submit(hub.lam_son, sign(build(drafted), hub.key(hub.lam_son)))
    return drafted, view.message


async def _state(hub, message) -> dict[str, str]:
    view = await (await hub.client(hub.lam_son)).message(message)
    return {item.receiver: item.status for item in view.receivers}


async def _told(hub, by, message) -> list[tuple[str, str, bool]]:
    moments = await (await hub.client(by)).timeline(message)
    return [(item.what, item.receiver, item.irregular) for item in moments if item.notice]


async def test_the_usual_way_of_a_document(hub, letter) -> None:
    drafted, message = letter
    for code in ("01", "03", "06"):
        await hub.submit(hub.environment, hub.notice(hub.environment, drafted, code))
        assert await _state(hub, message) == {hub.environment: code, hub.one_stop: ""}
    told = [(code, hub.environment, False) for code in ("01", "03", "06")]
    assert await _told(hub, hub.lam_son, message) == told
    assert await _told(hub, hub.environment, message) == told
    assert await _told(hub, hub.one_stop, message) == []


async def test_a_notice_is_delivered_to_the_sender_of_the_letter(hub, letter) -> None:
    drafted, _ = letter
    data = hub.notice(hub.environment, drafted, "01")
    view = await hub.submit(hub.environment, data)
    sender = await hub.client(hub.lam_son)
    (delivery,) = await sender.inbox()
    assert (delivery.kind, delivery.sender, delivery.message) == ("status", hub.environment, view.message)
    assert await sender.content(view.message) == data
    await sender.acknowledge(delivery.delivery)
    assert await sender.inbox() == []


async def test_a_refusal_says_why_and_is_attested(hub, letter) -> None:
    drafted, message = letter
    refusal = await hub.refused(hub.environment, hub.notice(hub.environment, drafted, "02"))
    assert refusal.reason.code == "edxml-grounds"
    await hub.submit(hub.environment, hub.notice(hub.environment, drafted, "02", "Không thuộc thẩm quyền"))
    assert (await _state(hub, message))[hub.environment] == "02"
    sender = await hub.client(hub.lam_son)
    moments = {item.what: item for item in await sender.timeline(message) if item.receiver == hub.environment}
    assert moments["02"].text == "Không thuộc thẩm quyền"
    stated, _ = open_receipt(await sender.evidence(moments["ConsignmentRejection"].evidence))
    assert (stated.event, stated.refers_to) == (Event.CONSIGNMENT_REJECTION, hub.environment)
    assert [(cause.code, cause.text) for cause in stated.causes] == [("status-02", "Không thuộc thẩm quyền")]


async def test_an_irregular_order_is_recorded_and_flagged(hub, letter) -> None:
    drafted, message = letter
    for code in ("06", "01", "03"):
        await hub.submit(hub.environment, hub.notice(hub.environment, drafted, code))
    assert (await _state(hub, message))[hub.environment] == "03"
    assert await _told(hub, hub.lam_son, message) == [
        ("06", hub.environment, True),
        ("01", hub.environment, True),
        ("03", hub.environment, False),
    ]


async def test_receivers_move_on_their_own(hub, letter) -> None:
    drafted, message = letter
    await hub.submit(hub.environment, hub.notice(hub.environment, drafted, "01"))
    await hub.submit(hub.one_stop, hub.notice(hub.one_stop, drafted, "03"))
    assert await _state(hub, message) == {hub.environment: "01", hub.one_stop: "03"}


async def test_the_same_notice_again_changes_nothing(hub, letter) -> None:
    drafted, message = letter
    data = hub.notice(hub.environment, drafted, "01")
    views = await asyncio.gather(*(hub.submit(hub.environment, data) for _ in range(8)))
    assert len({view.receipt for view in views}) == 1
    assert await _told(hub, hub.lam_son, message) == [("01", hub.environment, False)]


async def test_a_stranger_reports_nothing(hub, letter) -> None:
    drafted, message = letter
    refusal = await hub.refused(hub.finance, hub.notice(hub.finance, drafted, "01"))
    assert (refusal.status, refusal.reason.code) == (422, "not-addressee")
    assert await _state(hub, message) == {hub.environment: "", hub.one_stop: ""}


async def test_a_sender_does_not_report_on_its_own_letter(hub, letter) -> None:
    drafted, _ = letter
    assert (await hub.refused(hub.lam_son, hub.notice(hub.lam_son, drafted, "01"))).reason.code == "not-addressee"


async def test_the_sender_asks_for_a_letter_back(hub, letter) -> None:
    drafted, message = letter
    recall = hub.notice(hub.lam_son, drafted, "13", "Gửi nhầm", about=hub.environment)
    await hub.submit(hub.lam_son, recall)
    assert await _state(hub, message) == {hub.environment: "13", hub.one_stop: ""}
    asked = [item for item in await (await hub.client(hub.environment)).inbox() if item.kind == "status"]
    assert [item.sender for item in asked] == [hub.lam_son]
    await hub.submit(hub.environment, hub.notice(hub.environment, drafted, "15"))
    assert await _told(hub, hub.lam_son, message) == [
        ("13", hub.environment, False),
        ("15", hub.environment, False),
    ]


@pytest.mark.parametrize("asker", ["one_stop", "finance"])
async def test_only_the_sender_asks_for_a_letter_back(hub, letter, asker) -> None:
    drafted, message = letter
    who = getattr(hub, asker)
    refusal = await hub.refused(who, hub.notice(who, drafted, "13", "Gửi nhầm", about=hub.environment))
    assert refusal.status == 422
    assert refusal.reason.code in {"not-sender", "original-unknown"}
    assert await _state(hub, message) == {hub.environment: "", hub.one_stop: ""}


async def test_a_letter_is_not_asked_back_from_who_never_had_it(hub, letter) -> None:
    drafted, _ = letter
    recall = hub.notice(hub.lam_son, drafted, "13", "Gửi nhầm", about=hub.finance)
    assert (await hub.refused(hub.lam_son, recall)).reason.code == "not-sender"


async def test_a_notice_about_an_unknown_letter_is_refused(hub) -> None:
    never_sent = hub.letter(hub.lam_son, hub.environment, number=404)
    refusal = await hub.refused(hub.environment, hub.notice(hub.environment, never_sent, "01"))
    assert (refusal.status, refusal.reason.code) == (422, "original-unknown")


def _notice_by_code(hub, drafted, *, dated: bool):
    organ, at = Organ(organ_id=hub.environment), datetime.now(VIETNAM)
    notice = draft_status(sender=organ, letter=drafted, code=StatusCode.ARRIVED, at=at)
    about = replace(notice.response_for, document_id=None)
    about = about if dated else replace(about, promulgation_date=None)
    return sign(build(replace(notice, response_for=about)), hub.key(hub.environment))


@pytest.mark.parametrize("dated", [True, False])
async def test_a_letter_is_named_by_its_code_alone(hub, letter, dated) -> None:
    drafted, message = letter
    await hub.submit(hub.environment, _notice_by_code(hub, drafted, dated=dated))
    assert (await _state(hub, message))[hub.environment] == "01"


async def test_a_code_that_two_letters_have_names_neither(hub, letter) -> None:
    drafted, message = letter
    twin = replace(drafted, document_id=f"{drafted.document_id}-2")
    await hub.submit(hub.lam_son, sign(build(twin), hub.key(hub.lam_son)))
    refusal = await hub.refused(hub.environment, _notice_by_code(hub, drafted, dated=True))
    assert (refusal.status, refusal.reason.code) == (422, "original-ambiguous")
    assert (await _state(hub, message))[hub.environment] == ""
