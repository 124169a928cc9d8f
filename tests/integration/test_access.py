"""Every route is open to whom the table of permissions says and to nobody else; tokens and the trail over the line."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import aiohttp
import msgspec
import pytest

from exchange.api.app import ROUTES
from exchange.auth.permissions import PERMISSIONS, Action, scopes_for
from exchange.auth.tokens import digest
from exchange.client import Client, HubRefused
from exchange.core.access import HUB_SCOPES, PARTY_SCOPES, Scope
from exchange.core.audit import AuditEvent
from exchange.core.model import PartyId, PartyStatus
from exchange.sandbox import ready
from exchange.sandbox.province import LAM_SON
from exchange.server import serve

ROOT = Path(__file__).parents[2]
KINDS: dict[str, frozenset[Scope]] = {
    "send-only": frozenset({Scope.SEND}),
    "receive-only": frozenset({Scope.RECEIVE}),
    "read-only": frozenset({Scope.READ}),
    "full": PARTY_SCOPES,
    "enrol-only": frozenset({Scope.ENROL}),
    "administrator": frozenset({Scope.ADMINISTER}),
    "auditor": frozenset({Scope.AUDIT}),
    "other party": PARTY_SCOPES,
}
OWNED = ("{message}", "{delivery}", "{evidence}", "{lease}")


async def _names(hub) -> dict[str, str]:
    """Send a letter; give the names of everything that an address can name."""
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    (delivery,) = await (await hub.client(hub.environment)).lease()
    return {
        "message": view.message,
        "delivery": delivery.delivery,
        "evidence": view.receipt_id,
        "lease": delivery.lease,
        "party": hub.one_stop,
        "token": (await hub.exchange.tokens.all(PartyId(hub.tax)))[0].id,
        "certificate": hub.key(hub.one_stop).certificate.fingerprint,
    }


async def _secrets(hub) -> dict[str, str]:
    holders = {"administrator": hub.code, "auditor": hub.code, "other party": hub.finance}
    return {kind: await hub.give(holders.get(kind, hub.environment), *scopes) for kind, scopes in KINDS.items()}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_each_route_is_open_to_whom_the_table_says(hub, route) -> None:
    names, secrets = await _names(hub), await _secrets(hub)
    suspended = await hub.give(hub.tax, *PARTY_SCOPES)
    party = await hub.party(hub.tax)
    await hub.exchange.registry.put(dataclasses.replace(party, status=PartyStatus.SUSPENDED))
    path = re.sub(r"{(\w+)}", lambda match: names.get(match[1], "a" * 26), route.path)
    data = None if route.method == "GET" else b"{}"
    assert (await hub.ask(route.method, path, data=data)).problem()["code"] == "unauthenticated"
    assert (await hub.ask(route.method, path, token=suspended, data=data)).problem()["code"] == "party-suspended"
    allowed = {item.actor for item in PERMISSIONS if item.action is route.action}
    assert allowed == scopes_for(route.action)
    for kind, scopes in KINDS.items():
        answer = await hub.ask(route.method, path, token=secrets[kind], data=data)
        if scopes & allowed:
            assert answer.status not in {401, 403}, (kind, answer.body)
            if answer.status >= 500:  # this hub has no time-stamp authority to ask
                assert (route.name, answer.problem()["code"]) == ("getRaised", "timestamp-unavailable"), kind
        else:
            problem = answer.problem()
            assert (problem["status"], problem["code"]) == (403, "forbidden"), kind
            needed = " or ".join(scope for scope in Scope if scope in allowed)
            assert f"needs the scope {needed};" in problem["detail"]
        if kind == "other party" and any(name in route.path for name in OWNED):
            assert answer.status == 404


def test_parties_and_the_hubs_people_share_no_route_but_the_harmless() -> None:
    shared = {action for action in Action if scopes_for(action) & PARTY_SCOPES and scopes_for(action) & HUB_SCOPES}
    ahead = {Action.FORESEE, Action.HEED, Action.SETTLE, Action.DECLARE}
    assert shared == {Action.FIND, Action.IDENTIFY, Action.ROTATE, *ahead}
    changing = {route.name for route in ROUTES if route.action in shared and route.method != "GET"}
    assert changing == {"rotateToken", "readNotice", "declareCompromise"}


async def test_a_token_is_rotated_without_a_gap(hub) -> None:
    old = await hub.give(hub.environment, "read")
    async with Client(hub.url, old) as client:
        made = await client.rotate_token(overlap=3600)
        assert made.replaced.id == digest(old).hex()[:12]
        assert 3590 < (made.replaced.expires_at - made.token.created_at).total_seconds() <= 3600
        assert (await client.whoami()).id == hub.environment
    async with Client(hub.url, made.secret) as client:
        assert made.token in await client.tokens()
        assert made.token.scopes == ["read"]
        with pytest.raises(HubRefused, match="forbidden"):
            await client.lease()
        ended = await client.rotate_token(overlap=0)
        with pytest.raises(HubRefused, match="unauthenticated"):
            await client.whoami()
    async with Client(hub.url, ended.secret) as client:
        shown = await client.tokens()
    text = msgspec.json.encode(shown)
    for secret in (old, made.secret, ended.secret, hub.token(hub.environment)):
        assert secret.encode() not in text
        assert digest(secret).hex().encode() not in text
    assert {item.party for item in shown} == {hub.environment}


@pytest.mark.parametrize(
    "body",
    [
        b'{"overlap_seconds":-1}',
        b'{"overlap_seconds":1e300}',
        b'{"overlap":1}',
        b"[]",
        b"\xff",
        b'{"overlap_seconds":604801}',
        b'{"overlap_seconds":604800.0000000001}',
        b'{"overlap_seconds":-2.220446049250313e-16}',
    ],
)
async def test_an_odd_rotation_is_refused(hub, body) -> None:
    answer = await hub.ask("POST", "/v1/tokens/rotation", by=hub.environment, data=body)
    assert (answer.status, answer.problem()["code"]) == (400, "request-malformed")
    assert (await hub.ask("GET", "/v1/whoami", by=hub.environment)).status == 200


async def test_an_administrator_gives_and_takes_tokens(hub) -> None:
    secret = await hub.give(hub.code, "administer")
    async with Client(hub.url, secret) as administrator:
        made = await administrator.create_token("H56.12", label="kho lưu trữ", scopes=["receive"], days=30)
        assert made.token.party == hub.environment
        assert (made.token.expires_at - made.token.created_at).days == 30
        async with Client(hub.url, made.secret) as client:
            assert await client.lease() == []
            gone = await administrator.revoke_token(made.token.id)
            assert gone == await administrator.revoke_token(made.token.id)
            with pytest.raises(HubRefused, match="unauthenticated"):
                await client.lease()
        for code, party, wanted in (
            ("not-found", "nobody", {}),
            ("token-scope", hub.environment, {"scopes": ["administer"]}),
            ("token-scope", hub.environment, {"scopes": ["everything"]}),
            ("token-scope", hub.code, {"scopes": ["audit"]}),
            ("token-scope", hub.code, {"scopes": []}),
            ("token-lifetime", hub.environment, {"days": 731}),
            ("token-lifetime", hub.environment, {"days": 0}),
            ("token-lifetime", hub.environment, {"days": 1e300}),
        ):
            with pytest.raises(HubRefused) as refusal:
                await administrator.create_token(party, label="x", **wanted)
            assert refusal.value.reason.code == code
        assert (await administrator.create_token(hub.code, label="x", scopes=["administer"])).token.party == hub.code
        with pytest.raises(HubRefused, match="not-found"):
            await administrator.revoke_token("0" * 12)


async def test_an_administrator_registers_changes_suspends_and_resumes_a_party(hub) -> None:
    secret, before = await hub.give(hub.code, "administer"), (await hub.exchange.audit.verify())[0]
    async with Client(hub.url, secret) as administrator:
        made = await administrator.put_party("H57.01", name="Sở Mới", kind="agency", codes=["SM"])
        assert (made.id, made.codes, made.status) == ("H57.01", ["H57.01", "SM"], "active")
        token = (await administrator.create_token("sm", label="x")).secret
        renamed = await administrator.put_party("SM", name="Sở Cũ")
        assert (renamed.id, renamed.name, renamed.codes) == ("H57.01", "Sở Cũ", made.codes)
        assert (await administrator.put_party("H57.01", codes=[])).codes == ["H57.01"]
        assert (await hub.ask("GET", "/v1/whoami", token=token)).status == 200
        assert (await administrator.put_party("H57.01", status="suspended")).status == "suspended"
        assert (await hub.ask("GET", "/v1/whoami", token=token)).problem()["code"] == "party-suspended"
        assert (await administrator.put_party("H57.01", status="active")).name == "Sở Cũ"
        assert (await hub.ask("GET", "/v1/whoami", token=token)).status == 200
        enterprise = await administrator.put_party("022899000016", name="Lam Sơn")
        assert enterprise.id == hub.lam_son
        assert (await hub.party(hub.lam_son)).fingerprints
        listed = {item.id: item for item in await administrator.parties()}
        assert listed["H57.01"].name == "Sở Cũ"
    events = [row.event for row in await hub.exchange.audit.page(before, 100)]
    registered, changed, resumed = "party-registered", "party-changed", "party-resumed"
    stopped = ["party-suspended", "authentication-failed"]
    assert events == [registered, "token-created", changed, changed, *stopped, resumed, changed]


@pytest.mark.parametrize(
    ("code", "party", "body"),
    [
        ("request-malformed", "H57.01", {}),
        ("request-malformed", "H57.01", {"name": "x"}),
        ("request-malformed", "H57.01", {"name": "", "kind": "agency"}),
        ("request-malformed", "H57.01", {"name": "a\nb", "kind": "agency"}),
        ("request-malformed", "H57.01", {"name": "x" * 201, "kind": "agency"}),
        ("request-malformed", "H57.01", {"name": "x", "kind": "person"}),
        ("request-malformed", "H57.01", {"name": "x", "kind": "agency", "codes": ["a b"]}),
        ("request-malformed", "H57.01", {"name": "x", "kind": "agency", "more": 1}),
        ("request-malformed", "a%20b", {"name": "x", "kind": "agency"}),
        ("request-malformed", "%2E%2E%2Fa", {"name": "x", "kind": "agency"}),
        ("request-malformed", "x" * 65, {"name": "x", "kind": "agency"}),
        ("request-malformed", "000.00.12.H56", {"kind": "enterprise"}),
        ("tax-code-malformed", "289", {"name": "x", "kind": "enterprise"}),
        ("code-taken", "H57.01", {"name": "x", "kind": "agency", "codes": ["H56.12"]}),
        ("code-taken", "000.00.99.H56", {"name": "x", "kind": "agency"}),
        ("code-taken", "000.00.12.H56", {"codes": ["000.00.99.H56"]}),
    ],
)
async def test_a_party_that_may_not_be_is_not_registered(hub, code, party, body) -> None:
    before, secret = await hub.exchange.hub.store.directory.all(), await hub.give(hub.code, "administer")
    answer = await hub.ask("PUT", f"/v1/parties/{party}", token=secret, data=msgspec.json.encode(body))
    assert answer.problem()["code"] == code
    assert await hub.exchange.hub.store.directory.all() == before


async def test_an_administrator_registers_and_removes_certificates(hub) -> None:
    secret, path = await hub.give(hub.code, "administer"), f"/v1/parties/{hub.finance}/certificates"
    certificate = hub.key(hub.tax).certificate
    added = await hub.ask("POST", path, token=secret, data=certificate.pem)
    assert (added.status, added.json["fingerprint"]) == (201, certificate.fingerprint)
    listed = (await hub.ask("GET", path, token=secret)).json
    assert {item["fingerprint"] for item in listed} == {
        certificate.fingerprint,
        hub.key(hub.finance).certificate.fingerprint,
    }
    removed = await hub.ask("DELETE", f"{path}/{certificate.fingerprint}", token=secret)
    assert removed.json == added.json
    assert (await hub.ask("DELETE", f"{path}/{certificate.fingerprint}", token=secret)).problem()["status"] == 404
    assert (await hub.party(hub.finance)).fingerprints == {hub.key(hub.finance).certificate.fingerprint}
    for body in (b"", b"{}", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        assert (await hub.ask("POST", path, token=secret, data=body)).problem()["code"] == "certificate-malformed"
    trail = [record.event for record in await hub.exchange.audit.page(0, 10_000)]
    assert trail[-2:] == ["certificate-registered", "certificate-removed"]


async def test_the_trail_tells_who_was_turned_away(hub) -> None:
    auditor, reader = await hub.give(hub.code, "audit"), await hub.give(hub.environment, "read")
    async with Client(hub.url, auditor) as client:
        before = (await client.audit(limit=200))[-1].number
        wrong = "cv_" + "B" * 43
        assert (await hub.ask("GET", "/v1/inbox?secret=geheim", token=wrong)).status == 401
        assert (await hub.ask("POST", "/v1/inbox/leases", token=reader)).status == 403
        assert (await hub.ask("GET", "/v1/inbox")).status == 401
        failed, refused = await client.audit(after=before)
    assert (failed.event, failed.actor, failed.subject) == (
        "authentication-failed",
        "address 127.0.0.1",
        "GET /v1/inbox",
    )
    assert (refused.event, refused.subject) == ("permission-refused", "POST /v1/inbox/leases")
    assert refused.actor == f"{hub.environment} token {digest(reader).hex()[:12]} (test)"
    assert not any(secret in msgspec.json.encode(failed).decode() for secret in (wrong, "geheim"))


async def test_the_trail_tells_of_conflicts_and_of_what_was_not_believed(hub) -> None:
    before = (await hub.exchange.audit.verify())[0]
    letter = hub.signed(hub.lam_son, hub.environment)
    await hub.submit(hub.lam_son, letter)
    other = hub.signed(hub.lam_son, hub.environment, subject="V/v khác")
    for _ in range(2):
        assert (await hub.refused(hub.lam_son, other)).reason.code == "message-id-conflict"
    broken = hub.signed(hub.lam_son, hub.environment, number=2).replace(b"CV-T", b"CV-X")
    for _ in range(2):
        assert (await hub.refused(hub.lam_son, broken)).reason.code == "content-changed"
    assert (
        await hub.refused(hub.lam_son, hub.signed(hub.lam_son, "nobody", number=3))
    ).reason.code == "receiver-unknown"
    rows = await hub.exchange.audit.page(before, 100)
    assert [row.event for row in rows] == [AuditEvent.MESSAGE_ID_CONFLICT, AuditEvent.SUBMISSION_REJECTED]
    assert {row.actor for row in rows} == {hub.lam_son}
    assert "content-changed" in rows[1].detail


async def test_a_flood_of_failures_does_not_flood_the_trail(hub) -> None:
    before = (await hub.exchange.audit.verify())[0]
    reader = await hub.give(hub.environment, "read")
    answers = await asyncio.gather(*(hub.ask("POST", "/v1/inbox/leases", token=reader) for _ in range(200)))
    assert {answer.status for answer in answers} == {403}
    rows = await hub.exchange.audit.page(before, 1000)
    assert 0 < [row.event for row in rows].count("permission-refused") <= 60
    assert (await hub.exchange.audit.verify())[0] == before + len(rows)


async def test_the_trail_is_paged_and_shown_as_it_is_kept(hub) -> None:
    auditor = await hub.give(hub.code, "audit")
    async with Client(hub.url, auditor) as client:
        shown, after = [], 0
        while page := await client.audit(after=after, limit=7):
            shown += page
            after = page[-1].number
    kept = await hub.exchange.audit.page(0, 10_000)
    assert [(row.number, row.at, row.digest) for row in shown] == [
        (row.number, row.at, row.digest.hex()) for row in kept
    ]
    assert shown[0].event == "hub-founded"
    for after in ("-1", "x", "9" * 19, "1.5"):
        answer = await hub.ask("GET", f"/v1/audit?after={after}", token=auditor)
        assert answer.problem()["code"] == "request-malformed"


async def test_settings_are_audited_when_they_are_others(hub) -> None:
    await hub.exchange.note_settings()
    settings = [row for row in await hub.exchange.audit.page(0, 10_000) if row.event == "settings-changed"]
    assert len(settings) == 1
    changed = dataclasses.replace(
        hub.exchange, settings=msgspec.structs.replace(hub.exchange.settings, sweep_seconds=7.0)
    )
    async with serve(changed, "127.0.0.1", 0):
        pass
    *_, last = await hub.exchange.audit.page(0, 10_000)
    assert (last.event, "sweep_seconds" in last.detail) == ("settings-changed", True)


async def test_no_secret_is_ever_logged(sandbox_template, tmp_path) -> None:
    """Run a hub that logs all it can, use it well and badly, and look for every secret in what it wrote."""
    folder, log = tmp_path / "hub", tmp_path / "log"
    shutil.copytree(sandbox_template, folder)
    token = ready.read(folder / ready.FILE).party(LAM_SON).token
    command = [sys.executable, "-m", "exchange", "serve", "--dir", str(folder), "--port", "0", "--verbose"]
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=errors, env=os.environ
        )
    try:
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
            secrets = await _use(line.split()[-1], token)
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await process.communicate()
    written = log.read_bytes() + (folder / "hub.db").read_bytes()
    assert b"unauthenticated" in written
    for secret in (token, *secrets):
        assert secret.encode() not in written
        assert secret.removeprefix("cv_").encode() not in written


async def _use(url: str, token: str) -> list[str]:
    wrong, hidden = "cv_" + "W" * 43, "cv_" + "Q" * 43
    async with Client(url, token) as client:
        made = await client.rotate_token()
    async with Client(url, wrong) as client:
        with pytest.raises(HubRefused):
            await client.whoami()
    async with Client(url, made.secret) as client:
        with pytest.raises(HubRefused):
            await client.submit(b"<a/>")
        with pytest.raises(HubRefused):
            await client.message(hidden)
    async with aiohttp.ClientSession() as session:
        for headers in ({"Authorization": f"Basic {wrong}"}, {"Authorization": f"Bearer {wrong} {token}"}):
            async with session.get(f"{url}/v1/inbox?token={hidden}", headers=headers) as answer:
                assert answer.status == 401
                assert wrong.encode() not in await answer.read()
    return [made.secret, wrong]


@pytest.mark.parametrize("ending", ["revoked", "suspended"])
async def test_who_is_shut_out_while_it_waits_gets_nothing_that_comes_then(hub, ending) -> None:
    secret, party = await hub.give(hub.finance, "receive"), await hub.party(hub.finance)
    body = msgspec.json.encode({"wait_seconds": 20, "lease_seconds": 3600})
    waiting = asyncio.create_task(hub.ask("POST", "/v1/inbox/leases", token=secret, data=body))
    await asyncio.sleep(0.3)
    letter = hub.signed(hub.lam_son, hub.finance)
    if ending == "revoked":
        token = next(item for item in await hub.exchange.tokens.all(party.id) if item.label == "test")
        await hub.exchange.tokens.revoke(token.id, hub.exchange.author())
        await hub.submit(hub.lam_son, letter)
    else:
        await hub.exchange.registry.put(dataclasses.replace(party, status=PartyStatus.SUSPENDED))
        hub.exchange.hub.bell.ring(party.id)
    expected = (401, "unauthenticated") if ending == "revoked" else (403, "party-suspended")
    answer = await waiting
    assert (answer.status, answer.problem()["code"]) == expected
    await hub.exchange.registry.put(party)
    assert len(await (await hub.client(hub.finance)).lease()) == (ending == "revoked")
