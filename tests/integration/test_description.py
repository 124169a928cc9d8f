"""What the hub says of itself in /openapi.json is valid, and every live answer is as described."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import jsonschema
import openapi_spec_validator
import pytest

from envelopes.edxml import Business, BusinessType, Replacement, build
from envelopes.signature.sign import sign
from exchange.api.app import ROUTES
from exchange.api.views import SubmissionView
from exchange.auth.permissions import Action
from exchange.config import Home
from exchange.core.groups import Group
from exchange.core.model import PartyId, PartyStatus
from exchange.core.rules import Rule, Ruling
from exchange.core.systems import Link, describe_system
from exchange.founding import authority_of
from tests.servers.authority import Authority


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
    replacing = hub.letter(hub.lam_son, hub.environment, number=2)
    replaced = Business(business_type=BusinessType.REPLACE, replacements=(Replacement(document_id=letter.document_id),))
    await hub.submit(hub.lam_son, sign(build(replace(replacing, business=replaced)), hub.key(hub.lam_son)))
    for code in ("01", "03"):
        await hub.submit(hub.environment, hub.notice(hub.environment, letter, code))
    _described(spec, "POST", "/v1/messages", submitted)
    _described(spec, "POST", "/v1/inbox/leases", leased)
    special = {scope: await hub.give(hub.code, scope) for scope in (Action.ADMINISTER, Action.AUDIT)}
    group = Group(code="H56.N1", name="Các sở", members=frozenset({PartyId(hub.environment)}))
    await hub.exchange.registry.put_group(group, hub.exchange.author())
    denial = Rule(position=10, sender="*", receiver=hub.tax, ruling=Ruling.DENY)
    await hub.exchange.registry.put_rule(denial, hub.exchange.author())
    systems, by = hub.exchange.hub.store.systems, hub.exchange.author()
    await systems.connect(describe_system("H56.QLVB", "Phần mềm", [Link(party=PartyId(hub.tax))]), "secret-enough", by)
    told = {"submitMessage", "leaseDeliveries"}
    in_order = sorted(ROUTES, key=lambda route: (route.name == "releaseLease", "acknowledge" not in route.name))
    for route in sorted(in_order, key=lambda route: route.name not in {"renewLease", "releaseLease"}):
        if route.name in told:
            continue
        path = re.sub(r"{(\w+)}", lambda match: names[match[1]], route.path)
        by = hub.lam_son if route.name in {"listSent", "archiveMessage", "restoreMessage"} else hub.environment
        rule = b'{"sender":"*","receiver":"*","effect":"allow"}'
        bodies = {
            "addCertificate": hub.key(hub.environment).certificate.pem,
            "putParty": b"{}",
            "putGroup": b"{}",
            "importParties": b"code",
            "addRule": rule,
            "addSystem": b'{"systemid":"new","name":"x"}',
            "putRule": rule,
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


async def test_public_pages_are_as_described(hub, spec) -> None:
    for path in ("/v1/trust", "/healthz", "/readyz"):
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
    auditor = await hub.give(hub.code, "audit")
    for path, operations in spec["paths"].items():
        for item in operations.get("get", {}).get("parameters", ()):
            if item["in"] == "query" and path == "/v1/audit":
                shown = await hub.ask("GET", f"{path}?{item['name']}=1", token=auditor)
                numbers = [row["number"] for row in shown.json]
                assert (numbers == [1]) if item["name"] == "limit" else (numbers[0] == 2)
            elif item["in"] == "query" and path == "/v1/parties":
                value, count = filters[item["name"]]
                shown = await hub.ask("GET", f"{path}?{item['name']}={quote(value)}", by=hub.lam_son)
                assert (shown.status, len(shown.json)) == (200, count), item["name"]
            elif item["in"] == "query":
                by = hub.lam_son if path == "/v1/messages" else hub.environment
                answer = await hub.ask("GET", f"{path}?{item['name']}={values[item['name']]}", by=by)
                assert (answer.status, len(answer.json)) == (200, 1)
