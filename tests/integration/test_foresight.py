"""A hub looks ahead: everything that ends is told in time, over the API and on the command line, and a successor ends it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from exchange.cli.main import cli
from exchange.config import Home
from exchange.core.forecast import term_of
from exchange.core.model import PartyId
from exchange.enrolment import issue_key
from exchange.founding import authority_of
from exchange.operation.lookout import look_over
from exchange.sandbox.province import ENVIRONMENT, HUB_CODE
from exchange.wiring import open_exchange
from trust_store.evidence import Revocation

DAY = timedelta(days=1)


async def run(*arguments: object, fail: bool = False) -> str:
    """Run a command as a person would, beside the hub that serves."""
    result = await asyncio.to_thread(CliRunner().invoke, cli, [str(each) for each in arguments])
    assert (result.exit_code != 0) == fail, result.output
    lines = result.output.splitlines(keepends=True)
    return "".join(line for line in lines if not re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[", line))


@dataclass
class Hand:
    moment: datetime

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
async def ahead(sandbox_template, tmp_path):
    """A hub whose clock a test sets, beside it the certificate of one agency that lasts 100 days and no other."""
    folder, clock = tmp_path / "hub", Hand(datetime.now(UTC))
    shutil.copytree(sandbox_template, folder)
    async with open_exchange(Home(folder), clock=clock) as exchange:
        party = await exchange.hub.store.directory.get(PartyId(ENVIRONMENT))
        (old,) = await exchange.registry.certificates(party.id)
        await exchange.registry.remove_certificate(party.id, old.fingerprint, exchange.author())
        await issue_key(exchange, authority_of(exchange.home), party, days=100)
        yield exchange, clock, party


async def stages(exchange, code: str) -> list[int]:
    found = await exchange.hub.store.notices.page(PartyId(code), unread=False, after=None, limit=200)
    return [item.stage for item in reversed(found)]


async def test_a_registered_certificate_is_warned_of_until_a_successor_is_in_force(ahead) -> None:
    exchange, clock, party = ahead
    begin = clock.moment
    for days in (0, 30, 41, 42, 71):
        clock.moment = begin + days * DAY
        await look_over(exchange)
    assert await stages(exchange, ENVIRONMENT) == [60, 30]
    assert await stages(exchange, HUB_CODE) == [60, 30]
    await issue_key(exchange, authority_of(exchange.home), party, days=200)
    for days in (87, 98, 99, 101):
        clock.moment = begin + days * DAY
        assert await look_over(exchange) == 0
    assert await stages(exchange, ENVIRONMENT) == [60, 30]


async def test_a_certificate_that_was_removed_or_revoked_is_no_longer_warned_of(ahead) -> None:
    exchange, clock, party = ahead
    (certificate,) = await exchange.registry.certificates(party.id)
    clock.moment += 50 * DAY
    assert await look_over(exchange) == 2
    await exchange.trust.revoke(Revocation(signed_part=certificate.signed_part, at=clock.moment, why="x"))
    clock.moment += 25 * DAY
    assert await look_over(exchange) == 0
    other = await issue_key(exchange, authority_of(exchange.home), party, days=10)
    await exchange.registry.remove_certificate(party.id, other.certificate.fingerprint, exchange.author())
    assert await look_over(exchange) == 0


async def test_what_is_the_hubs_own_is_told_to_its_administrators_alone(ahead) -> None:
    exchange, clock, _ = ahead
    key = (await exchange.hub.signer()).certificate
    clock.moment = key.not_after - 10 * DAY
    await look_over(exchange)
    notices = await exchange.hub.store.notices.page(PartyId(HUB_CODE), unread=False, after=None, limit=200)
    (own,) = [item for item in notices if item.subject == key.fingerprint]
    assert (own.stage, "khóa ký biên nhận" in own.title.vi) == (14, True)
    assert key.fingerprint not in {
        item.subject
        for party in await exchange.hub.store.directory.all()
        for item in await exchange.hub.store.notices.page(party.id, unread=False, after=None, limit=200)
    }


async def test_a_certificate_that_was_never_registered_is_known_from_what_it_signed(hub) -> None:
    key = hub.key(hub.lam_son)
    await hub.exchange.registry.remove_certificate(
        PartyId(hub.lam_son), key.certificate.fingerprint, hub.exchange.author()
    )
    terms = hub.exchange.hub.store.terms
    assert await terms.of_party(PartyId(hub.lam_son)) == []
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    assert await terms.of_party(PartyId(hub.lam_son)) == [term_of(key.certificate, hub.lam_son)]


async def test_the_forecast_over_the_api_is_all_for_the_administrator_and_ones_own_for_a_party(hub) -> None:
    from exchange.client import Client

    administrator = await hub.stack.enter_async_context(Client(hub.url, await hub.give(hub.code, "administer")))
    found, after = [], ""
    while page := await administrator.attention.forecast(within=36500, after=after, limit=5):
        assert len(page) <= 5
        found += page
        after = f"{page[-1].owner} {page[-1].role} {page[-1].certificate}"
    names = [(item.owner, item.role, item.certificate) for item in found]
    assert len(set(names)) == len(names)
    assert [item.not_after for item in found] == sorted(item.not_after for item in found)
    assert {"hub", "anchor", "hub-authority", "party"} == {item.role for item in found}
    assert {item.owner for item in found} >= {hub.code, hub.lam_son, hub.environment}
    (own,) = await (await hub.client(hub.environment)).attention.forecast(within=36500)
    assert own in found
    assert own.certificate == hub.key(hub.environment).certificate.fingerprint
    assert await (await hub.client(hub.environment)).attention.forecast(within=30) == []
    for query in ("within=x", "within=-1", "within=36501", "after=nobody", "limit=0"):
        answer = await hub.ask("GET", f"/v1/forecast?{query}", by=hub.environment)
        assert answer.problem()["code"] == "request-malformed", query


async def test_the_command_line_foresees_declares_decides_and_reads(hub) -> None:
    folder, caller = ("--dir", hub.folder), ("--url", hub.url, "--token", hub.token(hub.environment))
    lines = (await run("cert", "forecast", *folder, "--days", 36500, "--json")).splitlines()
    roles = {json.loads(line)["role"] for line in lines if line.startswith("{")}
    assert roles == {"party", "hub", "hub-authority", "anchor"}
    own = await run("cert", "forecast", *caller, "--days", 36500)
    assert hub.environment in own
    assert hub.lam_son not in own

    views = [await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, number=n)) for n in (1, 2)]
    since = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    how = ("--since", since, "--why", "mất USB", hub.folder / "parties" / f"{hub.lam_son}.cert.pem")
    shown = await run("cert", "compromised", *folder, "--preview", *how)
    assert "2 would be held back" in shown
    assert views[0].message in shown
    assert "0 deliveries" in await run("quarantine", "list", *folder)
    assert "2 held back" in await run("cert", "compromised", *folder, *how)
    assert "Nothing of this was new" in await run("cert", "compromised", *folder, *how)
    assert "certificate-revoked" in (await hub.refused(hub.lam_son, hub.signed(hub.lam_son, hub.tax))).reason.code
    assert await (await hub.client(hub.environment)).lease() == []

    listed = await run("quarantine", "list", *folder)
    assert "2 deliveries are held back" in listed
    assert f"goes on to {hub.environment}" in await run(
        "quarantine", "release", *folder, "--why", "đã hỏi", views[0].message
    )
    assert "is withdrawn" in await run("quarantine", "withdraw", *folder, "--why", "giả", views[1].message)
    assert "not-found" in await run("quarantine", "withdraw", *folder, "--why", "giả", views[1].message, fail=True)
    assert [item.message for item in await (await hub.client(hub.environment)).lease()] == [views[0].message]

    listed = await run("notice", "list", *caller)
    ids = [line.split("\t")[0] for line in listed.splitlines()]
    assert len(ids) == 3
    told = await run("notice", "read", *caller, *ids)
    for part in ("Lộ khóa", "Key compromised", "Thôi tạm giữ", "Withdrawn", "mất USB"):
        assert part in told
    assert await run("notice", "list", *caller, "--unread") == ""
    assert "not-found" in await run("notice", "read", *caller, "a" * 26, fail=True)


async def test_a_party_declares_over_the_command_line(hub) -> None:
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    caller = ("--url", hub.url, "--token", hub.token(hub.lam_son))
    how = ("--since", "2026-01-01", "--why", "mất USB", hub.key(hub.lam_son).certificate.fingerprint)
    answer = json.loads(await run("cert", "compromised", *caller, "--json", *how))
    assert (answer["written"], answer["held"]) == (True, 1)
    (own,) = await (await hub.client(hub.lam_son)).attention.notices()
    assert own.kind == "key-compromised"


async def test_the_figures_and_the_doctor_tell(ahead) -> None:
    from functools import partial

    from exchange.operation import figures
    from exchange.operation.doctor import examine_hub

    exchange, clock, _ = ahead
    clock.moment += 90 * DAY
    counted = await exchange.database.read(partial(figures.count, now=clock.now()))
    assert counted.ending == {0: 0, 1: 0, 3: 0, 14: 1, 30: 1, 60: 1}
    clock.moment += 20 * DAY
    counted = await exchange.database.read(partial(figures.count, now=clock.now()))
    assert counted.ending == {0: 1, 1: 0, 3: 0, 14: 0, 30: 0, 60: 0}
    with (exchange.home.folder / "hub.toml").open("a") as file:
        file.write('tls_cert = "tls.pem"\nclient_ca = "trust-anchor.pem"\n')
    (exchange.home.folder / "tls.pem").write_bytes((await exchange.registry.certificates(PartyId(ENVIRONMENT)))[0].pem)
    found = {item.rule.name: item.subject for item in examine_hub(exchange.home, at=clock.now(), environment={})}
    assert found["own-certificate-ended"] == "tls.pem"
