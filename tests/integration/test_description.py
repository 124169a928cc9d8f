"""What the hub says of itself in /openapi.json is valid, and every live answer is as described."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import jsonschema
import msgspec
import openapi_spec_validator
import pytest

from envelopes.edxml import Business, BusinessType, Replacement, build
from envelopes.signature.lasting import Level
from envelopes.signature.sign import sign
from exchange.api.app import ROUTES
from exchange.api.views import SubmissionView
from exchange.auth.permissions import Action
from exchange.client import Client
from exchange.config import Home
from exchange.core import compromise
from exchange.core.groups import Group
from exchange.core.model import PartyId, PartyStatus
from exchange.core.ports.stamping import Batch, Raised
from exchange.core.quarantine import Declaration
from exchange.core.rules import Rule, Ruling
from exchange.core.systems import Link, describe_system
from exchange.founding import authority_of
from tests.servers.authority import Authority
from trust_store.enrol import new_key
from trust_store.enrol_request import make_request

AHEAD = ("/v1/forecast", "/v1/notices", "/v1/quarantine")
SENDERS = ("listSent", "archiveMessage", "restoreMessage")


@pytest.fixture
async def spec(hub):
    return (await hub.ask("GET", "/openapi.json")).json


def _holds(spec, schema, value) -> None:
    whole = {**schema, "components": spec["components"]}
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(whole, format_checker=checker).validate(value)


def _described(spec, method, path, answer) -> None:
    operation = spec["paths"][path][method.lower()]
    response = operation["responses"].get(str(answer.status), operation["responses"]["default"])
    (kind, content), *others = sorted(response["content"].items(), key=lambda each: each[0] != answer.kind)
    assert not others or path == "/v1/directory", "only tables come in two kinds"
    assert answer.kind == kind
    if kind not in {"application/xml", "text/csv"}:
        _holds(spec, content["schema"], answer.json)


async def test_the_description_is_valid_openapi(spec) -> None:
    openapi_spec_validator.validate(spec)
    assert spec["openapi"].startswith("3.1")


async def test_every_route_is_described_once(spec) -> None:
    described = [
        (method.upper(), path, item["operationId"])
        for path, operations in spec["paths"].items()
        for method, item in operations.items()
    ]
    assert {(route.method, route.path, route.name) for route in ROUTES} <= set(described)
    assert len({name for _, _, name in described}) == len(described)
    for _, path, _ in described:
        for operation in spec["paths"][path].values():
            names = {item["name"] for item in operation.get("parameters", ()) if item["in"] == "path"}
            assert names == set(re.findall(r"{(\w+)}", path))


async def _lose_a_key(hub) -> list[str]:
    """Send three letters with a key, and declare it lost; give them."""
    views = [await hub.submit(hub.ham_rong, hub.signed(hub.ham_rong, hub.environment, number=n)) for n in (1, 2, 3)]
    wanted = Declaration(
        certificate=hub.key(hub.ham_rong).certificate.fingerprint,
        since=hub.exchange.hub.clock.now() - timedelta(hours=1),
        why="mất khóa",
    )
    await compromise.declare(hub.exchange.hub, wanted, hub.exchange.author())
    return [view.message for view in views]


async def test_every_live_answer_is_as_described(hub, spec) -> None:
    letter = hub.letter(hub.lam_son, hub.environment)
    data = sign(build(letter), hub.key(hub.lam_son))
    submitted = await hub.ask("POST", "/v1/messages", by=hub.lam_son, data=data)
    view = SubmissionView(**submitted.json)
    assert submitted.headers["Location"] == f"/v1/messages/{view.message}"
    leased = await hub.ask("POST", "/v1/inbox/leases", by=hub.environment, data=b"{}")
    names = {
        "message": view.message,
        "evidence": view.receipt_id,
        "delivery": leased.json[0]["delivery"],
        "lease": leased.json[0]["lease"],
        "party": hub.environment,
        "token": (await hub.exchange.tokens.all(hub.tax))[0].id,
        "certificate": hub.key(hub.environment).certificate.fingerprint,
        "group": "H56.N1",
        "rule": "10",
        "system": "000.00.31.H56",
    }
    await _stamp(hub, view)
    replacing = hub.letter(hub.lam_son, hub.environment, number=2)
    replaced = Business(business_type=BusinessType.REPLACE, replacements=(Replacement(document_id=letter.document_id),))
    await hub.submit(hub.lam_son, sign(build(replace(replacing, business=replaced)), hub.key(hub.lam_son)))
    for code in ("01", "03"):
        await hub.submit(hub.environment, hub.notice(hub.environment, letter, code))
    _described(spec, "POST", "/v1/messages", submitted)
    _described(spec, "POST", "/v1/inbox/leases", leased)
    special = {scope: await hub.give(hub.code, scope) for scope in (Action.ADMINISTER, Action.AUDIT)}
    special[Action.APPLY] = await hub.give(hub.environment, "enrol")
    others = await _enrolling(hub, special[Action.APPLY], special[Action.ADMINISTER])
    wanted = make_request(new_key(), hub.environment, "").decode()
    pem = hub.key(hub.environment).certificate.pem.decode()
    group = Group(code="H56.N1", name="Các sở", members=frozenset({PartyId(hub.environment)}))
    await hub.exchange.registry.put_group(group, hub.exchange.author())
    denial = Rule(position=10, sender="*", receiver=hub.tax, ruling=Ruling.DENY)
    await hub.exchange.registry.put_rule(denial, hub.exchange.author())
    systems, by = hub.exchange.hub.store.systems, hub.exchange.author()
    await systems.connect(describe_system("H56.QLVB", "Phần mềm", [Link(party=PartyId(hub.tax))]), "secret-enough", by)
    held = await _lose_a_key(hub)
    (notice,) = await hub.exchange.hub.store.notices.page(PartyId(hub.environment), unread=False, after=None, limit=9)
    names["notice"] = notice.id
    told = {"submitMessage", "leaseDeliveries"}
    in_order = sorted(ROUTES, key=lambda route: (route.name == "releaseLease", "acknowledge" not in route.name))
    for route in sorted(in_order, key=lambda route: route.name not in {"renewLease", "releaseLease"}):
        if route.name in told:
            continue
        names["held"] = held.pop() if "{held}" in route.path else ""
        known = names | others.get(route.name, others["usual"])
        path = re.sub(r"{(\w+)}", lambda match, known=known: known[match[1]], route.path)
        path += "?within=36500" if route.name == "foreseeCertificates" else ""
        by = {"foreseeCertificates": hub.one_stop, **dict.fromkeys(SENDERS, hub.lam_son)}.get(
            route.name, hub.environment
        )
        rule = b'{"sender":"*","receiver":"*","effect":"allow"}'
        bodies = {
            "addCertificate": hub.key(hub.environment).certificate.pem,
            "putParty": b"{}",
            "putGroup": b"{}",
            "importParties": b"code",
            "addRule": rule,
            "addSystem": b'{"systemid":"new","name":"x"}',
            "putRule": rule,
            "declareCompromise": b'{"since":"2026-01-01T00:00:00Z","why":"x"}',
            "releaseMessage": b'{"why":"x"}',
            "withdrawMessage": b'{"why":"x"}',
            "apply": msgspec.json.encode({"request": wanted}),
            "rehearseSwitch": msgspec.json.encode({"certificate": pem}),
            "refuseEnrolment": b'{"why":"x"}',
            "bringRevocationList": Authority.of(authority_of(Home(hub.folder))).list(datetime.now(UTC)),
            "changeAuthorities": json.dumps({"pem": hub.key(hub.tax).chain[-1].pem.decode()}).encode(),
        }
        data = bodies.get(route.name)
        answer = await hub.ask(route.method, path, by=by, token=special.get(route.action, ""), data=data)
        assert answer.status == route.status
        assert answer.body not in {b"", b"[]"}, route.name
        _described(spec, route.method, route.path, answer)
        told.add(route.name)
    assert told == {route.name for route in ROUTES}


async def _stamp(hub, view) -> None:
    """Keep what a time-stamp authority would have given."""
    at = datetime.now(UTC)
    members = ((view.receipt_id, bytes(32)),)
    await hub.exchange.stamps.add(Batch(id="one", at=at, members=members, token=b"token", until=at))
    far = at + timedelta(days=3650)
    raised = Raised(message=view.message, level=Level.LTA, properties="<a xmlns='urn:a'/>", at=at, renew_by=far)
    await hub.exchange.stamps.keep(raised)


async def _enrolling(hub, enrolling: str, administering: str) -> dict[str, dict[str, str]]:
    """Apply, have some of it approved, and give a code: what the routes of enrolment name, and for some of them others."""
    async with Client(hub.url, enrolling) as party, Client(hub.url, administering) as office:
        asked = [await party.enrolment.apply(make_request(new_key(), hub.environment, "")) for _ in range(5)]
        done = [await office.enrolment.approve(each.id) for each in asked[:2]]
        code = await office.enrolment.give_code(hub.environment)
    return {
        "usual": {"application": asked[2].id, "enrolment": asked[3].id, "code": code.code.id},
        "refuseEnrolment": {"enrolment": asked[4].id},
        "letCertificateGo": {"certificate": done[0].certificate},
    }


async def test_public_pages_are_as_described(hub, spec) -> None:
    for path in ("/v1/trust", "/log", "/healthz", "/readyz"):
        answer = await hub.ask("GET", path)
        assert answer.status == 200
        _described(spec, "GET", path, answer)


async def test_refusals_are_as_described(hub, spec) -> None:
    for route in ROUTES:
        answer = await hub.ask(route.method, route.path.replace("{", "").replace("}", ""))
        assert answer.status == 401
        _described(spec, route.method, route.path, answer)
    rejected = await hub.ask("POST", "/v1/messages", by=hub.lam_son, data=b"<a/>")
    assert rejected.json["evidence"]
    _described(spec, "POST", "/v1/messages", rejected)


def _listing(spec) -> dict[str, dict[str, dict]]:
    """Give the paths but that of raised messages, whose query asks for something to be made: see test_stamps."""
    return {path: operations for path, operations in spec["paths"].items() if not path.endswith("/raised")}


async def test_the_described_queries_are_the_ones_that_work(hub, spec) -> None:
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    values = {
        "limit": "1",
        "box": "all",
        "kind": "letter",
        "business": "0",
        "number": "1",
        "notation": "CV-T",
        "state": "sent",
        "text": "thu",
        "since": "1999-01-01T00:00:00Z",
        "until": "2999-01-01T00:00:00Z",
        "issued_since": "1999-01-01",
        "issued_until": "2999-01-01",
        "after": "",
        "sender": hub.lam_son,
        "receiver": hub.environment,
        "document_id": quote(hub.letter(hub.lam_son, hub.environment).document_id),
    }
    above = replace(await hub.party(hub.finance), parent=PartyId("000.00.00.H56"), status=PartyStatus.SUSPENDED)
    await hub.exchange.registry.put(above)
    filters = {
        "kind": ("enterprise", 3),
        "status": ("suspended", 1),
        "text": ("nong nghiep", 1),
        "parent": ("000.00.00.H56", 1),
        "after": (hub.ham_rong, 1),
        "limit": ("1", 1),
    }
    auditor, office = await hub.give(hub.code, "audit"), await hub.give(hub.code, "administer")
    async with Client(hub.url, await hub.give(hub.lam_son, "enrol")) as party:
        await party.enrolment.apply(make_request(new_key(), hub.lam_son, ""))
    for path, operations in _listing(spec).items():
        for item in operations.get("get", {}).get("parameters", ()) if path not in AHEAD else ():
            if item["in"] == "query" and path == "/v1/audit":
                shown = await hub.ask("GET", f"{path}?{item['name']}=1", token=auditor)
                numbers = [row["number"] for row in shown.json]
                assert (numbers == [1]) if item["name"] == "limit" else (numbers[0] == 2)
            elif item["in"] == "query" and path == "/v1/enrolments":
                value = {"state": "pending", "limit": "1", "after": "nothing"}[item["name"]]
                shown = await hub.ask("GET", f"{path}?{item['name']}={value}", token=office)
                assert (shown.status, len(shown.json)) == (200, 1)
            elif item["in"] == "query" and path == "/v1/parties":
                value, count = filters[item["name"]]
                shown = await hub.ask("GET", f"{path}?{item['name']}={quote(value)}", by=hub.lam_son)
                assert (shown.status, len(shown.json)) == (200, count), item["name"]
            elif item["in"] == "query":
                by = hub.lam_son if path == "/v1/messages" else hub.environment
                answer = await hub.ask("GET", f"{path}?{item['name']}={values[item['name']]}", by=by)
                assert (answer.status, len(answer.json)) == (200, 1)


async def test_the_described_queries_of_what_ends_and_what_is_held_are_the_ones_that_work(hub, spec) -> None:
    administrator = await hub.give(hub.code, "administer")
    await _lose_a_key(hub)
    (own,) = (await hub.ask("GET", "/v1/forecast?within=36500", by=hub.environment)).json
    (notice,) = (await hub.ask("GET", "/v1/notices", by=hub.environment)).json
    (last, *_) = (await hub.ask("GET", "/v1/quarantine", token=administrator)).json
    line = quote(f"{own['owner']} {own['role']} {own['certificate']}")
    ahead = {
        "/v1/forecast": {"within=36500": 1, f"within=36500&after={line}": 0, "within=36500&limit=1": 1},
        "/v1/notices": {"unread=true": 1, f"after={notice['id']}": 0, "limit=1": 1},
        "/v1/quarantine": {f"after={last['message']}": 2, "limit=1": 1},
    }
    for path, queries in ahead.items():
        described = {item["name"] for item in spec["paths"][path]["get"]["parameters"]}
        assert described == {part.partition("=")[0] for query in queries for part in query.split("&")}
        for query, count in queries.items():
            token = administrator if path == "/v1/quarantine" else hub.token(hub.environment)
            assert len((await hub.ask("GET", f"{path}?{query}", token=token)).json) == count, query
