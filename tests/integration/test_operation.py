"""What operators see of a running hub: readiness, figures, log lines, retention, and a stop in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from envelopes.receipt import open_receipt
from exchange.config import Home, read_settings
from exchange.core.retention import remove_expired
from exchange.gateway.calls import Calls
from exchange.operation import health
from exchange.operation.supervisor import supervised
from exchange.operation.watch import Watch
from exchange.sandbox import ready
from exchange.sandbox.province import LAM_SON, ONE_STOP
from exchange.server import serve
from exchange.wiring import open_exchange
from trust_store.errors import Refused

ROOT = Path(__file__).parents[2]
TOKEN = "figures-for-the-watchman-0001"
SUBJECT = "V/v bí mật không được ghi vào nhật ký"


class Settable:
    """Tell the time of this machine, set by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@contextlib.asynccontextmanager
async def opened(template: Path, folder: Path, **settings):
    """Serve a copy of a hub with settings and a clock that can be set."""
    shutil.copytree(template, folder)
    with (folder / "hub.toml").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    clock = Settable()
    async with (
        open_exchange(Home(folder), clock=clock) as exchange,
        serve(exchange, "127.0.0.1", 0) as url,
        aiohttp.ClientSession() as session,
    ):
        yield exchange, url, session, clock


async def readiness(session: aiohttp.ClientSession, url: str) -> tuple[int, dict[str, str]]:
    async with session.get(f"{url}/readyz") as response:
        body = await response.json()
    return response.status, {item["name"]: item["outcome"] for item in body["checks"]}


async def unready(session: aiohttp.ClientSession, url: str) -> tuple[int, dict[str, str]]:
    """Ask until the hub says that it is not ready."""
    async with asyncio.timeout(10):
        while (found := await readiness(session, url))[0] == 200:
            pass
    return found


async def settle() -> None:
    """Wait until readiness is examined anew."""
    await asyncio.sleep(health.FRESH)


async def test_readiness_names_what_it_tried(hub) -> None:
    answer = await hub.ask("GET", "/readyz")
    assert answer.json["status"] == "ready"
    assert [item["name"] for item in answer.json["checks"]] == [
        "database",
        "disk",
        "trust",
        "revocation",
        "clock",
        "time",
    ]
    assert all(item["outcome"] == "passed" and item["text"] for item in answer.json["checks"])


@pytest.mark.parametrize(
    ("settings", "failed"),
    [
        ({"min_free_bytes": 2**62}, "disk"),
        ({"min_free_inodes": 2**62}, "disk"),
        ({"certificate_days": 5 * 365 + 1}, "trust"),
    ],
)
async def test_what_is_not_as_it_must_be_makes_it_not_ready(sandbox_template, tmp_path, settings, failed) -> None:
    async with opened(sandbox_template, tmp_path / "hub", **settings) as (_, url, session, _clock):
        status, checks = await readiness(session, url)
        assert status == 503
        assert {name for name, outcome in checks.items() if outcome == "failed"} == {failed}
        async with session.get(f"{url}/readyz") as response:
            told = await response.text()
        assert str(tmp_path) not in told
        assert not re.search(r"\d", told), "no number of the inside is told"
        async with session.get(f"{url}/healthz") as response:
            assert response.status == 200


async def test_no_trusted_authority_makes_it_not_ready(sandbox_template, tmp_path) -> None:
    async with opened(sandbox_template, tmp_path / "hub") as (exchange, url, session, _clock):
        with contextlib.closing(sqlite3.connect(exchange.home.database)) as connection:
            connection.execute("DELETE FROM trust_certificates")
            connection.execute("UPDATE revisions SET value = value + 1 WHERE name = 'trust'")
            connection.commit()
        status, checks = await readiness(session, url)
        assert (status, checks["trust"], checks["database"]) == (503, "failed", "passed")


