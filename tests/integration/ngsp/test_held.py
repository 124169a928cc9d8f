"""What is held back because a key was lost is held back in the dialect too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from envelopes.edxml import build
from envelopes.signature.sign import sign
from exchange.core import compromise
from exchange.core.quarantine import Declaration

HANOI = "000.00.31.H56"


async def test_what_is_held_back_is_neither_listed_counted_handed_out_nor_taken_over(axis, pair) -> None:
    (one, _), live, hub = pair, axis.live, axis.exchange.hub
    letters = [sign(build(live.letter(live.lam_son, HANOI, number=n)), live.key(live.lam_son)) for n in (1, 2)]
    views = [await live.submit(live.lam_son, data) for data in letters]
    first, second = await one.received()
    assert (await one.update(first["docId"], "done"))["ErrorCode"] == "0"
    wanted = Declaration(
        certificate=live.key(live.lam_son).certificate.fingerprint,
        since=datetime.now(UTC) - timedelta(hours=1),
        why="mất khóa",
    )
    await compromise.declare(hub, wanted, axis.exchange.author())

    assert await one.received() == []
    assert (await one.call("countReceiveEdoc", b"{}", messagetype="edoc"))["count"] == 0
    today = datetime.now(UTC)
    dates = {
        "fromDate": f"{today - timedelta(days=2):%d/%m/%Y 00:00:00}",
        "toDate": f"{today + timedelta(days=2):%d/%m/%Y 00:00:00}",
    }
    assert [item["docId"] for item in await one.received(**dates)] == [first["docId"]]
    fresh = axis.client("one")
    for answer in (await fresh.get_edoc(second["docId"]), await fresh.update(second["docId"], "done")):
        assert (answer["status"], answer["ErrorCode"]) == ("FAIL", "21")
        assert "message-quarantined" in answer["ErrorDesc"]
    assert (await fresh.get_edoc(first["docId"]))["ErrorCode"] == "0"

    await compromise.release(hub, views[1].message, "xác nhận", axis.exchange.author())
    assert [item["docId"] for item in await fresh.received()] == [second["docId"]]
    assert (await fresh.update(second["docId"], "done"))["ErrorCode"] == "0"
