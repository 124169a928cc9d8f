"""Two systems exchange documents through the replica of the official client: nothing is lost, nothing doubled."""

from __future__ import annotations

import base64
from datetime import datetime

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM

HANOI, BIM_SON = "000.00.31.H56", "000.00.32.H56"


def written(sender: str, receiver: str, number: int) -> bytes:
    letter = draft_letter(
        sender=Organ(organ_id=sender),
        receivers=[Organ(organ_id=receiver)],
        number=str(number),
        notation="UBND-VP",
        subject=f"V/v thử số {number}",
        at=datetime.now(VIETNAM),
        files=[("a.txt", b"x" * 100)],
    )
    return build(letter)


async def test_a_document_goes_all_the_way(axis) -> None:
    one, two = await axis.connect("one", [HANOI]), await axis.connect("two", [BIM_SON])
    data = written(HANOI, BIM_SON, 1)
    status, code, text, key = await one.send_edoc(data, **{"from": HANOI})
    assert (status, code, text) == ("OK", "0", "")
    assert key
    (line,) = await two.received()
    assert (line["from"], line["to"], line["messageType"], line["status"]) == (HANOI, BIM_SON, "edoc", "initial")
    got = await two.get_edoc(line["docId"])
    assert base64.b64decode(got["data"]) == data
    assert (await two.update(line["docId"], "processing"))["status"] == "OK"
    assert [item["status"] for item in await two.received()] == ["processing"]
    assert (await two.update(line["docId"], "done"))["status"] == "OK"
    assert await two.received() == []
    (sent,) = (await one.call("getSentEdocList", servicetype="eDoc", messagetype="edoc", docId=key))["data"]
    assert (sent["receiverDocId"], sent["receiveStatus"]) == (line["docId"], "done")
