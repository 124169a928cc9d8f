"""The directory as an office keeps it: groups, who may write to whom, tables, over the line and by the command line."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from pathlib import Path

import msgspec
import pytest

from envelopes.edxml import Business, BusinessType, Replacement, ResponseFor, build
from envelopes.receipt import Event, open_receipt
from envelopes.signature.sign import sign
from exchange.core.addressing import MAX_RECEIVERS
from exchange.core.groups import Group
from exchange.core.model import PartyId, PartyStatus
from exchange.core.records import write_workbook
from exchange.core.registering import describe_party
from exchange.core.rules import Rule, Ruling
from trust_store.identity import PartyKind

ROOT = Path(__file__).parents[2]
GROUP = "H56.N1"


@pytest.fixture
async def administrator(hub):
    """Ask as an administrator of the hub."""
    secret = await hub.give(hub.code, "administer")

    async def ask(method: str, path: str, body=None, **named):
        data = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
        return await hub.ask(method, path, token=secret, data=data, **named)

    return ask


async def group(hub, *members: str) -> None:
    made = Group(code=GROUP, name="Các sở", members=frozenset(PartyId(code) for code in members))
    await hub.exchange.registry.put_group(made, hub.exchange.author())


async def deny(hub, sender: str, receiver: str, position: int = 10) -> None:
    rule = Rule(position=position, sender=sender, receiver=receiver, ruling=Ruling.DENY, note="qua Một cửa")
    await hub.exchange.registry.put_rule(rule, hub.exchange.author())


async def suspend(hub, code: str) -> None:
    party = await hub.party(code)
    await hub.exchange.registry.put(dataclasses.replace(party, status=PartyStatus.SUSPENDED), hub.exchange.author())


async def crowd(hub, count: int) -> list[str]:
    """Register so many agencies; give their codes."""
    parties = [describe_party(f"H99.{number}", f"Đơn vị {number}", PartyKind.AGENCY) for number in range(count)]
    revision = (await hub.exchange.hub.store.directory.snapshot()).revision
    await hub.exchange.registry.put_all(parties, revision, hub.exchange.author())
    return [party.id for party in parties]


async def received(hub, *codes: str) -> dict[str, int]:
    return {code: len(await (await hub.client(code)).inbox()) for code in codes}


async def test_a_letter_to_a_group_reaches_each_active_member_once(hub) -> None:
    await group(hub, hub.environment, hub.one_stop, hub.lam_son, hub.tax)
    await suspend(hub, hub.tax)
    letter = hub.signed(hub.lam_son, GROUP.lower(), hub.environment, "H56.11")
    view = await hub.submit(hub.lam_son, letter)
    codes = (hub.environment, hub.one_stop, hub.finance, hub.lam_son)
    assert await received(hub, *codes) == dict(zip(codes, (1, 1, 1, 0), strict=True))
    shown = (await hub.ask("GET", f"/v1/messages/{view.message}", by=hub.lam_son)).json
    assert {item["receiver"] for item in shown["receivers"]} == set(codes) - {hub.lam_son}
    await group(hub, hub.tax)
    assert (await hub.submit(hub.lam_son, letter)).receipt == view.receipt


async def test_administrators_at_the_same_time_undo_nothing_of_each_other(hub, administrator) -> None:
    await group(hub, hub.tax)
    denials = [{"sender": hub.tax, "receiver": code, "effect": "deny"} for code in (hub.finance, hub.environment)]
    answers = await asyncio.gather(
        administrator("PUT", f"/v1/parties/{hub.tax}", {"status": "suspended"}),
        administrator("PUT", f"/v1/parties/{hub.tax}", {"name": "Thuế cơ sở"}),
        administrator("PUT", f"/v1/groups/{GROUP}", {"members": [hub.finance]}),
        administrator("PUT", f"/v1/groups/{GROUP}", {"name": "Sở, ban, ngành"}),
        *(administrator("POST", "/v1/rules", denial) for denial in denials),
    )
    assert [item.status for item in answers] == [200, 200, 200, 200, 201, 201]
    snapshot = await hub.exchange.hub.store.directory.snapshot()
    party, made = snapshot.parties[PartyId(hub.tax)], snapshot.groups[GROUP]
    assert (party.status, party.name) == (PartyStatus.SUSPENDED, "Thuế cơ sở")
    assert (made.name, made.members) == ("Sở, ban, ngành", {hub.finance})
    assert {rule.receiver for rule in snapshot.rules} == {hub.finance, hub.environment}


async def test_a_group_with_nobody_to_receive_is_refused(hub) -> None:
    await group(hub, hub.tax, hub.lam_son)
    await suspend(hub, hub.tax)
    refusal = await hub.refused(hub.lam_son, hub.signed(hub.lam_son, GROUP, hub.environment))
    assert (refusal.reason.code, refusal.status) == ("group-empty", 422)
    assert refusal.evidence
    assert await received(hub, hub.environment) == {hub.environment: 0}


async def test_a_denied_letter_is_refused_whole_and_the_refusal_is_attested(hub) -> None:
    await deny(hub, "kind:enterprise", "under:000.00.12.H56", 30)
    refusal = await hub.refused(hub.lam_son, hub.signed(hub.lam_son, hub.one_stop, hub.environment))
    assert (refusal.status, refusal.reason.code) == (403, "may-not-write")
    assert all(word in refusal.detail for word in (hub.environment, "rule 30", "qua Một cửa"))
    receipt, _ = open_receipt(await (await hub.client(hub.lam_son)).evidence(refusal.evidence))
    assert (receipt.event, receipt.causes[0].code) == (Event.SUBMISSION_REJECTION, "may-not-write")
    assert await received(hub, hub.one_stop, hub.environment) == {hub.one_stop: 0, hub.environment: 0}
    await group(hub, hub.environment, hub.one_stop)
    assert (await hub.refused(hub.lam_son, hub.signed(hub.lam_son, GROUP, number=2))).reason.code == "may-not-write"
    await hub.submit(hub.finance, hub.signed(hub.finance, hub.environment))
    rule = Rule(position=20, sender=hub.lam_son, receiver="*", ruling=Ruling.ALLOW)
    await hub.exchange.registry.put_rule(rule, hub.exchange.author())
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, number=3))


async def test_whoever_got_a_letter_can_answer_it_whatever_the_rules(hub) -> None:
    letter = hub.letter(hub.lam_son, hub.environment, hub.finance)
    await hub.submit(hub.lam_son, sign(build(letter), hub.key(hub.lam_son)))
    await deny(hub, "*", "*")
    await hub.submit(hub.environment, hub.notice(hub.environment, letter, "03"))
    about = ResponseFor(organ_id=hub.lam_son, document_id=letter.document_id)
    answer = dataclasses.replace(hub.letter(hub.environment, hub.lam_son, hub.finance), responses=(about,))
    await hub.submit(hub.environment, sign(build(answer), hub.key(hub.environment)))
    assert await received(hub, hub.lam_son, hub.finance) == {hub.lam_son: 2, hub.finance: 2}
    more = dataclasses.replace(hub.letter(hub.environment, hub.lam_son, hub.tax, number=2), responses=(about,))
    refusal = await hub.refused(hub.environment, sign(build(more), hub.key(hub.environment)))
    assert (refusal.reason.code, hub.tax in refusal.detail) == ("may-not-write", True)
    assert (await hub.refused(hub.environment, hub.signed(hub.environment, hub.lam_son, number=3))).status == 403


async def test_a_reference_to_a_letter_of_others_opens_no_way(hub) -> None:
    letter = hub.letter(hub.lam_son, hub.environment)
    await hub.submit(hub.lam_son, sign(build(letter), hub.key(hub.lam_son)))
    await deny(hub, hub.ham_rong, "*")
    about = ResponseFor(organ_id=hub.lam_son, document_id=letter.document_id)
    for receiver in (hub.environment, hub.lam_son):
        posing = dataclasses.replace(hub.letter(hub.ham_rong, receiver), responses=(about,))
        refusal = await hub.refused(hub.ham_rong, sign(build(posing), hub.key(hub.ham_rong)))
        assert refusal.reason.code == "may-not-write"


async def test_a_letter_can_be_replaced_after_a_rule_forbids_new_ones(hub) -> None:
    letter = hub.letter(hub.lam_son, hub.environment, hub.finance)
    await hub.submit(hub.lam_son, sign(build(letter), hub.key(hub.lam_son)))
    await deny(hub, hub.lam_son, "*")
    what = Business(business_type=BusinessType.REPLACE, replacements=(Replacement(document_id=letter.document_id),))
    newer = dataclasses.replace(hub.letter(hub.lam_son, hub.environment, number=2), business=what)
    await hub.submit(hub.lam_son, sign(build(newer), hub.key(hub.lam_son)))
    assert await received(hub, hub.environment, hub.finance) == {hub.environment: 2, hub.finance: 2}


async def test_a_party_is_shown_and_changed_with_all_that_is_known(hub, administrator) -> None:
    path = f"/v1/parties/{hub.environment}"
    contacts = [{"name": "Văn thư", "role": "", "email": "vt@example.vn", "phone": ""}]
    aliases = [{"code": "SNN", "scheme": "province"}, {"code": "H56.12", "scheme": "qd20"}]
    wanted = {"aliases": aliases, "parent": "h56", "contacts": contacts}
    changed = (await administrator("PUT", path, wanted)).json
    assert changed["parent"] == "000.00.00.H56"
    assert changed == (await administrator("GET", "/v1/parties/snn")).json
    assert (changed["contacts"], sorted(item["code"] for item in changed["aliases"])) == (contacts, ["H56.12", "SNN"])
    plain = (await administrator("PUT", path, {"codes": ["SNN", "X1"], "parent": ""})).json
    assert (plain["parent"], plain["contacts"]) == ("", contacts)
    assert plain["aliases"] == [{"code": "SNN", "scheme": "province"}, {"code": "X1", "scheme": "other"}]
    (listed,) = (await hub.ask("GET", "/v1/parties?text=SNN", by=hub.lam_son)).json
    assert set(listed) == {"id", "name", "kind", "codes", "status", "reached_by", "max_bytes", "files_beside"}
    assert (await hub.ask("GET", path, by=hub.lam_son)).problem()["code"] == "forbidden"


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("party-parent", {"parent": "nobody"}),
        ("party-parent", {"parent": "000.00.12.H56"}),
        ("code-malformed", {"aliases": [{"code": "h56.12", "scheme": "qd20"}]}),
        ("tax-code-malformed", {"aliases": [{"code": "123", "scheme": "tax"}]}),
        ("request-malformed", {"aliases": [{"code": "X", "scheme": "mst"}]}),
        ("request-malformed", {"aliases": [], "codes": []}),
        ("contact-malformed", {"contacts": [{"name": "x", "email": "nobody"}]}),
        ("contact-malformed", {"contacts": [{"name": "x"}] * 21}),
        ("code-taken", {"aliases": [{"code": "000.00.99.h56"}]}),
        ("code-taken", {"aliases": [{"code": GROUP}]}),
    ],
)
async def test_what_a_party_cannot_be_is_refused_and_nothing_changes(hub, administrator, code, body) -> None:
    await group(hub, hub.tax)
    before = await hub.exchange.hub.store.directory.snapshot()
    answer = await administrator("PUT", f"/v1/parties/{hub.environment}", body)
    assert answer.problem()["code"] == code
    assert await hub.exchange.hub.store.directory.snapshot() == before


async def test_the_list_is_searched_and_paged(hub, administrator) -> None:
    async def ids(query: str) -> list[str]:
        return [item["id"] for item in (await hub.ask("GET", f"/v1/parties?{query}", by=hub.lam_son)).json]

    everybody = await ids("")
    found = await (await hub.client(hub.lam_son)).parties(kind="enterprise", text="lam son")
    assert [item.id for item in found] == [hub.lam_son]
    assert await ids("text=nong%20nghiep") == await ids("text=N%C3%B4ng") == [hub.environment]
    assert await ids("text=N%C3%B2ng") == []
    assert await ids("text=h56.12") == [hub.environment, "000.01.12.H56"]
    assert await ids("parent=nobody") == []
    pages, path = [], "/v1/parties?limit=5"
    while path:
        page = await hub.ask("GET", path, by=hub.lam_son)
        pages += [item["id"] for item in page.json]
        path = page.headers["Link"].partition(">")[0].removeprefix("<") if "Link" in page.headers else ""
    assert pages == everybody
    for query in ("kind=person", "status=gone", "text=%00", "limit=0", "limit=201"):
        assert (await hub.ask("GET", f"/v1/parties?{query}", by=hub.lam_son)).problem()["code"] == "request-malformed"


async def test_groups_are_administered_and_everybody_sees_them(hub, administrator) -> None:
    path = f"/v1/groups/{GROUP}"
    made = await administrator("PUT", path, {"name": "Các sở", "members": ["H56.12", hub.finance, "h56.12"]})
    assert made.json == {"code": GROUP, "name": "Các sở", "members": [hub.finance, hub.environment]}
    assert (await administrator("PUT", path, {"name": "Sở"})).json["members"] == made.json["members"]
    assert (await hub.ask("GET", "/v1/groups", by=hub.lam_son)).json == [{"code": GROUP, "name": "Sở", "size": 2}]
    assert (await hub.ask("GET", path.lower(), by=hub.lam_son)).json["name"] == "Sở"
    for code, where, body in (
        ("not-found", path, {"members": ["nobody"]}),
        ("not-found", path, {"members": [GROUP]}),
        ("request-malformed", "/v1/groups/H56.N2", {}),
        ("edxml-organ-code", "/v1/groups/a-b", {"name": "x"}),
        ("code-taken", "/v1/groups/h56.12", {"name": "x"}),
        ("code-taken", f"/v1/groups/{hub.code}", {"name": "x"}),
    ):
        assert (await administrator("PUT", where, body)).problem()["code"] == code
    await deny(hub, f"group:{GROUP}", "*")
    in_use = (await administrator("DELETE", path)).problem()
    assert (in_use["status"], in_use["code"]) == (409, "group-in-use")
    assert (await administrator("DELETE", "/v1/rules/10")).status == 200
    assert (await administrator("DELETE", path)).json["code"] == GROUP
    assert (await hub.ask("GET", path, by=hub.lam_son)).problem()["status"] == 404


async def test_rules_are_administered_in_their_order(hub, administrator) -> None:
    rule = {"sender": "022899000016", "receiver": "under:h56", "effect": "deny", "note": "tạm dừng"}
    first = await administrator("POST", "/v1/rules", rule)
    assert (first.status, first.json["position"], first.json["sender"]) == (201, 10, hub.lam_son)
    assert first.json["receiver"] == "under:000.00.00.H56"
    assert (await administrator("PUT", "/v1/rules/5", rule | {"effect": "allow"})).json["position"] == 5
    assert [item["position"] for item in (await administrator("GET", "/v1/rules")).json] == [5, 10]
    assert (await administrator("GET", "/v1/rules/5")).json["effect"] == "allow"
    assert (await administrator("DELETE", "/v1/rules/5")).status == 200
    for path in ("/v1/rules/5", "/v1/rules/999999999"):
        assert (await administrator("GET", path)).problem()["status"] == 404
    for code, where, body in (
        ("request-malformed", "/v1/rules/0", rule),
        ("request-malformed", "/v1/rules/x", rule),
        ("rule-malformed", "/v1/rules/999999999", rule),
        ("rule-malformed", "/v1/rules/7", rule | {"note": "x" * 201}),
        ("not-found", "/v1/rules/7", rule | {"sender": "nobody"}),
        ("request-malformed", "/v1/rules/7", rule | {"effect": "maybe"}),
    ):
        assert (await administrator("PUT", where, body)).problem()["code"] == code
    assert [item["position"] for item in (await administrator("GET", "/v1/rules")).json] == [10]


BAD_TABLE = "\n".join(
    (
        "code;name;kind;status;parent;aliases;contacts",
        "H57.01;Tốt;agency;active;H57.02;;",
        "H57.02;;agency;active;;;",
        "H57.03;Loại lạ;person;active;;;",
        "000.00.12.H56;Đổi loại;enterprise;active;;;",
        "H57.05;Mã trục;agency;active;;old:000.00.99.H56;",
        "H57.06;Cha lạ;agency;active;nobody;;",
    )
)


async def test_a_table_with_bad_rows_changes_nothing_and_every_one_is_told(hub, administrator) -> None:
    before = await hub.exchange.hub.store.directory.snapshot()
    for query in ("", "?dry-run=true"):
        problem = (await administrator("POST", f"/v1/directory{query}", BAD_TABLE.encode())).problem()
        assert (problem["status"], problem["code"]) == (422, "table-malformed")
        told = [(row["row"], row["column"]) for row in problem["rows"]]
        assert told == [(3, "name"), (4, "kind"), (5, "kind"), (6, "aliases"), (7, "parent")]
        assert all(row["what"] and row["fix"] for row in problem["rows"])
    assert await hub.exchange.hub.store.directory.snapshot() == before
    assert (await administrator("POST", "/v1/directory?dry-run=1", b"code")).problem()["code"] == "request-malformed"


async def test_a_table_is_taken_in_and_comes_out_the_same(hub, administrator) -> None:
    before = (await hub.exchange.audit.verify())[0]
    table = [*BAD_TABLE.splitlines()[:2], "H57.02;Cha;agency;;;qd20:H57.02.01;", "h56.12;Sở Mới;;suspended;H57.02;;"]
    body = "\r\n".join(table).encode("utf-8-sig")
    counts = {"registered": 2, "changed": 1, "unchanged": 0}
    assert (await administrator("POST", "/v1/directory?dry-run=true", body)).json == counts | {"written": False}
    assert (await hub.party(hub.environment)).status is PartyStatus.ACTIVE
    assert (await administrator("POST", "/v1/directory", body)).json == counts | {"written": True}
    assert (await hub.party("H57.01")).parent == "H57.02"
    assert (await hub.party(hub.environment)).fingerprints
    events = [row.event for row in await hub.exchange.audit.page(before, 100)]
    assert events == ["directory-imported", "party-registered", "party-registered", "party-suspended", "party-changed"]
    exported = await administrator("GET", "/v1/directory")
    assert (exported.kind, exported.body[:3]) == ("text/csv", b"\xef\xbb\xbf")
    everybody = len(await hub.exchange.hub.store.directory.all())
    again = (await administrator("POST", "/v1/directory", exported.body)).json
    assert again == {"written": True, "registered": 0, "changed": 0, "unchanged": everybody}


async def test_a_workbook_goes_out_and_comes_in_as_a_table_does(hub, administrator) -> None:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    exported = await administrator("GET", "/v1/directory", headers={"Accept": kind})
    assert (exported.kind, exported.body[:4]) == (kind, b"PK\x03\x04")
    everybody = len(await hub.exchange.hub.store.directory.all())
    again = (await administrator("POST", "/v1/directory", exported.body, headers={"Content-Type": kind})).json
    assert again == {"written": True, "registered": 0, "changed": 0, "unchanged": everybody}
    rows = [line.split(";") for line in BAD_TABLE.splitlines()]
    problem = (await administrator("POST", "/v1/directory", write_workbook(rows))).problem()
    assert [row["row"] for row in problem["rows"]] == [3, 4, 5, 6, 7]
    broken = (await administrator("POST", "/v1/directory", exported.body[:-40])).problem()
    assert (broken["status"], broken["code"]) == (422, "workbook-malformed")


async def _command(hub, *arguments: str) -> tuple[int, str, str]:
    """Run the command line as a process of its own, beside the serving hub."""
    command = (sys.executable, "-m", "exchange", *arguments[:2], "--dir", str(hub.folder), *arguments[2:])
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)
    said, failed = await process.communicate()
    return process.returncode or 0, said.decode(), failed.decode()


async def _do(hub, *arguments: str) -> str:
    """Run a command that must succeed; gives what it said."""
    code, said, failed = await _command(hub, *arguments)
    assert code == 0, failed
    return said


async def test_a_change_by_the_command_line_is_seen_by_the_serving_hub_at_once(hub, tmp_path) -> None:
    assert (await received(hub, hub.environment)) == {hub.environment: 0}
    await _do(hub, "group", "add", GROUP, "Các sở", "H56.12")
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, GROUP))
    await _do(hub, "rule", "add", "--note", "tạm dừng", "deny", hub.lam_son, f"group:{GROUP}")
    assert (await hub.refused(hub.lam_son, hub.signed(hub.lam_son, GROUP, number=2))).reason.code == "may-not-write"
    checked = await _do(hub, "rule", "check", hub.lam_son, "H56.12")
    assert checked.startswith(f"deny: {hub.lam_son} to {hub.environment}, by rule 10")
    await _do(hub, "rule", "remove", "10")
    await _do(hub, "party", "change", "--name", "Sở Mới", "--alias", "province:SNN", hub.environment)
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, "snn", number=2))
    assert "alias\tprovince:SNN" in await _do(hub, "party", "show", "SNN")
    await _do(hub, "party", "suspend", hub.environment)
    assert (
        await hub.refused(hub.lam_son, hub.signed(hub.lam_son, "snn", number=3))
    ).reason.code == "receiver-suspended"
    assert (await hub.ask("GET", "/v1/whoami", by=hub.environment)).problem()["code"] == "party-suspended"
    table = tmp_path / "bad.csv"
    table.write_text(BAD_TABLE, "utf-8")
    code, said, failed = await _command(hub, "party", "import", str(table))
    assert (code, len(said.splitlines()), failed.partition(":")[0]) == (1, 5, "table-malformed")
    assert json.loads((await hub.ask("GET", "/v1/parties?text=H57", by=hub.lam_son)).body) == []


async def test_a_suspended_receiver_finds_the_revocation_when_it_is_resumed(hub) -> None:
    letter, finance = hub.letter(hub.lam_son, hub.environment, hub.finance), await hub.party(hub.finance)
    sent = await hub.submit(hub.lam_son, sign(build(letter), hub.key(hub.lam_son)))
    await suspend(hub, hub.finance)
    revoking = dataclasses.replace(
        hub.letter(hub.lam_son, hub.environment, number=2),
        business=Business(business_type=BusinessType.REVOKE),
        responses=(ResponseFor(organ_id=hub.lam_son, document_id=letter.document_id),),
    )
    asked = await hub.submit(hub.lam_son, sign(build(revoking), hub.key(hub.lam_son)))
    await hub.exchange.registry.put(finance)
    client = await hub.client(hub.finance)
    assert [item.message for item in await client.inbox()] == [sent.message, asked.message]
    await hub.submit(hub.finance, hub.notice(hub.finance, letter, "15"))
    assert {item.message: item.state for item in await client.inbox()} == {
        sent.message: "recalled",
        asked.message: "agreed",
    }


async def test_a_replacement_reaches_no_more_receivers_than_a_letter_may(hub) -> None:
    codes = await crowd(hub, MAX_RECEIVERS + 2)
    letters = [hub.letter(hub.lam_son, *codes[half::2], number=half + 1, files=[]) for half in (0, 1)]
    for letter in letters:
        await hub.submit(hub.lam_son, sign(build(letter), hub.key(hub.lam_son)))
    named = tuple(Replacement(document_id=letter.document_id) for letter in letters)
    both = dataclasses.replace(
        hub.letter(hub.lam_son, hub.finance, number=3),
        business=Business(business_type=BusinessType.REPLACE, replacements=named),
    )
    refusal = await hub.refused(hub.lam_son, sign(build(both), hub.key(hub.lam_son)))
    assert (refusal.status, refusal.reason.code) == (422, "receivers-too-many")
    assert await received(hub, hub.finance) == {hub.finance: 0}
    one = dataclasses.replace(both, business=Business(business_type=BusinessType.REPLACE, replacements=named[:1]))
    view = await hub.submit(hub.lam_son, sign(build(one), hub.key(hub.lam_son)))
    assert len(await hub.exchange.hub.store.mailboxes.of_message(view.message)) == MAX_RECEIVERS // 2 + 2


async def test_a_letter_to_hundreds_holds_up_nobody_else(hub) -> None:
    letter = hub.letter(hub.lam_son, *(await crowd(hub, 500)), files=[])
    sending = asyncio.create_task(hub.submit(hub.lam_son, sign(build(letter), hub.key(hub.lam_son))))
    turns = 0
    while not sending.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert (await sending).message
    assert turns > 10, "others had their turns while it was written"


@pytest.mark.parametrize("query", ["kind=", "status=", "kind=nobody"])
async def test_a_filter_that_names_nothing_is_not_taken_for_none(hub, query) -> None:
    answer = await hub.ask("GET", f"/v1/parties?{query}", by=hub.lam_son)
    assert (answer.status, answer.problem()["code"]) == (400, "request-malformed")
