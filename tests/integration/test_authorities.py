"""Over the API, a change of the authorities is seen before it is made, and holds for the next letter."""

from __future__ import annotations

import json


async def change(hub, token: str, **wanted: object):
    return await hub.ask("POST", "/v1/authorities/changes", token=token, data=json.dumps(wanted).encode())


async def test_a_change_is_shown_then_made_and_the_next_letter_is_judged_by_it(hub) -> None:
    token = await hub.give(hub.code, "administer")
    root = hub.key(hub.environment).chain[-1]
    seen = await change(hub, token, pem=root.pem.decode(), kinds=["agency"])
    assert seen.status == 200
    assert seen.json["applied"] is False
    assert seen.json["judged"] == len(await hub.exchange.hub.store.authorities.registered())
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))

    made = await change(hub, token, pem=root.pem.decode(), kinds=["agency"], apply=True)
    assert made.json == seen.json | {"applied": True, "at": made.json["at"]}
    listed = await hub.ask("GET", "/v1/authorities", token=token)
    assert [(item["role"], item["kinds"]) for item in listed.json] == [("anchor", ["agency"])]
    refused = await hub.refused(hub.lam_son, hub.signed(hub.lam_son, hub.environment, number=2))
    assert refused.reason.code == "anchor-not-for-this"
    await hub.submit(hub.environment, hub.signed(hub.environment, hub.lam_son, number=3))


async def test_what_cannot_be_is_refused_and_changes_nothing(hub) -> None:
    token = await hub.give(hub.code, "administer")
    leaf = hub.key(hub.environment).certificate.pem.decode()
    root = hub.key(hub.environment).chain[-1].pem.decode()
    before = (await hub.ask("GET", "/v1/authorities", token=token)).json
    for wanted, code in (
        ({"pem": "nothing"}, "certificate-malformed"),
        ({"pem": leaf, "apply": True}, "issuer-not-ca"),
        ({"pem": root, "since": "2027-01-01T00:00:00", "apply": True}, "request-malformed"),
        ({"pem": root, "role": "king"}, "request-malformed"),
    ):
        answer = await change(hub, token, **wanted)
        assert (400 <= answer.status < 500, answer.json["code"]) == (True, code)
    assert (await hub.ask("GET", "/v1/authorities", token=token)).json == before
