"""An administrator brings a revocation list, it holds for the next letter, and what was taken on before shows it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from exchange.cli.main import cli
from exchange.config import Home
from exchange.core.audit import AuditEvent
from exchange.founding import authority_of
from exchange.net.gate import Gate
from exchange.operation.doctor import examine_hub
from exchange.operation.health import Health
from exchange.operation.metrics import Metrics
from exchange.sandbox.province import HUB_CODE
from tests.servers.authority import Authority
from trust_store.evidence import Revocation

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def authority(hub) -> Authority:
    return Authority.of(authority_of(Home(hub.folder)))


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def test_a_list_is_brought_over_the_api(hub, authority) -> None:
    token = await hub.give(HUB_CODE, "administer")
    before = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.tax, number=1))
    whose = hub.key(hub.lam_son).certificate
    data = authority.list(now(), {whose: now() - HOUR}, number=3)
    answer = await hub.ask("POST", "/v1/revocations", token=token, data=data)
    assert (answer.status, answer.json["kind"], answer.json["state"], answer.json["source"]) == (
        201,
        "list",
        "fresh",
        "by hand",
    )
    assert (await hub.ask("POST", "/v1/revocations", token=token, data=data)).json == answer.json
    assert (await hub.ask("GET", "/v1/revocations", token=token)).json == [answer.json]
    refusal = await hub.refused(hub.lam_son, hub.signed(hub.lam_son, hub.tax, number=2))
    assert refusal.reason.code == "certificate-revoked"
    await hub.submit(hub.tax, hub.signed(hub.tax, hub.environment, number=3))
    events = [each.event for each in await hub.exchange.audit.page(0, 1000)]
    assert events.count(AuditEvent.REVOCATION_IMPORTED) == 1

    seen = await (await hub.client(hub.lam_son)).message(before.message)
    assert seen.revoked_later is not None
    assert seen.revoked_later.since == now() - HOUR or seen.revoked_later.since < now()
    assert "revocation list number 3" in seen.revoked_later.text
    assert b'"outcome":"valid"' in bytes(seen.verdict).replace(b" ", b"")
    (listed,) = [each for each in await (await hub.client(hub.lam_son)).sent() if each.message == before.message]
    assert listed.revoked_later == seen.revoked_later


async def test_what_was_taken_on_stays_provable(hub, authority, tmp_path) -> None:
    """The list that decided is named by the verdict, kept when a newer one replaces it, and written out for whoever asks."""
    whose = hub.key(hub.lam_son).certificate
    token = await hub.give(HUB_CODE, "administer")
    first = authority.list(now(), number=1)
    await hub.ask("POST", "/v1/revocations", token=token, data=first)
    data = hub.signed(hub.lam_son, hub.tax)
    filed = await hub.submit(hub.lam_son, data)
    second = authority.list(now() + timedelta(seconds=1), {whose: now() - DAY}, number=2)
    assert (await hub.ask("POST", "/v1/revocations", token=token, data=second)).status == 201
    seen = await (await hub.client(hub.lam_son)).message(filed.message)
    digest = bytes(seen.verdict).decode().partition("sha256:")[2][:64]
    out = tmp_path / "a.crl"
    command = ["cert", "crl", "export", "--dir", str(hub.folder), "-o", str(out), digest]
    result = await _run(command)
    assert (result.exit_code, out.read_bytes()) == (0, first)
    again = await hub.submit(hub.lam_son, data)
    assert (again.message, again.receipt_id) == (filed.message, filed.receipt_id)


async def test_a_certificate_on_the_local_list_shows_too(hub) -> None:
    filed = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.tax))
    view = await (await hub.client(hub.tax)).message(filed.message)
    assert view.revoked_later is None
    whose = hub.key(hub.lam_son).certificate
    revoked = Revocation(signed_part=whose.signed_part, at=now() - HOUR, why="mất khóa")
    await hub.exchange.trust.revoke(revoked, hub.exchange.author())
    view = await (await hub.client(hub.tax)).message(filed.message)
    assert view.revoked_later is not None
    assert (view.revoked_later.since, "mất khóa" in view.revoked_later.text) == (revoked.at, True)


async def test_what_cannot_be_believed_is_not_taken(hub, authority) -> None:
    token, stranger = await hub.give(HUB_CODE, "administer"), Authority("CA lạ", now())
    alike = Authority("x", now())
    alike.name = authority.name
    await hub.ask("POST", "/v1/revocations", token=token, data=authority.list(now(), number=9))
    for data, status, code in [
        (b"", 422, "revocation-list-malformed"),
        (b"<html>", 422, "revocation-list-malformed"),
        (stranger.list(now()), 422, "revocation-authority-unknown"),
        (alike.list(now()), 422, "revocation-authority-unknown"),
        (authority.list(now() + DAY, number=10), 422, "revocation-unusable"),
        (authority.list(now() - DAY, number=8), 409, "revocation-older"),
    ]:
        answer = await hub.ask("POST", "/v1/revocations", token=token, data=data)
        assert (answer.status, answer.problem()["code"]) == (status, code)
    assert (await hub.ask("POST", "/v1/revocations", by=hub.lam_son, data=b"")).status == 403
    assert len((await hub.ask("GET", "/v1/revocations", token=token)).json) == 1


async def test_the_command_line_brings_and_lists(hub, authority, tmp_path) -> None:
    file = tmp_path / "a.crl"
    file.write_bytes(authority.list(now(), {hub.key(hub.tax).certificate: now() - HOUR}))
    folder = ["--dir", str(hub.folder)]
    for words in ("is believed now", "was known already"):
        result = await _run(["cert", "crl", "import", *folder, str(file)])
        assert (result.exit_code, words in result.output) == (0, True)
    result = await _run(["cert", "crl", "list", *folder])
    assert "\tlist\tfresh\t" in result.output
    assert "\tby hand" in result.output
    assert (await _run(["cert", "crl", "sources", *folder])).output == ""
    refusal = await hub.refused(hub.tax, hub.signed(hub.tax, hub.environment))
    assert refusal.reason.code == "certificate-revoked"
    result = await _run(["cert", "crl", "export", *folder, "-o", str(tmp_path / "b"), "0" * 64])
    assert (result.exit_code, "not-found" in result.output) == (1, True)


async def test_an_overdue_authority_is_told_by_readiness_figures_and_doctor(world) -> None:
    await world.publish()
    await world.submit(world.key())
    await world.lists.close()
    begin = world.clock.now()
    world.clock.at = begin + 25 * HOUR
    for _ in range(4):
        world.clock.at += HOUR
        await world.refresh()
    found = {item.rule.name for item in examine_hub(world.exchange.home, at=world.clock.now(), environment={})}
    assert {"revocation-overdue", "revocation-source-failing"} <= found
    checks = {each.name: each for each in (await Health(world.exchange).examine()).checks}
    assert (checks["revocation"].outcome, "overdue: 1;" in checks["revocation"].text) == ("passed", True)
    text = (await Metrics().render(world.exchange, Gate(world.exchange.settings), Health(world.exchange))).decode()
    assert 'congvan_revocation_age_seconds{authority="CN=CA công cộng"} 104400.0' in text
    assert 'congvan_revocation_left_seconds{authority="CN=CA công cộng"} 241200.0' in text
    assert "congvan_revocation_sources_failing 1.0" in text
    assert 'congvan_revocation_asked_total{kind="list",outcome="news"} 1.0' in text
    assert 'congvan_revocation_asked_total{kind="list",outcome="fetch-unreachable"} 4.0' in text
    world.clock.at = begin + 97 * HOUR
    await world.refresh()
    found = {item.rule.name for item in examine_hub(world.exchange.home, at=world.clock.now(), environment={})}
    assert "revocation-stale" in found


async def _run(command):
    return await asyncio.to_thread(CliRunner().invoke, cli, command)
