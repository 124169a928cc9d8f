"""One document across three ways in: sent over REST, taken over on the axis, followed and answered over either."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import sys
from datetime import datetime
from pathlib import Path

from envelopes.drafting import draft_status
from envelopes.edxml import Organ, StatusCode, build
from envelopes.opened import VIETNAM

_SPEC = importlib.util.spec_from_file_location("axis_clients", Path(__file__).parents[1] / "ngsp" / "conftest.py")
assert _SPEC is not None
assert _SPEC.loader is not None
axis_clients = importlib.util.module_from_spec(_SPEC)
sys.modules["axis_clients"] = axis_clients
_SPEC.loader.exec_module(axis_clients)


async def test_a_document_sent_over_rest_is_taken_over_and_answered_on_the_axis(province, letter) -> None:
    hub, live = province.exchange.hub, province.live
    enterprise = await province.connect("H56.DN.001", [live.lam_son])
    await province.connect("H56.QLVB", [live.environment])
    agency = axis_clients.OfficialClient(f"{province.url}/axis", "H56.QLVB")
    written = letter(live.lam_son, live.environment, 1)
    with contextlib.closing(agency.wire):
        key = (await enterprise.send(build(written)))["docId"]
        (line,) = await agency.received()
        got = await agency.get_edoc(line["docId"])
        assert base64.b64decode(got["data"]) == build(written)
        assert (await agency.update(line["docId"], "done"))["status"] == "OK"
        for code in (StatusCode.ACCEPTED, StatusCode.COMPLETED):
            at = datetime.now(VIETNAM)
            notice = draft_status(sender=Organ(organ_id=live.environment), letter=written, code=code, at=at)
            answered = await agency.send_edoc(build(notice), kind="status", **{"from": live.environment})
            assert answered[:2] == ("OK", "0"), answered
    waiting = await enterprise.received(messageType="status")
    assert [item["from"] for item in waiting] == [live.environment] * 2
    for item in waiting:
        assert (await enterprise.update(item["docId"], "done"))["success"] is True
    moments = await province.exchange.reading.timeline(await live.party(live.lam_son), key)
    told = [moment.what for moment in moments]
    assert told.index("03") < told.index("06")
    assert {"SubmissionAcceptance", "ContentConsignment", "ContentHandover"} <= set(told)
    (delivery,) = await hub.store.mailboxes.of_message(key)
    assert delivery.status == "06"


async def test_the_other_way_round(province, letter) -> None:
    live = province.live
    enterprise = await province.connect("H56.DN.001", [live.lam_son])
    await province.connect("H56.QLVB", [live.environment])
    agency = axis_clients.OfficialClient(f"{province.url}/axis", "H56.QLVB")
    written = build(letter(live.environment, live.lam_son, 2))
    with contextlib.closing(agency.wire):
        status, number, _, key = await agency.send_edoc(written, **{"from": live.environment})
        assert (status, number) == ("OK", "0")
        (line,) = await enterprise.received()
        assert base64.b64decode((await enterprise.get(line["docId"]))["data"]["edxml"]) == written
        for step in ("done", "03", "06"):
            assert (await enterprise.update(line["docId"], step))["success"] is True, step
        (sent,) = (await agency.call("getSentEdocList", servicetype="eDoc", messagetype="edoc", docId=key))["data"]
        assert (sent["receiverDocId"], sent["receiveStatus"]) == (line["docId"], "06")
        assert len(await agency.received("status")) == 2
