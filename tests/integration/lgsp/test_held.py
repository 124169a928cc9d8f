"""What is held back because a key was lost is held back for systems that connect over REST too."""

from __future__ import annotations

from datetime import timedelta

from envelopes.edxml import build
from envelopes.signature.sign import sign
from exchange.core import compromise
from exchange.core.quarantine import Declaration


async def test_what_is_held_back_is_neither_listed_handed_out_nor_taken_over(province, letter) -> None:
    live, exchange = province.live, province.exchange
    agency = await province.connect("H56.QLVB", [live.environment])
    view = await live.submit(
        live.lam_son, sign(build(letter(live.lam_son, live.environment, 1)), live.key(live.lam_son))
    )
    (line,) = await agency.received()
    wanted = Declaration(
        certificate=live.key(live.lam_son).certificate.fingerprint,
        since=province.clock.now() - timedelta(hours=1),
        why="mất khóa",
    )
    await compromise.declare(exchange.hub, wanted, exchange.author())
    assert await agency.received() == []
    for answer in (await agency.get(line["docId"]), await agency.update(line["docId"], "done")):
        assert answer["success"] is False
        assert "message-quarantined" in str(answer)
    statement = await agency.update(line["docId"], "03")
    assert statement["success"] is False
    await compromise.withdraw(exchange.hub, view.message, "giả mạo", exchange.author())
    assert await agency.received() == []
    assert "message-withdrawn" in str(await agency.get(line["docId"]))
