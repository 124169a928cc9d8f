"""What the hub says of itself in /openapi.json is valid, and every live answer is as described."""

from __future__ import annotations

import re

import jsonschema
import openapi_spec_validator
import pytest

from envelopes.edxml import build
from envelopes.signature.sign import sign
from exchange.api.app import ROUTES
from exchange.api.views import SubmissionView


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
    (kind, content), *others = response["content"].items()
    assert not others
    assert answer.kind == kind
    if kind != "application/xml":
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
    names = {"message": view.message, "evidence": view.receipt_id, "delivery": leased.json[0]["delivery"]}
    for code in ("01", "03"):
        await hub.submit(hub.environment, hub.notice(hub.environment, letter, code))
    _described(spec, "POST", "/v1/messages", submitted)
    _described(spec, "POST", "/v1/inbox/leases", leased)
    told = {"submitMessage", "leaseDeliveries"}
    for route in sorted(ROUTES, key=lambda route: (route.method, route.path)):
        if route.name in told:
            continue
        path = re.sub(r"{(\w+)}", lambda match: names[match[1]], route.path)
        by = hub.lam_son if route.name == "listSent" else hub.environment
        answer = await hub.ask(route.method, path, by=by)
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
    values = {"limit": "1", "waiting": "false", "after": "none", "before": "2999-01-01T00:00:00Z"}
    for path, operations in spec["paths"].items():
        for item in operations.get("get", {}).get("parameters", ()):
            if item["in"] == "query":
                by = hub.lam_son if path == "/v1/messages" else hub.environment
                answer = await hub.ask("GET", f"{path}?{item['name']}={values[item['name']]}", by=by)
                assert (answer.status, len(answer.json)) == (200, 1)
