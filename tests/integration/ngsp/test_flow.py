"""Two systems exchange documents through the replica of the official client: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
from datetime import datetime, timedelta

import pytest

from envelopes.drafting import FileBeside, digests, draft_letter, draft_status
from envelopes.edxml import Letter, Organ, StatusCode, build
from envelopes.opened import VIETNAM
from envelopes.receipt import Event
from envelopes.signature.sign import sign
from exchange.auth import systems
from exchange.core.model import MessageKey
from exchange.core.systems import SystemId, SystemStatus

HANOI, BIM_SON = "000.00.31.H56", "000.00.32.H56"
EACH = 200


def letter(sender: str, receiver: str, number: int, **more) -> Letter:
    more.setdefault("files", [("a.txt", b"x" * 100)])
    return draft_letter(
        sender=Organ(organ_id=sender),
        receivers=[Organ(organ_id=receiver)],
        number=str(number),
        notation="UBND-VP",
        subject=f"V/v thử số {number}",
        at=datetime.now(VIETNAM),
        **more,
    )


def written(sender: str, receiver: str, number: int) -> bytes:
    return build(letter(sender, receiver, number))


def notice(sender: str, about: Letter, code: str) -> bytes:
    at = datetime.now(VIETNAM)
    return build(draft_status(sender=Organ(organ_id=sender), letter=about, code=StatusCode(code), at=at))


async def test_a_document_goes_all_the_way(pair) -> None:
    one, two = pair
    data = written(HANOI, BIM_SON, 1)
    status, code, text, key = await one.send_edoc(data, **{"from": HANOI, "to": f'["{BIM_SON}"]'})
    assert (status, code, text) == ("OK", "0", "")
    assert key
    assert (await two.call("countReceiveEdoc", b"{}", messagetype="edoc"))["count"] == 1
    (line,) = await two.received()
    assert (line["from"], line["to"], line["messageType"], line["status"]) == (HANOI, BIM_SON, "edoc", "initial")
    got = await two.get_edoc(line["docId"])
    assert base64.b64decode(got["data"]) == data
    assert (await two.update(line["docId"], "processing"))["status"] == "OK"
    assert [item["status"] for item in await two.received()] == ["processing"]
    assert (await two.update(line["docId"], "done"))["status"] == "OK"
    assert await two.received() == []
    assert (await two.call("countReceiveEdoc", b"{}"))["count"] == 0
    (sent,) = (await one.call("getSentEdocList", servicetype="eDoc", messagetype="edoc", docId=key))["data"]
    assert (sent["receiverDocId"], sent["receiveStatus"]) == (line["docId"], "done")


async def send_all(client, own: str, other: str) -> tuple[dict[bytes, Letter], set[str | None]]:
    """Send 200 letters; an answer that is lost on its way, as of each tenth, is asked for again."""
    letters, keys = {}, set()
    for number in range(1, EACH + 1):
        drafted = letter(own, other, number)
        letters[build(drafted)] = drafted
        for _ in range(2 if number % 10 == 3 else 1):
            status, _, text, key = await client.send_edoc(build(drafted), **{"from": own})
            assert status == "OK", text
            keys.add(key)
    return letters, keys


async def collect_all(client, sent: dict[bytes, Letter]) -> tuple[dict[bytes, int], int]:
    """Take everything over; what ends in 7 fails at first. Count how often each document came."""
    got: dict[bytes, int] = {}
    failed: set[str] = set()
    while lines := await client.received(pageSize="50", pageIndex="1"):
        for line in lines:
            data = base64.b64decode((await client.get_edoc(line["docId"]))["data"])
            fails = sent[data].code.number.endswith("7") and line["docId"] not in failed
            if fails:
                failed.add(line["docId"])
            else:
                got[data] = got.get(data, 0) + 1
            answer = await client.update(line["docId"], "fail" if fails else "done", "Từ chối" if fails else "")
            assert answer["status"] == "OK", answer
    return got, len(failed)


async def collect_notices(client) -> set[str]:
    answered: set[str] = set()
    while lines := await client.received("status"):
        for line in lines:
            answered.add(line["docId"])
            assert b"StatusCode>03<" in base64.b64decode((await client.get_edoc(line["docId"]))["data"])
            assert (await client.update(line["docId"], "done"))["status"] == "OK"
    return answered


@pytest.mark.timeout(300)
async def test_200_documents_each_way(pair) -> None:
    """Each is sent, collected, failed once where its number ends in 7, reported, and answered with status 03."""
    one, two = pair
    sides = ((one, HANOI, BIM_SON), (two, BIM_SON, HANOI))
    there, back = await asyncio.gather(*(send_all(*side) for side in sides))
    assert len(there[1] | back[1]) == 2 * EACH
    await asyncio.gather(take(one, HANOI, back[0]), take(two, BIM_SON, there[0]))
    assert [len(each) for each in await asyncio.gather(collect_notices(one), collect_notices(two))] == [EACH, EACH]
    for client, own, _ in sides:
        lines = (await client.call("getSentEdocList", messagetype="edoc", docId="", pageSize="1000"))["data"]
        assert len(lines) == EACH
        assert {(line["receiveStatus"], line["fromCode"]) for line in lines} == {("03", own)}


async def take(client, own: str, sent: dict[bytes, Letter]) -> None:
    """Take everything over that was sent, and answer each with status 03."""
    assert await collect_all(client, sent) == (dict.fromkeys(sent, 1), EACH // 10)
    for about in sent.values():
        status, _, text, _ = await client.send_edoc(notice(own, about, "03"), kind="status", **{"from": own})
        assert status == "OK", text


async def test_the_same_bytes_are_one_document_and_the_same_id_with_others_is_refused(pair) -> None:
    one, two = pair
    data = written(HANOI, BIM_SON, 1)
    first = await one.send_edoc(data, **{"from": HANOI})
    assert await one.send_edoc(data, **{"from": HANOI}) == first
    status, code, text, key = await one.send_edoc(data.replace(b"V/v", b"v/v"), **{"from": HANOI})
    assert (status, code, key) == ("FAIL", "21", "")
    assert text.startswith("message-id-conflict: ")
    assert len(await two.received()) == 1


async def test_headers_of_earlier_calls_change_nothing(pair) -> None:
    """A client that goes on using one object sends docId and docid, status, to and hash-file of calls long past."""
    one, two = pair
    for number in (1, 2):
        await one.send_edoc(written(HANOI, BIM_SON, number), **{"from": HANOI})
    first, second = [line["docId"] for line in await two.received()]
    await two.update(first, "processing")
    assert (await two.get_edoc(second))["status"] == "OK"
    assert two.headers["docid"] == first
    assert two.headers["docId"] == second
    assert (await two.call("getSentEdocList", messagetype="edoc"))["data"] == []
    two.headers.pop("docid")
    assert (await two.update(second, "done", name="docId"))["status"] == "OK"
    assert [line["docId"] for line in await two.received()] == [first]


async def test_what_failed_is_listed_last_and_can_be_done_later(axis, pair) -> None:
    one, two = pair
    keys = [(await one.send_edoc(written(HANOI, BIM_SON, number), **{"from": HANOI}))[3] for number in (1, 2, 3)]
    first, second, third = [line["docId"] for line in await two.received()]
    refused = await two.update(first, "fail", "Đĩa đầy")
    assert (refused["status"], refused["ErrorCode"]) == ("FAIL", "20")
    assert (await two.update(first, "fail", "Lỗi: tệp hỏng"))["status"] == "OK"
    assert [line["docId"] for line in await two.received()] == [second, third, first]
    assert (await two.received())[-1]["status_desc"] == "Lỗi: tệp hỏng"
    timeline = await (await axis.live.client(HANOI)).timeline(keys[0])
    assert [item.text for item in timeline if item.what == "transport-fail"] == ["Lỗi: tệp hỏng"]
    view = await (await axis.live.client(HANOI)).message(keys[0])
    assert [(item.transport, item.transport_text) for item in view.receivers] == [("fail", "Lỗi: tệp hỏng")]
    assert (await two.update(first, "done"))["status"] == "OK"
    assert (await two.update(first, "fail"))["status"] == "OK"
    assert [line["docId"] for line in await two.received()] == [second, third]


async def test_dates_and_pages(pair) -> None:
    one, two = pair
    for number in range(5):
        await one.send_edoc(written(HANOI, BIM_SON, number), **{"from": HANOI})
    every = [line["docId"] for line in await two.received()]
    await two.update(every[0], "done")
    within = {"fromDate": "01/01/2020 00:00:00", "toDate": "01/01/2100 00:00:00"}
    assert [line["docId"] for line in await two.received(**within)] == every
    assert [line["docId"] for line in await two.received(**within, pageSize="2", pageIndex="2")] == every[2:4]
    assert await two.received(fromDate="01/01/2020 00:00:00", toDate="02/01/2020 00:00:00") == []
    answer = await two.call("getReceivedEdocList", fromDate="2020-01-01")
    assert (answer["ErrorCode"], answer["data"]) == ("20", [])


async def test_what_is_not_the_systems_is_not_there(axis, pair) -> None:
    one, two = pair
    await one.send_edoc(written(HANOI, BIM_SON, 1), **{"from": HANOI})
    (line,) = await two.received()
    answer = await one.get_edoc(line["docId"])
    assert (answer["status"], answer["ErrorCode"]) == ("FAIL", "20")
    assert "data" not in answer
    assert (await one.update(line["docId"], "done"))["status"] == "FAIL"
    _, code, text, key = await two.send_edoc(written(HANOI, BIM_SON, 9), **{"from": BIM_SON})
    assert (code, key) == ("19", "")
    assert f"Don vi gui {HANOI} khong dung voi ma da dang ky: {BIM_SON}" in text
    _, code, text, _ = await two.send_edoc(written(BIM_SON, HANOI, 9), **{"from": HANOI})
    assert code == "19"
    stranger = await axis.connect("three", [])
    assert await stranger.received() == []
    assert (await stranger.send_edoc(written(HANOI, BIM_SON, 3)))[1] == "19"


async def test_errors_have_the_numbers_that_clients_know(axis, pair) -> None:
    one, _ = pair
    unknown = await one.send_edoc(written(HANOI, "000.00.77.H99", 1), **{"from": HANOI})
    assert unknown[1] == "18"
    assert (await one.send_edoc(b"no XML", **{"from": HANOI}))[1] == "10"
    assert (await one.send_edoc(b"<edXML/>", **{"from": HANOI}))[1] == "22"
    assert (await axis.client("one", "another-secret").call("getAgenciesList"))["ErrorCode"] == "15"
    assert (await axis.client("nobody").call("getAgenciesList"))["ErrorCode"] == "15"
    stranger = await axis.client("one", "another-secret").send_edoc(written(HANOI, BIM_SON, 1), **{"from": HANOI})
    assert (stranger[0], stranger[1], stranger[3]) == ("FAIL", "15", "")
    unreadable = await axis.client("one").send_edoc(written(HANOI, BIM_SON, 1), **{"from": "\x11"})
    assert (unreadable[0], unreadable[1], unreadable[3]) == ("FAIL", "20", "")
    signing = await axis.connect("four", ["000.00.33.H56"], unsigned=False)
    _, code, text, key = await signing.send_edoc(written("000.00.33.H56", BIM_SON, 1), **{"from": "000.00.33.H56"})
    assert (code, key) == ("22", "")
    assert "signature-missing" in text
    assert "Sign the document" in text


async def test_the_secret_is_replaced_while_the_system_works(axis, pair) -> None:
    one, _ = pair
    exchange = axis.exchange
    new, _ = await systems.rotate(
        exchange.systems, exchange.entropy, exchange.author(), SystemId("one"), timedelta(hours=1)
    )
    assert (await one.call("countReceiveEdoc", b"{}"))["status"] == "OK"
    assert (await axis.client("one", new).call("countReceiveEdoc", b"{}"))["status"] == "OK"
    await systems.rotate(exchange.systems, exchange.entropy, exchange.author(), SystemId("one"), timedelta())
    assert (await one.call("countReceiveEdoc", b"{}"))["ErrorCode"] == "15"
    stored = (axis.live.folder / "hub.db").read_bytes() + (axis.live.folder / "hub.db-wal").read_bytes()
    assert new.encode() not in stored
    assert (axis.live.folder / "keys" / "systems.key").read_bytes() not in stored


async def test_a_suspended_system_is_told_so(axis, pair) -> None:
    one, _ = pair
    stopped = dataclasses.replace(await axis.system("one"), status=SystemStatus.SUSPENDED)
    await axis.exchange.systems.put(stopped, axis.exchange.author())
    answer = await one.call("getAgenciesList")
    assert (answer["ErrorCode"], answer["ErrorDesc"].partition(":")[0]) == ("15", "system-suspended")


async def test_a_variant_client_sends_base64(axis, pair) -> None:
    one, two = pair
    data = written(HANOI, BIM_SON, 1)
    wrapped = base64.encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    assert (await one.send_edoc(wrapped, **{"from": HANOI}))[0] == "OK"
    (line,) = await two.received()
    assert base64.b64decode((await two.get_edoc(line["docId"]))["data"]) == data


async def test_downloading_gives_the_very_bytes(axis, pair) -> None:
    one, two = pair
    data = written(HANOI, BIM_SON, 1)
    await one.send_edoc(data, **{"from": HANOI})
    (line,) = await two.received()
    two.headers.update({"docId": line["docId"], "filePath": "x"})
    head = two._head("GET", "downloadEdoc", {}, 0, "application/json", cut=True)
    status, _, content = await two.wire.send(head)
    assert (status, content) == (200, data)
    plain = f"GET /axis/downloadEdoc?docId={line['docId']} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert b'"ErrorCode": "15"' in (await two.wire.send(plain))[2]


async def test_a_unit_is_served_once_whatever_codes_name_it_and_enterprises_by_their_tax_code(axis, pair) -> None:
    live, (one, two) = axis.live, pair
    drafted = draft_letter(
        sender=Organ(organ_id="H56.31"),
        receivers=[Organ(organ_id=code) for code in (BIM_SON, "H56.32", f"02{live.lam_son}")],
        number="1",
        notation="UBND",
        subject="V/v thử",
        at=datetime.now(VIETNAM),
    )
    status, _, text, key = await one.send_edoc(build(drafted), **{"from": HANOI})
    assert status == "OK", text
    assert len(await two.received()) == 1
    assert [item.message for item in await (await live.client(live.lam_son)).inbox()] == [key]
    sent = (await one.call("getSentEdocList", docId=key or ""))["data"]
    assert sorted(line["toCode"] for line in sent) == [BIM_SON, live.lam_son]


async def test_an_administrator_connects_changes_and_replaces_over_the_api(axis) -> None:
    live, token = axis.live, await axis.live.give(axis.live.code, "administer")

    async def ask(method: str, path: str, data: bytes = b""):
        return await live.ask(method, path, token=token, data=data or None)

    made = await ask(
        "POST", "/v1/systems", b'{"systemid":"api","name":"x","agencies":[{"agency":"H56.33","only":false}]}'
    )
    assert (made.status, made.json["old_ends_at"]) == (201, None)
    client = axis.client("api", made.json["secret"])
    assert (await client.call("countReceiveEdoc", b"{}"))["ErrorCode"] == "0"
    shown = (await ask("GET", "/v1/systems/api")).json
    assert (shown["unsigned"], shown["agencies"]) == (False, [{"agency": "000.00.33.H56", "only": False}])
    assert made.json["secret"].encode() not in (await ask("GET", "/v1/systems")).body
    changed = (await ask("PUT", "/v1/systems/api", b'{"unsigned":true}')).json
    assert (changed["unsigned"], changed["agencies"]) == (True, shown["agencies"])
    rotated = await ask("POST", "/v1/systems/api/rotation", b'{"overlap_seconds":0}')
    assert (await client.call("countReceiveEdoc", b"{}"))["ErrorCode"] == "15"
    assert (await axis.client("api", rotated.json["secret"]).call("countReceiveEdoc", b"{}"))["ErrorCode"] == "0"
    assert (await ask("PUT", "/v1/systems/api", b'{"status":"suspended"}')).json["status"] == "suspended"
    for method, path, data, code in (
        ("POST", "/v1/systems", b'{"systemid":"api","name":"x"}', "system-exists"),
        ("POST", "/v1/systems", b'{"systemid":"b"}', "request-malformed"),
        ("POST", "/v1/systems", b'{"systemid":"b","name":"x","agencies":[{"agency":"nobody"}]}', "not-found"),
        ("GET", "/v1/systems/b", b"", "not-found"),
        ("POST", "/v1/systems/api/rotation", b'{"overlap_seconds":1e9}', "request-malformed"),
    ):
        assert (await ask(method, path, data)).problem()["code"] == code
    records = await axis.exchange.audit.page(0, 1000)
    events = [item.event for item in records if item.subject == "system api"]
    assert events == ["system-connected", "system-changed", "system-rotated", "system-suspended"]


async def test_long_headers_pass_and_longer_ones_are_answered(pair) -> None:
    """586 receivers are named twice, in a header and in the signed text, with every quotation mark escaped."""
    one, _ = pair
    named = "[" + ",".join(f'"000.{number:02}.{number:02}.H56"' for number in range(586)) + "]"
    status, *_ = await one.send_edoc(written(HANOI, BIM_SON, 1), **{"from": HANOI, "to": named})
    assert status == "OK"
    one.headers["to"] = "x" * 200_000
    answer = await one.call("countReceiveEdoc")
    assert (answer["status"], answer["ErrorCode"]) == ("FAIL", "20")


async def test_units_below_an_agency_of_the_system(axis, pair) -> None:
    one, two = pair
    unit = f'{{"id":"","pcode":"{HANOI}","code":"000.09.31.H56","name":"Phường Mới","mail":"a@b.vn","mobile":"1"}}'
    assert (await one.call("registerAgency", unit.encode()))["status"] == "OK"
    assert (await one.call("registerAgency", unit.encode()))["status"] == "OK"
    listed = (await two.call("getAgenciesList"))["data"]
    assert [(item["pid"], item["name"], item["mail"]) for item in listed if item["code"] == "000.09.31.H56"] == [
        (HANOI, "Phường Mới", "a@b.vn")
    ]
    assert (await two.call("registerAgency", unit.encode()))["ErrorCode"] == "19"
    assert (await two.call("deleteAgency", b"{}", AgencyCode="000.09.31.H56"))["status"] == "FAIL"
    await two.send_edoc(written(BIM_SON, "000.09.31.H56", 1), **{"from": BIM_SON})
    assert len(await one.received()) == 1
    assert (await one.call("deleteAgency", b"{}", AgencyCode=HANOI))["status"] == "FAIL"
    assert (await one.call("deleteAgency", b"{}", AgencyCode="000.09.31.H56"))["status"] == "OK"
    assert (await two.send_edoc(written(BIM_SON, "000.09.31.H56", 2), **{"from": BIM_SON}))[1] == "23"
    broken = await one.call("registerAgency", b'{"id":"","mail":cc""}')
    assert (broken["status"], broken["ErrorDesc"].partition(":")[0]) == ("FAIL", "request-malformed")


async def test_a_letter_that_a_system_could_not_take_is_refused_before(axis, pair) -> None:
    live = axis.live
    data = await live.client(live.lam_son)
    listed = {item.id: item for item in await data.parties()}
    bound = listed[BIM_SON]
    assert (bound.reached_by, bound.files_beside, bound.max_bytes) == (["ngsp"], False, 48 * 1024 * 1024)
    free = listed[live.environment]
    assert (free.reached_by, free.files_beside) == (["api"], True)
    content = b"plan" * 100
    digest = hashlib.sha256(content).hexdigest()
    beside = FileBeside(name="a.dwg", digest=digest, size=len(content))
    drafted = letter(live.lam_son, BIM_SON, 5, files=[], detached=[beside])
    signed = sign(build(drafted), live.key(live.lam_son), digests(drafted, [beside]))
    assert await data.doubts(build(drafted)) == [
        f"{bound.name} ({BIM_SON}) is reached through a system that takes no files beside a letter"
    ]
    refusal = await live.refused(live.lam_son, signed)
    assert refusal.reason.code == "receiver-no-files-beside"


async def test_one_story_over_both_edges(axis, pair) -> None:
    """An enterprise sends over the API; an agency takes it over and answers 03 and 06 in the dialect; and the other way."""
    live, (one, _) = axis.live, pair
    enterprise = await live.client(live.lam_son)
    drafted = live.letter(live.lam_son, HANOI)
    view = await enterprise.submit(sign(build(drafted), live.key(live.lam_son)))
    (line,) = await one.received()
    assert base64.b64decode((await one.get_edoc(line["docId"]))["data"])
    await one.update(line["docId"], "done")
    for code in ("03", "06"):
        assert (await one.send_edoc(notice(HANOI, drafted, code), kind="status", **{"from": HANOI}))[0] == "OK"
    seen = await enterprise.timeline(view.message)
    told = [item.what for item in seen]
    assert [what for what in told if len(what) == 2] == ["03", "06"]
    assert Event.CONTENT_HANDOVER in told
    own = await (await live.client(HANOI)).timeline(view.message)
    assert own == seen
    (entry, _) = (await enterprise.inbox())[:2]
    assert entry.kind == "status"
    shown = await enterprise.message(entry.message)
    assert shown.signature_class == "none"
    assert b"Unsigned, authenticated by the key of system one" in bytes(shown.verdict)

    answer = letter(HANOI, live.lam_son, 77)
    key = (await one.send_edoc(build(answer), **{"from": HANOI}))[3]
    taken = [item for item in await enterprise.inbox() if item.kind == "letter"]
    assert [item.message for item in taken] == [key]
    await enterprise.acknowledge(taken[0].delivery)
    for code in ("03", "06"):
        await live.submit(live.lam_son, live.notice(live.lam_son, answer, code))
    (sent,) = (await one.call("getSentEdocList", messagetype="edoc", docId=key))["data"]
    assert (sent["receiveStatus"], sent["receiveStatusDesc"]) == ("06", "completed")
    assert len(await one.received("status")) == 2
    mine = await (await live.client(HANOI)).timeline(MessageKey(key or ""))
    assert mine == await enterprise.timeline(MessageKey(key or ""))
    assert [item.what for item in mine if len(item.what) == 2] == ["03", "06"]
