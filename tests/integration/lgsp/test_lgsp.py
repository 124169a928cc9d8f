"""Two systems exchange documents over the REST dialect, and with others; every failure has the form of the dialect."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import random
from datetime import datetime, timedelta

import pytest

from envelopes.drafting import draft_status
from envelopes.edxml import Organ, StatusCode, build
from envelopes.opened import VIETNAM
from exchange.auth import passes, systems
from exchange.core.model import PartyStatus
from exchange.core.systems import SystemStatus

HANOI, BIM_SON = "000.00.31.H56", "000.00.32.H56"


async def pair(province):
    return await province.connect("H56.QLVB.01", [HANOI]), await province.connect("H56.QLVB.02", [BIM_SON])


def failed(answer, number: str, code: str) -> None:
    """Hold a failure to the form of the dialect."""
    assert set(answer) - {"licenseInfo"} == {"success", "message", "data"}
    assert answer["success"] is False
    assert set(answer["data"]) == {"docId", "status", "errorCode", "errorDesc"}
    assert (answer["data"]["status"], answer["data"]["errorCode"]) == ("error", number), answer
    assert answer["data"]["errorDesc"].startswith(f"{code}: ")


async def test_login_gives_a_pass(province) -> None:
    client = await province.connect("H56.DN.001", [HANOI])
    answer = await client.login()
    assert (client.status, answer["code"], answer["message"]) == (200, 0, "OK")
    assert answer["data"] == {
        "token": client.token,
        "id": "H56.DN.001",
        "username": "H56.DN.001",
        "name": "Hệ thống H56.DN.001",
    }


async def test_a_document_goes_all_the_way(province, written) -> None:
    one, two = await pair(province)
    data = written(HANOI, BIM_SON, 1)
    sent = await one.send(data)
    assert (one.status, sent["success"], sent["message"]) == (200, True, "OK")
    assert sent == await one.send(data)
    (line,) = await two.received(messageType="edoc")
    assert set(line) == {
        *("serviceType", "createdTime", "updatedTime", "messageType", "docId", "from", "to", "status", "statusDesc")
    }
    assert (line["from"], line["to"], line["messageType"], line["status"]) == (HANOI, BIM_SON, "edoc", "initial")
    got = (await two.get(line["docId"]))["data"]
    assert base64.b64decode(got["edxml"]) == data
    assert (got["docId"], got["from"], got["edocCode"]) == (line["docId"], HANOI, "1/UBND-VP")
    assert got["edocAbstract"] == "V/v thử số 1"
    (file,) = got["attachments"]
    assert (file["fileName"], base64.b64decode(file["fileContent"])) == ("ghi chú.txt", b"x" * 100)
    assert (await two.update(line["docId"], "processing"))["success"] is True
    assert [item["status"] for item in await two.received()] == ["processing"]
    for _ in range(2):
        assert await two.update(line["docId"], "done") == {"success": True, "message": "OK"}
    assert await two.received() == []
    today = datetime.now(VIETNAM)
    (again,) = await two.received(fromDate=f"{today:%Y/%m/%d}", toDate=f"{today:%Y/%m/%d}")
    assert (again["docId"], again["status"]) == (line["docId"], "done")
    before = today - timedelta(days=2)
    assert await two.received(fromDate=f"{before:%Y/%m/%d}", toDate=f"{before:%Y/%m/%d}") == []


async def test_a_status_message_comes_back(province, letter) -> None:
    one, two = await pair(province)
    sent = letter(HANOI, BIM_SON, 2)
    await one.send(build(sent))
    at = datetime.now(VIETNAM)
    notice = build(draft_status(sender=Organ(organ_id=BIM_SON), letter=sent, code=StatusCode.ACCEPTED, at=at))
    assert (await two.send(notice, "status"))["success"] is True
    assert await one.received(messageType="edoc") == []
    (line,) = await one.received(messageType="status")
    assert (line["from"], line["messageType"]) == (BIM_SON, "status")
    got = (await one.get(line["docId"]))["data"]
    assert (base64.b64decode(got["edxml"]), got["attachments"]) == (notice, [])


async def test_a_business_code_of_an_unsigned_system_becomes_a_status_message(province, written) -> None:
    one, two = await pair(province)
    key = (await one.send(written(HANOI, BIM_SON, 3)))["docId"]
    (line,) = await two.received()
    for code in ("03", "3", "06"):
        assert (await two.update(line["docId"], code))["success"] is True, code
    (delivery,) = await province.exchange.hub.store.mailboxes.of_message(key)
    assert delivery.status == "06"
    assert len(await one.received(messageType="status")) == 2
    failed(await two.update(line["docId"], "02"), "22", "edxml-grounds")


async def test_a_business_code_of_a_system_that_must_sign_is_refused_with_the_way_to_do_it(province, written) -> None:
    one = await province.connect("one", [HANOI])
    two = await province.connect("two", [BIM_SON], unsigned=False)
    await one.send(written(HANOI, BIM_SON, 4))
    (line,) = await two.received()
    answer = await two.update(line["docId"], "03")
    failed(answer, "22", "status-needs-signature")
    assert "messageType=status" in answer["message"]
    assert await one.received(messageType="status") == []
    assert (await two.update(line["docId"], "done"))["success"] is True


async def test_a_signed_document_of_a_strict_system_is_taken_and_an_unsigned_one_is_not(province, written) -> None:
    live = province.live
    one = await province.connect("one", [live.environment], unsigned=False)
    failed(await one.send(written(live.environment, BIM_SON, 5)), "22", "signature-missing")
    assert one.status == 422
    assert (await one.send(live.signed(live.environment, BIM_SON)))["success"] is True


async def test_the_axis_and_the_api_see_the_same_document(province, written) -> None:
    """What is sent over this dialect waits in the one mailbox that the agency has."""
    one = await province.connect("one", [HANOI])
    live = province.live
    key = (await one.send(written(HANOI, live.environment, 6)))["docId"]
    (delivery,) = await (await live.client(live.environment)).inbox()
    assert delivery.message == key


async def test_the_list_of_units(province) -> None:
    one = await province.connect("one", [HANOI])
    answer = await one.ask("GET", "/v1/getAgenciesList")
    assert answer["success"] is True
    units = {unit["orgCode"]: unit for unit in answer["data"]}
    assert set(units[HANOI]) == {"orgCode", "orgName", "parentCode", "address", "email", "phone"}
    assert HANOI in units
    assert all(isinstance(value, str) for unit in answer["data"] for value in unit.values())


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"username":"one"}', b'{"username":1,"password":2}', b"\xff", b"[" * 4000]
)
async def test_a_login_that_cannot_be_read(province, body: bytes) -> None:
    client = province.client("one")
    answer = await client.ask("POST", "/v1/auth/login", data=body)
    assert (client.status, answer["code"], answer["data"]) == (400, 20, {})
    assert answer["message"].startswith("request-malformed: ")
    await client.ask("POST", "/v1/auth/login", data=b"x" * 9000)
    assert client.status == 413


@pytest.mark.parametrize(
    ("system", "secret"), [("one", "another-secret-here"), ("two", "x"), ("", ""), ("one", "bí mật"), ("\ud7ff", "x")]
)
async def test_a_login_with_wrong_keys(province, system: str, secret: str) -> None:
    await province.connect("one", [HANOI])
    client = province.client(system, secret)
    answer = await client.login()
    assert (client.status, answer["code"], answer["data"]) == (401, 15, {})
    assert answer["message"].startswith("system-login: ")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"X-SecretKey": "another-secret-here"}, "system-login"),
        ({"X-SecretKey": ""}, "system-login"),
        ({"X-SystemId": "nobody"}, "system-login"),
        ({"X-SystemId": "two"}, "pass-invalid"),
        ({"Authorization": ""}, "pass-missing"),
        ({"Authorization": "Basic b25lOng="}, "pass-missing"),
        ({"Authorization": "Bearer a.b.c"}, "pass-invalid"),
    ],
)
async def test_each_of_the_three_keys_is_needed(province, changed: dict[str, str], code: str) -> None:
    """The other system has the same secret here, so that only the pass tells them apart."""
    one, _ = await province.connect("one", [HANOI]), await province.connect("two", [BIM_SON])
    keys = {"X-SystemId": "one", "X-SecretKey": one.secret, "Authorization": f"Bearer {one.token}"}
    answer = await one.ask("GET", "/v1/getAgenciesList", keys=keys | changed)
    failed(answer, "15", code)
    assert (one.status, one.headers["WWW-Authenticate"]) == (401, 'Bearer realm="congvan"')
    assert (answer["message"] == "licenseInfo: invalid") == (code == "system-login")
    assert answer.get("licenseInfo") == ("invalid" if code == "system-login" else None)
    entries = await province.exchange.audit.page(0, 1000)
    assert any(f"{code}: " in record.detail for record in entries)


async def test_a_pass_of_the_gateway_opens_nothing_here(province) -> None:
    one, exchange = await province.connect("one", [HANOI]), province.exchange
    now = exchange.hub.clock.now()
    one.token = passes.issue("one", one.secret.encode(), passes.Audience.GATEWAY, now, exchange.entropy)
    failed(await one.ask("GET", "/v1/getAgenciesList"), "15", "pass-invalid")


async def test_a_pass_ends_after_half_an_hour(province) -> None:
    one = await province.connect("one", [HANOI])
    assert await one.received() == []
    province.clock.ahead = timedelta(minutes=31)
    failed(await one.ask("GET", "/v1/getAgenciesList"), "15", "pass-invalid")
    await one.login()
    assert await one.received() == []


async def test_a_pass_ends_with_the_secret_that_it_was_given_for(province) -> None:
    """Within the overlap both secrets open the door; a pass given for the old one lasts no longer than that."""
    exchange = province.exchange
    one = await province.connect("one", [HANOI])
    overlap = timedelta(minutes=10)
    new, _ = await systems.rotate(exchange.systems, exchange.entropy, exchange.author(), "one", overlap)
    assert await one.received() == []
    fresh = province.client("one", new)
    await fresh.login()
    await one.login()
    province.clock.ahead = overlap + timedelta(seconds=1)
    failed(await one.ask("GET", "/v1/getAgenciesList"), "15", "system-login")
    one.secret = new
    failed(await one.ask("GET", "/v1/getAgenciesList"), "15", "pass-invalid")
    assert await fresh.received() == []


async def test_a_suspended_system_hears_so_and_can_do_nothing(province) -> None:
    one, exchange = await province.connect("one", [HANOI]), province.exchange
    system = (await exchange.hub.store.directory.snapshot()).systems["one"]
    await exchange.systems.put(dataclasses.replace(system, status=SystemStatus.SUSPENDED), exchange.author())
    failed(await one.ask("GET", "/v1/getAgenciesList"), "15", "system-suspended")
    assert one.status == 403
    answer = await one.login()
    assert (one.status, answer["code"]) == (403, 15)


async def test_a_suspended_agency_neither_sends_nor_reads(province, written) -> None:
    one, two = await pair(province)
    await one.send(written(HANOI, BIM_SON, 7))
    (line,) = await two.received()
    exchange = province.exchange
    party = await province.live.party(BIM_SON)
    await exchange.registry.put(dataclasses.replace(party, status=PartyStatus.SUSPENDED), exchange.author())
    failed(await two.get(line["docId"]), "19", "system-sender")
    failed(await one.send(written(HANOI, BIM_SON, 8)), "23", "receiver-suspended")


async def test_nothing_of_others_can_be_reached(province, written) -> None:
    one, two = await pair(province)
    three = await province.connect("three", [province.live.finance])
    await one.send(written(HANOI, BIM_SON, 9))
    (line,) = await two.received()
    for ask in (three.get(line["docId"]), one.get(line["docId"]), three.update(line["docId"], "done")):
        answer = await ask
        failed(answer, "20", "not-found")
    failed(await three.update(line["docId"], "03"), "20", "not-found")
    failed(await three.send(written(HANOI, BIM_SON, 10)), "19", "system-sender")
    assert (await three.get(line["docId"]))["data"]["docId"] == line["docId"]
    assert await three.received() == []


async def test_wrong_documents(province, written) -> None:
    one, _ = await pair(province)
    failed(await one.send(b"not XML at all"), "19", "system-sender")
    failed(await one.send(written(HANOI, "000.99.99.H56", 11)), "18", "receiver-unknown")
    await one.send(written(HANOI, BIM_SON, 12))
    failed(await one.send(written(HANOI, BIM_SON, 12, files=[("b.txt", b"other")])), "21", "message-id-conflict")
    assert one.status == 409
    failed(await one.send(written(HANOI, BIM_SON, 13)[:-20]), "10", "xml-malformed")
    failed(await one.send(written(HANOI, BIM_SON, 13), "letter"), "20", "request-malformed")


B = b"--b\r\n"
PART = b'Content-Disposition: form-data; name="edocFile"; filename="a.edxml"\r\n\r\n<a/>'


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/xml", b"<a/>"),
        ("multipart/form-data", B + PART + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=", b""),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", B + PART),
        ("multipart/form-data; boundary=b", B + PART + b"\r\n--b"),
        ("multipart/form-data; boundary=b", b"before" + B + PART + b"\r\n--b--"),
        ("multipart/form-data; boundary=b", B + PART + b"\r\n" + B + PART + b"\r\n--b--"),
        ("multipart/form-data; boundary=b", B + b"no headers\r\n--b--"),
        ("multipart/form-data; boundary=b", B + b"no header\r\n\r\n\r\n--b--"),
        ("multipart/form-data; boundary=b", B + b'Content-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--'),
        ("multipart/form-data; boundary=b", B + b"Content-Disposition: form-data\r\n\r\n1\r\n--b--"),
        ("multipart/form-data; boundary=b", B + b"Content-Disposition: form-data; name*=utf-8''%ff\r\n\r\n1\r\n--b--"),
        ("multipart/form-data; boundary=b", B + b"Content-Transfer-Encoding: base64\r\n" + PART + b"\r\n--b--"),
        (
            "multipart/form-data; boundary=b",
            b"".join(B + PART.replace(b"edocFile", b"f%d" % n) + b"\r\n" for n in range(20)) + b"--b--",
        ),
        ("multipart/form-data; boundary=b", B + b"X: " + b"x" * 5000 + b"\r\n" + PART + b"\r\n--b--"),
    ],
)
async def test_forms_that_are_none(province, media: str, body: bytes) -> None:
    one = await province.connect("one", [HANOI])
    keys = {"X-SystemId": "one", "X-SecretKey": one.secret, "Authorization": f"Bearer {one.token}"}
    failed(
        await one.ask("POST", "/v1/sendEdoc", keys=keys | {"Content-Type": media}, data=body), "20", "request-malformed"
    )
    assert one.status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/getEdoc", 400),
        ("GET", "/v1/getEdoc?docId=", 400),
        ("GET", "/v1/getEdoc?docId=../../etc", 400),
        ("GET", "/v1/getEdoc?docId=a&docId=b", 400),
        ("GET", "/v1/getEdoc?docId=nothing", 404),
        ("GET", "/v1/getEdoc?docId=%00", 400),
        ("GET", "/v1/syncReceivedEdocList?messageType=letter", 400),
        ("GET", "/v1/syncReceivedEdocList?fromDate=31/01/2023", 400),
        ("GET", "/v1/syncReceivedEdocList?fromDate=2023/02/30", 400),
        ("GET", "/v1/syncReceivedEdocList?toDate=9999/12/31", 400),
        ("GET", "/v1/syncReceivedEdocList?pageSize=x", 400),
        ("POST", "/v1/getEdoc", 405),
        ("GET", "/v1/updateStatus", 405),
        ("GET", "/v1/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/v1/../v1/getAgenciesList", 404),
    ],
)
async def test_wrong_questions(province, method: str, path: str, status: int) -> None:
    one = await province.connect("one", [HANOI])
    answer = await one.ask(method, path)
    assert (one.status, answer["success"]) == (status, False), answer
    assert "XroadVnpt" not in json.dumps(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"docId":"a"}',
        b'{"docId":1,"status":"done"}',
        b'{"docId":"a","status":"13"}',
        b'{"docId":"a","status":"99"}',
        b'{"docId":"a","status":"x"}',
        b'{"docId":"a","status":"\xc2\xb2"}',
    ],
)
async def test_wrong_updates(province, body: bytes) -> None:
    one = await province.connect("one", [HANOI])
    failed(await one.ask("POST", "/v1/updateStatus", data=body), "20", "request-malformed")


async def test_an_address_that_fails_too_often_is_told_to_wait(province) -> None:
    await province.connect("one", [HANOI])
    client = province.client("one", "another-secret-here")
    codes = set()
    for _ in range(25):
        await client.login()
        codes.add(client.status)
    assert codes == {401, 429}
    assert int(client.headers["Retry-After"]) >= 1
    good = province.client("one")
    await good.login()
    assert good.status == 200


async def spoken(province, head: bytes, body: bytes = b"") -> tuple[int, bytes]:
    """Say something byte by byte, as no library would, and return the status and the body of the answer."""
    host, port = province.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head + b"Host: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    first, _, content = answer.partition(b"\r\n\r\n")
    return int(first.split()[1]), content


@pytest.mark.parametrize(
    "headers",
    [
        b"X-SystemId: \xff\xfe\r\nX-SecretKey: \xff\r\nAuthorization: Bearer \xff\r\n",
        b"X-SystemId: one\r\nX-SystemId: one\r\nX-SecretKey: a\r\nAuthorization: Bearer x\r\n",
        b"X-SystemId: \xe1\xbb\x87\r\nX-SecretKey: a-secret-of-the-test\r\n",
        b"X-SystemId: one\r\nX-SecretKey: " + b"a" * 7000 + b"\r\n",
        b"X-SystemId: " + b"one" * 2000 + b"\r\nX-SecretKey: a\r\n",
    ],
)
async def test_keys_that_are_no_text(province, headers: bytes) -> None:
    await province.connect("one", [HANOI])
    status, body = await spoken(province, b"GET /lgsp/v1/getAgenciesList HTTP/1.1\r\n" + headers)
    failed(json.loads(body), "15", "system-login")
    assert status == 401
    records = await province.exchange.audit.page(0, 1000)
    assert any("as system (no systemid)" in record.actor or "as system one" in record.actor for record in records)
    basic = base64.b64encode(b"a\nb\x00:c")
    status, body = await spoken(
        province, b"POST /lgsp/v1/auth/login HTTP/1.1\r\nAuthorization: Basic " + basic + b"\r\n"
    )
    assert status == 400


async def test_noise_is_answered_in_the_form_of_the_dialect_and_never_with_a_failure(province) -> None:
    one, chance = await province.connect("one", [HANOI]), random.Random(7)
    keys = f"X-SystemId: one\r\nX-SecretKey: {one.secret}\r\nAuthorization: Bearer {one.token}\r\n".encode()
    calls = (
        b"POST /lgsp/v1/sendEdoc",
        b"POST /lgsp/v1/updateStatus",
        b"GET /lgsp/v1/getEdoc",
        b"GET /lgsp/v1/syncReceivedEdocList",
    )
    words = (
        b"docId=",
        b"&",
        b"%ff",
        b"%00",
        b"fromDate=",
        b"2023/01/01",
        b"pageSize=",
        b"9",
        b"messageType=",
        b"status",
        b"=",
        b"%F0%9F%98%80",
    )
    for number in range(200):
        query = b"".join(chance.choices(words, k=number % 6))
        media = chance.choice(
            (
                b"multipart/form-data; boundary=b",
                b"application/json",
                b"\xff; boundary=\xff",
                b"multipart/form-data; boundary*=utf-8''%ff",
            )
        )
        noise = chance.choice(
            (b"", b"--b\r\n", b'{"docId":"a","status":"03"}', b'{"docId":"\\ud800","status":"done"}')
        ) + chance.randbytes(number % 50)
        head = chance.choice(calls) + b"?" + query + b" HTTP/1.1\r\n" + keys + b"Content-Type: " + media + b"\r\n"
        status, body = await spoken(province, head, noise)
        answer = json.loads(body)
        assert status < 500, (head, noise, body)
        assert answer["success"] is (status == 200), (head, body)
