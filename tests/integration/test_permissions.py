"""Nobody reads or does what is not theirs, on any route of the table."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta

import pytest

from envelopes.signature.lasting import Level
from exchange.api.app import ROUTES
from exchange.auth import tokens
from exchange.core.audit import Author
from exchange.core.model import PartyId, PartyStatus
from exchange.core.ports.stamping import Batch, Raised

ROUTE_IDS = [route.name for route in ROUTES]
OWNED = ("{message}", "{delivery}", "{evidence}", "{lease}")
OF_PARTIES = [route for route in ROUTES if any(name in route.path for name in OWNED)]
SCHEMES = ("", "Bearer", "Bearer ", "Basic bGFtLXNvbjp4", "cv_{token}", "Token {token}", "Bearer{token}", "Bearer a b")


@pytest.fixture
async def sent(hub):
    """Send a letter from Lam Sơn to one agency; give the names of everything about it."""
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, hub.one_stop))
    (delivery,) = await (await hub.client(hub.environment)).lease()
    await _stamp(hub, view)
    spare = await hub.exchange.tokens.all(PartyId(hub.tax))
    return {
        "party": hub.environment,
        "token": spare[0].id,
        "certificate": hub.key(hub.environment).certificate.fingerprint,
        "message": view.message,
        "delivery": delivery.delivery,
        "evidence": view.receipt_id,
        "lease": delivery.lease,
    }


async def _stamp(hub, view) -> None:
    """Keep what a time-stamp authority would have given."""
    at = datetime.now(UTC)
    members = ((view.receipt_id, bytes(32)),)
    await hub.exchange.stamps.add(Batch(id="one", at=at, members=members, token=b"token", until=at))
    far = at + timedelta(days=3650)
    kept = Raised(message=view.message, level=Level.LTA, properties="<a xmlns='urn:a'/>", at=at, renew_by=far)
    await hub.exchange.stamps.keep(kept)


def _path(route, names) -> str:
    return re.sub(r"{(\w+)}", lambda match: names.get(match[1], "a" * 26), route.path)


@pytest.mark.parametrize("route", ROUTES, ids=ROUTE_IDS)
async def test_without_a_good_token_nothing_is_answered(hub, sent, route) -> None:
    path, before = _path(route, sent), await (await hub.client(hub.environment)).inbox()
    wrong = [
        "cv_" + "A" * 43,
        hub.token(hub.lam_son)[:-1],
        hub.token(hub.lam_son) + "x",
        hub.token(hub.lam_son).upper(),
    ]
    for header in (*SCHEMES, *(f"Bearer {token}" for token in wrong)):
        text = header.format(token=hub.token(hub.lam_son))
        headers = {"Authorization": text} if text else {}
        answer = await hub.ask(route.method, path, headers=headers, data=b"{}" if route.method == "POST" else None)
        assert (answer.status, answer.problem()["code"]) == (401, "unauthenticated"), header
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert await (await hub.client(hub.environment)).inbox() == before


@pytest.mark.parametrize("route", ROUTES, ids=ROUTE_IDS)
async def test_an_expired_token_opens_nothing(hub, sent, route) -> None:
    exchange, before = hub.exchange, Author(actor="test", at=datetime.now(UTC) - timedelta(hours=1, seconds=1))
    token, _ = await tokens.issue(
        exchange.tokens, exchange.entropy, before, party=hub.environment, label="old", lifetime=timedelta(hours=1)
    )
    answer = await hub.ask(route.method, _path(route, sent), token=token)
    assert (answer.status, answer.problem()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("route", ROUTES, ids=ROUTE_IDS)
async def test_a_revoked_token_opens_nothing(hub, sent, route) -> None:
    token = hub.token(hub.environment)
    await hub.exchange.tokens.revoke(tokens.digest(token).hex()[:12], hub.exchange.author())
    answer = await hub.ask(route.method, _path(route, sent), token=token)
    assert (answer.status, answer.problem()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("route", ROUTES, ids=ROUTE_IDS)
async def test_a_suspended_party_may_do_nothing(hub, sent, route) -> None:
    party = await hub.party(hub.environment)
    await hub.exchange.registry.put(dataclasses.replace(party, status=PartyStatus.SUSPENDED))
    answer = await hub.ask(route.method, _path(route, sent), by=hub.environment)
    assert (answer.status, answer.problem()["code"]) == (403, "party-suspended")
    await hub.exchange.registry.put(party)
    assert (await hub.ask("GET", "/v1/whoami", by=hub.environment)).status == 200


@pytest.mark.parametrize("route", OF_PARTIES, ids=lambda route: route.name)
async def test_what_belongs_to_others_is_not_there(hub, sent, route) -> None:
    path = _path(route, sent)
    missing = _path(route, dict.fromkeys(sent, "a" * 26))
    foreign = (await hub.ask(route.method, path, by=hub.finance)).problem()
    nothing = (await hub.ask(route.method, missing, by=hub.finance)).problem()
    assert (foreign["status"], foreign["code"]) == (404, "lease-ended" if "{lease}" in route.path else "not-found")
    assert foreign | {"request": ""} == nothing | {"request": ""}
    if "{delivery}" in route.path:
        await (await hub.client(hub.environment)).acknowledge(sent["delivery"])
    owner = hub.lam_son if route.name in {"archiveMessage", "restoreMessage"} else hub.environment
    own = await hub.ask(route.method, path, by=owner)
    assert own.status == route.status


async def test_a_receiver_acknowledges_its_own_delivery_only(hub, sent) -> None:
    for other in (hub.lam_son, hub.one_stop, hub.finance):
        answer = await hub.ask("POST", f"/v1/inbox/{sent['delivery']}/acknowledgement", by=other)
        assert answer.problem()["status"] == 404
    (delivery,) = await (await hub.client(hub.environment)).inbox()
    assert delivery.handed_over_at is None


async def test_a_receiver_learns_nothing_of_the_other_receivers_dealings(hub, sent) -> None:
    environment, one_stop = await hub.client(hub.environment), await hub.client(hub.one_stop)
    await environment.acknowledge(sent["delivery"])
    shown = (await hub.ask("GET", f"/v1/messages/{sent['message']}", by=hub.one_stop)).json
    assert [item["receiver"] for item in shown["receivers"]] == [hub.one_stop]
    mine = await one_stop.timeline(sent["message"])
    assert {item.receiver for item in mine} == {"", hub.one_stop}
    everything = await (await hub.client(hub.lam_son)).timeline(sent["message"])
    theirs = [item.evidence for item in everything if item.receiver == hub.environment]
    assert len(theirs) == 2
    for key in theirs:
        assert (await hub.ask("GET", f"/v1/evidence/{key}", by=hub.one_stop)).problem()["status"] == 404
        assert (await hub.ask("GET", f"/v1/evidence/{key}", by=hub.environment)).status == 200


async def test_a_mailbox_and_a_list_of_sent_letters_show_their_own_only(hub, sent) -> None:
    assert await (await hub.client(hub.finance)).inbox(waiting=False) == []
    assert await (await hub.client(hub.finance)).lease() == []
    assert await (await hub.client(hub.environment)).sent() == []
    foreign = await hub.ask("GET", f"/v1/inbox?box=all&after={sent['delivery']}", by=hub.finance)
    assert foreign.json == []


async def test_what_is_public_needs_no_token_and_tells_no_secret(hub, sent) -> None:
    for path in ("/v1/trust", "/log", "/healthz", "/readyz", "/openapi.json"):
        answer = await hub.ask("GET", path)
        assert (answer.status, answer.kind) == (200, "application/json")
        for secret in (b"PRIVATE", hub.token(hub.lam_son).encode(), sent["message"].encode()):
            assert secret not in answer.body