@pytest.mark.parametrize("ahead", [timedelta(seconds=-90), timedelta(seconds=90)])
async def test_a_clock_that_was_set_makes_it_not_ready(sandbox_template, tmp_path, ahead) -> None:
    async with opened(sandbox_template, tmp_path / "hub") as (_, url, session, clock):
        assert (await readiness(session, url))[0] == 200
        clock.ahead = ahead
        await settle()
        status, checks = await readiness(session, url)
        assert (status, checks["clock"]) == (503, "failed")
        clock.ahead = timedelta()
        await settle()
        assert (await readiness(session, url))[0] == 200


async def test_a_clock_behind_what_is_recorded_makes_it_not_ready(sandbox_template, tmp_path) -> None:
    template = tmp_path / "template"
    shutil.copytree(sandbox_template, template)
    async with opened(template, tmp_path / "hub") as (exchange, url, session, _clock):
        with contextlib.closing(sqlite3.connect(exchange.home.database)) as connection:
            ahead = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1_000_000)
            row = ("o", "i", "m", "SubmissionAcceptance", "", ahead, b"", b"", b"", b"")
            connection.execute("INSERT INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            connection.commit()
        status, checks = await readiness(session, url)
        assert (status, checks["clock"], checks["database"]) == (503, "failed", "passed")


async def test_a_writer_that_hangs_makes_it_not_ready(sandbox_template, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.2)
    async with opened(sandbox_template, tmp_path / "hub", sweep_seconds=3600) as (exchange, url, session, _clock):
        with contextlib.closing(sqlite3.connect(exchange.home.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            status, checks = await readiness(session, url)
            other.execute("ROLLBACK")
        assert (status, checks["database"]) == (503, "failed")
        await settle()
        assert (await readiness(session, url))[0] == 200


async def test_readiness_cannot_be_used_to_load_the_hub(hub) -> None:
    before = hub.exchange.database.groups
    answers = await asyncio.gather(*(hub.ask("GET", "/readyz") for _ in range(200)))
    assert {answer.status for answer in answers} == {200}
    assert hub.exchange.database.groups - before < 20


async def figures(session: aiohttp.ClientSession, url: str) -> dict[tuple[str, frozenset], float]:
    async with session.get(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = text_string_to_metric_families(await response.text())
    return {(item.name, frozenset(item.labels.items())): item.value for family in families for item in family.samples}


def figure(found: dict[tuple[str, frozenset], float], name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


async def test_figures_count_what_happened(sandbox_template, tmp_path, hub) -> None:
    data, broken = hub.signed(LAM_SON, ONE_STOP), hub.signed(LAM_SON, ONE_STOP).replace(b"V/v", b"V/x")
    tokens = {party.id: party.token for party in hub.record.parties}
    async with opened(sandbox_template, tmp_path / "figures", metrics_token=TOKEN) as (_exchange, url, session, _clock):
        sender, receiver = ({"Authorization": f"Bearer {tokens[code]}"} for code in (LAM_SON, ONE_STOP))
        for body in (data, data, broken):
            async with session.post(f"{url}/v1/messages", data=body, headers=sender) as response:
                await response.read()
        async with session.post(f"{url}/v1/inbox/leases", headers=receiver) as response:
            (leased,) = await response.json()
        found = await figures(session, url)
        assert figure(found, "congvan_submissions_total", outcome="accepted") == 2
        assert figure(found, "congvan_submissions_total", outcome="content-changed") == 1
        assert figure(found, "congvan_requests_total", method="POST", route="/v1/messages", status="201") == 2
        assert figure(found, "congvan_request_seconds_count", route="/v1/messages") == 3
        assert figure(found, "congvan_waiting_deliveries") == 1
        assert figure(found, "congvan_stored_bytes") == len(data)
        assert figure(found, "congvan_writer_units_total") >= figure(found, "congvan_writer_groups_total") > 0
        assert 5 * 365 - 2 < figure(found, "congvan_certificate_expiry_days") <= 5 * 365
        assert figure(found, "congvan_ready", check="database") == 1
        assert figure(found, "congvan_disk_free_bytes") > 0
        path = f"{url}/v1/inbox/{leased['delivery']}/acknowledgement"
        async with session.post(path, headers=receiver) as response:
            assert response.status == 200
        found = await figures(session, url)
        assert figure(found, "congvan_acknowledgements_total") == 1


async def test_labels_stay_few_whatever_is_asked(sandbox_template, tmp_path) -> None:
    async with opened(sandbox_template, tmp_path / "hub", metrics_token=TOKEN) as (_, url, session, _clock):
        for number in range(40):
            async with session.request("PROPFIND", f"{url}/nowhere/{number}") as response:
                await response.read()
            async with session.get(f"{url}/v1/messages/{number:026}") as response:
                await response.read()
        found = await figures(session, url)
        asked = [dict(labels) for name, labels in found if name == "congvan_requests_total"]
        assert len(asked) <= 4
        assert {"method": "OTHER", "route": "none", "status": "404"} in asked


async def test_figures_are_for_nobody_without_a_token_in_the_settings(hub) -> None:
    assert (await hub.ask("GET", "/metrics")).problem()["code"] == "not-found"
    assert (await hub.ask("GET", "/metrics", by=LAM_SON)).problem()["code"] == "not-found"


async def test_figures_need_the_token_of_the_settings(sandbox_template, tmp_path, hub) -> None:
    async with opened(sandbox_template, tmp_path / "figures", metrics_token=TOKEN) as (_, url, session, _clock):
        for header in ("", f"Bearer {TOKEN}x", f"Basic {TOKEN}", f"Bearer {hub.token(LAM_SON)}"):
            async with session.get(f"{url}/metrics", headers={"Authorization": header} if header else {}) as response:
                assert (response.status, (await response.json())["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("token", ["short", "with a space in its middle", "mật-khẩu-mật-khẩu-mật-khẩu"])
def test_a_weak_token_is_no_setting(tmp_path, token) -> None:
    (tmp_path / "hub.toml").write_text(f'name = "x"\ncode = "1"\nmetrics_token = "{token}"\n', "utf-8")
    with pytest.raises(Refused) as refusal:
        read_settings(Home(tmp_path), {})
    assert refusal.value.reason.code == "setting-malformed"
    assert token not in refusal.value.detail


async def test_every_figure_is_described_and_every_described_one_exists(hub) -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
    described = set(re.findall(r"^\| `(congvan_\w+)", page, re.M))
    watch = Watch.over(hub.exchange, None)
    Calls(watch.metrics.registry)
    shown = {
        name for family in watch.metrics.registry.collect() for name in [family.name] if name.startswith("congvan_")
    }
    assert described == {f"{name}_total" if f"{name}_total" in described else name for name in shown}


async def test_a_request_keeps_its_name_through_answer_and_problem(hub) -> None:
    given = await hub.ask("GET", "/v1/whoami", headers={"X-Request-ID": "order-2026.11_24"})
    assert given.headers["X-Request-ID"] == "order-2026.11_24"
    assert given.problem()["request"] == "order-2026.11_24"
    for odd in ("short", "x" * 65, "with space in it", 'quote"and{brace}', ""):
        made = await hub.ask("GET", "/v1/whoami", headers={"X-Request-ID": odd})
        assert re.fullmatch(r"[0-9a-f]{24}", made.headers["X-Request-ID"])
        assert made.problem()["request"] == made.headers["X-Request-ID"]
    good = await hub.ask("GET", "/v1/whoami", by=LAM_SON)
    assert re.fullmatch(r"[0-9a-f]{24}", good.headers["X-Request-ID"])


@contextlib.contextmanager
def serving(folder: Path, log: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-W", "ignore", "-m", "exchange", "serve", "--dir", str(folder), "--port", "0"]
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **environment}
        )
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 30)[0], "the hub did not come up"
            yield process, process.stdout.readline().split()[-1]
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


async def test_the_log_has_one_line_a_request_and_no_secret(hub, sandbox_template, tmp_path) -> None:
    folder, log = tmp_path / "served", tmp_path / "log"
    shutil.copytree(sandbox_template, folder)
    token = hub.token(LAM_SON)
    good, bad = hub.signed(LAM_SON, ONE_STOP, subject=SUBJECT), hub.signed(LAM_SON, LAM_SON, "1.2.3", subject=SUBJECT)
    spoiled = good.replace(
        b"<edXMLHeader>", b"<edXMLHeader><" + SUBJECT.replace(" ", "").replace("/", "").encode() + b"/>"
    )
    headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "log-test-request"}
    with serving(folder, log, CONGVAN_METRICS_TOKEN=TOKEN) as (_, url):
        async with aiohttp.ClientSession() as session:
            for body in (good, bad, spoiled, b"<a>" + SUBJECT.encode()):
                async with session.post(f"{url}/v1/messages", data=body, headers=headers) as response:
                    await response.read()
            for path in (f"/v1/messages/{token}", f"/{token}", f"/v1/inbox?q={token}", "/metrics"):
                async with session.get(url + path, headers={"Authorization": f"Bearer {token}x"}) as response:
                    await response.read()
            host, _, port = url.removeprefix("http://").partition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"GET / HTTP/1.1\r\nBad header {token}\r\n\r\n".encode())
            await reader.read()
            writer.close()
    text = log.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) == 8
    first = requests[0]
    assert (first["method"], first["route"], first["status"]) == ("POST", "/v1/messages", 201)
    assert (first["party"], first["request"], first["level"]) == (LAM_SON, "log-test-request", "info")
    assert first["ms"] >= 0
    assert requests[1]["code"] == "receiver-unknown"
    for secret in (token, token[3:], TOKEN, SUBJECT, SUBJECT.replace(" ", ""), "bí mật", "bímật"):
        assert secret not in text
        assert json.dumps(secret)[1:-1] not in text
    assert not any(line["level"] == "debug" for line in lines)


def test_what_libraries_log_is_json_too() -> None:
    program = (
        "import logging, exchange.logs as logs\n"
        "logs.configure(logging.INFO)\n"
        "with logs.naming_request('library-line'):\n"
        "    logging.getLogger('asyncio').warning('slow %s', 'callback')\n"
        "    logging.getLogger('aiohttp.server').debug('not told')\n"
        "    try: 1 / 0\n"
        "    except ZeroDivisionError: logging.getLogger('aiohttp.server').exception('failed')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    first, second = (json.loads(line) for line in done.stderr.splitlines())
    assert (first["event"], first["logger"], first["level"]) == ("slow callback", "asyncio", "warning")
    assert first["request"] == second["request"] == "library-line"
    assert "ZeroDivisionError" in second["exception"]


async def _acknowledged(hub, sender: str, receiver: str, **fields) -> tuple[bytes, str]:
    data = hub.signed(sender, receiver, **fields)
    submitted = await hub.submit(sender, data)
    client = await hub.client(receiver)
    for item in await client.lease(limit=50):
        await client.acknowledge(item.delivery)
    await hub.exchange.inquiries.settle()
    return data, submitted.message


def _age(hub, days: float) -> None:
    """Let everything have happened earlier, and every file been written earlier."""
    micros = int(days * 86400 * 1_000_000)
    with contextlib.closing(sqlite3.connect(hub.exchange.home.database)) as connection:
        connection.execute("UPDATE messages SET submitted_at = submitted_at - ?", (micros,))
        connection.execute("UPDATE deliveries SET handed_over_at = handed_over_at - ?", (micros,))
        connection.commit()
    for path in hub.exchange.home.blobs.glob("??/*"):
        moment = path.stat().st_mtime - days * 86400
        os.utime(path, (moment, moment))


@pytest.fixture
def as_files(monkeypatch):
    """Keep even small messages as files."""
    monkeypatch.setenv("CONGVAN_INLINE_BYTES", "0")


async def test_content_beside_its_record_goes_with_the_record_of_its_removal(hub) -> None:
    old, key = await _acknowledged(hub, LAM_SON, ONE_STOP, number=1)
    _age(hub, 40)
    _, young = await _acknowledged(hub, LAM_SON, ONE_STOP, number=2)
    (removed,) = await remove_expired(hub.exchange.hub, hub.exchange.retention, 30)
    assert (removed.message.key, removed.blobs) == (key, 0)
    assert (await hub.ask("GET", f"/v1/messages/{key}/content", by=ONE_STOP)).problem()["code"] == "content-removed"
    assert (await hub.ask("GET", f"/v1/messages/{young}/content", by=ONE_STOP)).status == 200
    assert await hub.exchange.hub.store.messages.inline(removed.message) is None
    with contextlib.closing(sqlite3.connect(hub.exchange.home.database)) as connection:
        assert connection.execute("SELECT message FROM contents").fetchall() == [(young,)]
    assert (await hub.submit(LAM_SON, old)).message == key


async def test_content_that_changed_in_the_database_is_never_handed_out(hub) -> None:
    _, key = await _acknowledged(hub, LAM_SON, ONE_STOP, number=1)

    def replace(old: str, new: str) -> None:
        with contextlib.closing(sqlite3.connect(hub.exchange.home.database)) as connection:
            connection.execute("UPDATE contents SET data = CAST(replace(data, ?, ?) AS BLOB)", (old, new))
            connection.commit()

    replace("edXMLHeader", "edXMLHeadex")
    answer = (await hub.ask("GET", f"/v1/messages/{key}/content", by=ONE_STOP)).problem()
    replace("edXMLHeadex", "edXMLHeader")
    assert (answer["status"], answer["code"]) == (500, "storage-damaged")
    assert (await hub.ask("GET", f"/v1/messages/{key}/content", by=ONE_STOP)).status == 200


@pytest.mark.usefixtures("as_files")
async def test_old_content_goes_and_the_evidence_stays(hub) -> None:
    old, key = await _acknowledged(hub, LAM_SON, ONE_STOP, number=1)
    receipt = (await hub.submit(LAM_SON, old)).receipt
    waiting = await hub.submit(LAM_SON, hub.signed(LAM_SON, hub.finance, number=2))
    _age(hub, 40)
    _, young = await _acknowledged(hub, LAM_SON, ONE_STOP, number=3)
    shelf = hub.exchange.retention
    assert await remove_expired(hub.exchange.hub, shelf, 0) == []
    assert await remove_expired(hub.exchange.hub, shelf, 41) == []
    (removed,) = await remove_expired(hub.exchange.hub, shelf, 30)
    assert (removed.message.key, removed.blobs) == (key, 1)
    assert await remove_expired(hub.exchange.hub, shelf, 30) == []

    gone = (await hub.ask("GET", f"/v1/messages/{key}/content", by=ONE_STOP)).problem()
    assert (gone["status"], gone["code"]) == (410, "content-removed")
    assert f"{datetime.now(UTC):%Y-%m-%d}" in gone["detail"]
    for kept, code in ((waiting.message, hub.finance), (young, ONE_STOP)):
        assert (await hub.ask("GET", f"/v1/messages/{kept}/content", by=code)).status == 200
    assert (await hub.ask("GET", f"/v1/messages/{key}", by=LAM_SON)).json["size"] == len(old)
    moments = await (await hub.client(LAM_SON)).timeline(key)
    assert "content-removed" in [item.what for item in moments]
    receipts = [await (await hub.client(LAM_SON)).evidence(item.evidence) for item in moments if item.evidence]
    assert {open_receipt(data)[0].digest for data in receipts} == {removed.message.digest}
    assert (await hub.submit(LAM_SON, old)).receipt == receipt
    assert not (hub.exchange.home.blobs / removed.message.digest[:2] / removed.message.digest).exists()
    events = await hub.exchange.hub.store.audit.page(0, 1000)
    assert [item.subject for item in events if item.event == "retention-removed"] == [key]


@pytest.mark.usefixtures("as_files")
async def test_shared_bytes_stay_while_anything_refers_to_them(hub) -> None:
    _, key = await _acknowledged(hub, LAM_SON, ONE_STOP, number=1)
    _age(hub, 40)
    with contextlib.closing(sqlite3.connect(hub.exchange.home.database)) as connection:
        digest, size = connection.execute("SELECT digest, size FROM messages WHERE key = ?", (key,)).fetchone()
        connection.execute("INSERT INTO files VALUES ('p', ?, ?, 1)", (digest, size))
        connection.commit()
    (removed,) = await remove_expired(hub.exchange.hub, hub.exchange.retention, 30)
    assert removed.blobs == 0
    assert (hub.exchange.home.blobs / digest[:2] / digest).exists()


@pytest.mark.usefixtures("as_files")
async def test_the_record_comes_before_the_bytes_go(hub, monkeypatch) -> None:
    _, key = await _acknowledged(hub, LAM_SON, ONE_STOP, number=1)
    _age(hub, 40)

    class Killed(BaseException):
        pass

    async def die(_digest: str, _before: datetime) -> bool:
        raise Killed

    monkeypatch.setattr(hub.exchange.hub.blobs, "discard", die)
    with pytest.raises(Killed):
        await remove_expired(hub.exchange.hub, hub.exchange.retention, 30)
    filed = await hub.exchange.hub.store.messages.get(key)
    assert filed.removed_at is not None
    assert (hub.exchange.home.blobs / filed.digest[:2] / filed.digest).exists()
    assert not await hub.exchange.hub.store.messages.has_blob(filed.digest)


async def test_readiness_ends_before_service_does(sandbox_template, tmp_path) -> None:
    folder = tmp_path / "served"
    shutil.copytree(sandbox_template, folder)
    token = ready.read(folder / ready.FILE).party(LAM_SON).token
    with serving(folder, tmp_path / "log", CONGVAN_DRAIN_SECONDS="1.5") as (process, url):
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
            polling = asyncio.create_task(session.post(f"{url}/v1/inbox/leases", json={"wait_seconds": 50}))
            assert (await readiness(session, url))[0] == 200
            process.send_signal(signal.SIGTERM)
            status, checks = await unready(session, url)
            assert (status, checks["serving"]) == (503, "failed")
            async with session.get(f"{url}/v1/whoami") as response:
                assert response.status == 200
            async with asyncio.timeout(20):
                async with await polling as answer:
                    assert (answer.status, await answer.json()) == (200, [])
        assert await asyncio.to_thread(process.wait, 20) == 0


async def test_a_second_signal_ends_it_at_once(sandbox_template, tmp_path) -> None:
    folder = tmp_path / "served"
    shutil.copytree(sandbox_template, folder)
    with serving(folder, tmp_path / "log", CONGVAN_DRAIN_SECONDS="60") as (process, url):
        async with aiohttp.ClientSession() as session:
            assert (await readiness(session, url))[0] == 200
            process.send_signal(signal.SIGTERM)
            await unready(session, url)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 15) == 128 + signal.SIGTERM


async def test_a_supervisor_hears_of_start_life_and_stop(tmp_path) -> None:
    address = tmp_path / "notify"
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as supervisor:
        supervisor.bind(str(address))
        supervisor.settimeout(5)
        async with supervised({"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "40000"}):
            heard = [await asyncio.to_thread(supervisor.recv, 100) for _ in range(3)]
        assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        last = b""
        while last != b"STOPPING=1":
            last = supervisor.recv(100)
    async with supervised({}):
        pass
    async with supervised({"NOTIFY_SOCKET": str(tmp_path / "nobody")}):
        pass
