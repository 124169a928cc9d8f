"""Codes, parents, groups and rules on who may write to whom: decided over one snapshot, without a database."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.core.addressing import MAX_RECEIVERS, expand
from exchange.core.groups import MAX_MEMBERS, Group, describe_group
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import (
    MAX_CONTACTS,
    Alias,
    CodeScheme,
    Contact,
    check_alias,
    check_contacts,
    read_alias,
    refuse_own_code,
)
from exchange.core.registering import check_parent, describe_party, keep_schemes, with_aliases
from exchange.core.rules import MAX_RULES, Rule, Ruling
from exchange.core.snapshot import Snapshot
from exchange.core.writing import deciding, denied, describe_rule, forbid, read_pattern
from trust_store.errors import Refused
from trust_store.identity import PartyKind

PROVINCE, ENVIRONMENT, LAND, LAM_SON = "H56", "H56.12", "H56.12.01", "2899000016"


def party(code: str, *, parent: str | None = None, status: PartyStatus = PartyStatus.ACTIVE) -> Party:
    kind = PartyKind.ENTERPRISE if code.isdecimal() else PartyKind.AGENCY
    described = describe_party(code, f"Đơn vị {code}", kind)
    return dataclasses.replace(described, parent=PartyId(parent) if parent else None, status=status)


PARTIES = (party(PROVINCE), party(ENVIRONMENT, parent=PROVINCE), party(LAND, parent=ENVIRONMENT), party(LAM_SON))
GROUPS = (
    Group(code="H56.N1", name="Các sở", members=frozenset({PartyId(ENVIRONMENT), PartyId(LAND)})),
    Group(code="H56.N2", name="Chưa có ai"),
)
PLAIN = Snapshot.of(PARTIES, GROUPS)


def ruled(*rules: tuple[int, str, str, str]) -> Snapshot:
    return Snapshot.of(
        PARTIES,
        GROUPS,
        [Rule(position=number, sender=one, receiver=two, ruling=Ruling(what)) for number, one, two, what in rules],
    )


def position(snapshot: Snapshot, sender: str, receiver: str) -> int | None:
    rule = deciding(snapshot.resolve(sender), snapshot.resolve(receiver), snapshot)
    return rule.position if rule else None


def refusal(function, *arguments, **named) -> str:
    with pytest.raises(Refused) as raised:
        function(*arguments, **named)
    return raised.value.reason.code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("qd20:h56.12", "code-malformed"),
        ("qd20:H56..12", "code-malformed"),
        ("qd20:" + "H" * 36, "code-malformed"),
        ("qd20:H56-12", "code-malformed"),
        ("tax:2899000017", "tax-code-malformed"),
        ("tax:H56", "tax-code-malformed"),
        ("mst:2899000016", "code-malformed"),
        ("old:a b", "request-malformed"),
        ("", "request-malformed"),
        ("other:", "request-malformed"),
    ],
)
def test_a_code_that_is_not_of_its_scheme_is_refused(text: str, code: str) -> None:
    assert refusal(read_alias, text) == code


@pytest.mark.parametrize(
    "text",
    ["qd20:H56.01.02", "qd20:000.00.01.H56", "qd20:" + "H" * 35, "tax:2899000016", "tax:022899000016", "old:x-1"],
)
def test_a_code_of_its_scheme_is_taken(text: str) -> None:
    assert str(read_alias(text)) == text


def test_a_plain_code_is_of_another_scheme_unless_it_is_known() -> None:
    known = with_aliases(party(ENVIRONMENT), [Alias(code="SNN", scheme=CodeScheme.PROVINCE)])
    assert read_alias("SNN").scheme is CodeScheme.OTHER
    assert {str(alias) for alias in keep_schemes(known, ["snn", "NEW"])} == {"province:snn", "other:NEW"}


def test_forms_of_one_code_are_one_alias_and_the_primary_code_is_none() -> None:
    found = with_aliases(party(LAM_SON), [read_alias(text) for text in ("tax:022899000016", "sm", "old:SM")])
    assert [str(alias) for alias in found.aliases] == ["old:SM"]
    assert found.codes == {LAM_SON, "SM"}
    assert refusal(with_aliases, found, [Alias(code=f"C{number}") for number in range(51)]) == "code-malformed"


@pytest.mark.parametrize("code", ["000.00.99.H56", "000.00.99.h56", " 000.00.99.H56 "])
def test_the_hubs_own_code_is_nobody_elses(code: str) -> None:
    assert refusal(refuse_own_code, ["x", code], "000.00.99.H56") == "code-taken"
    refuse_own_code([code], "")


@pytest.mark.parametrize(
    "contact",
    [
        Contact(name=""),
        Contact(name=" "),
        Contact(name="a\nb"),
        Contact(name="a" * 201),
        Contact(name="a", email="nobody"),
        Contact(name="a", email="a b@c"),
        Contact(name="a", phone="0" * 51),
        Contact(name="a", role="\x1b[2J"),
    ],
)
def test_an_odd_contact_is_refused(contact: Contact) -> None:
    assert refusal(check_contacts, [contact]) == "contact-malformed"


def test_contacts_are_bounded() -> None:
    contact = Contact(name="Văn thư", role="Văn thư", email="vt@example.vn", phone="0237 385 0000")
    assert len(check_contacts([contact] * MAX_CONTACTS)) == MAX_CONTACTS
    assert refusal(check_contacts, [contact] * (MAX_CONTACTS + 1)) == "contact-malformed"


def test_no_party_is_above_itself() -> None:
    above = {
        PartyId("a"): PartyId("b"),
        PartyId("b"): PartyId("c"),
        PartyId("x"): PartyId("y"),
        PartyId("y"): PartyId("x"),
    }
    check_parent(PartyId("d"), PartyId("a"), above.get)
    check_parent(PartyId("d"), PartyId("x"), above.get)
    assert refusal(check_parent, PartyId("c"), PartyId("a"), above.get) == "party-parent"
    assert refusal(check_parent, PartyId("c"), PartyId("c"), above.get) == "party-parent"


def test_a_group_stands_for_its_active_members_once_and_without_the_sender() -> None:
    members = frozenset(PartyId(code) for code in (PROVINCE, ENVIRONMENT, LAND, LAM_SON))
    quiet = [*PARTIES[:2], dataclasses.replace(PARTIES[2], status=PartyStatus.SUSPENDED), PARTIES[3]]
    snapshot = Snapshot.of(quiet, [Group(code="ALL", name="Tất cả", members=members)])
    found = expand([ENVIRONMENT, "all", "All"], PARTIES[3], snapshot)
    assert [item.id for item in found] == [ENVIRONMENT, PROVINCE]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("H56.N2", "group-empty"),
        ("nobody", "receiver-unknown"),
        ("quiet", "receiver-suspended"),
        ("own", "group-empty"),
    ],
)
def test_who_cannot_be_written_to_is_said(code: str, expected: str) -> None:
    quiet = party("QUIET", status=PartyStatus.SUSPENDED)
    own = Group(code="OWN", name="Chỉ mình tôi", members=frozenset({PartyId(LAM_SON), quiet.id}))
    snapshot = Snapshot.of((*PARTIES, quiet), (*GROUPS, own))
    assert refusal(expand, [code], PARTIES[3], snapshot) == expected


def test_a_letter_has_a_limit_of_receivers() -> None:
    crowd = [party(f"X{number}") for number in range(MAX_RECEIVERS + 1)]
    groups = [
        Group(code="FIT", name="Vừa", members=frozenset(item.id for item in crowd[1:])),
        Group(code="MORE", name="Quá", members=frozenset(item.id for item in crowd)),
    ]
    snapshot = Snapshot.of((*PARTIES, *crowd), groups)
    assert len(expand(["FIT"], PARTIES[0], snapshot)) == MAX_RECEIVERS
    assert refusal(expand, ["MORE"], PARTIES[0], snapshot) == "receivers-too-many"
    assert refusal(expand, ["FIT", "X0"], PARTIES[0], snapshot) == "receivers-too-many"


def test_a_group_is_bounded_and_its_code_can_be_written_in_a_letter() -> None:
    everybody = frozenset(PartyId(str(number)) for number in range(MAX_MEMBERS + 1))
    assert describe_group("h56.n3", "Các xã", frozenset()).code == "H56.N3"
    assert refusal(describe_group, "H56.N3", "Các xã", everybody) == "group-too-large"
    assert refusal(describe_group, "H56-N3", "Các xã", frozenset()) == "edxml-organ-code"
    assert refusal(describe_group, "H56.N3", "", frozenset()) == "request-malformed"


def test_without_rules_everybody_may_write_to_everybody() -> None:
    assert denied(PARTIES[3], PARTIES, PLAIN) == ()
    assert position(PLAIN, LAM_SON, LAND) is None


def test_the_first_rule_that_matches_decides_whatever_the_order_they_are_given_in() -> None:
    snapshot = ruled((30, "*", LAND, "deny"), (20, LAM_SON, LAND, "allow"), (10, PROVINCE, "*", "deny"))
    assert position(snapshot, LAM_SON, LAND) == 20
    assert position(snapshot, ENVIRONMENT, LAND) == 30
    assert position(snapshot, PROVINCE, LAND) == 10
    assert position(snapshot, LAM_SON, PROVINCE) is None
    assert [(item.id, rule.position) for item, rule in denied(PARTIES[0], PARTIES, snapshot)] == [
        (item.id, 10) for item in PARTIES
    ]
    assert denied(PARTIES[3], [PARTIES[2]], snapshot) == []


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("*", {PROVINCE, ENVIRONMENT, LAND, LAM_SON}),
        (ENVIRONMENT, {ENVIRONMENT}),
        ("kind:agency", {PROVINCE, ENVIRONMENT, LAND}),
        ("kind:enterprise", {LAM_SON}),
        ("group:H56.N1", {ENVIRONMENT, LAND}),
        ("group:H56.N2", set()),
        ("under:H56", {PROVINCE, ENVIRONMENT, LAND}),
        ("under:H56.12", {ENVIRONMENT, LAND}),
    ],
)
def test_each_pattern_matches_senders_and_receivers_alike(pattern: str, matching: set[str]) -> None:
    to, by = ruled((1, "*", pattern, "deny")), ruled((1, pattern, "*", "deny"))
    assert {item.id for item, _ in denied(PARTIES[3], PARTIES, to)} == matching
    assert {item.id for item in PARTIES if denied(item, PARTIES[:1], by)} == matching


SOME = ("*", PROVINCE, LAND, LAM_SON, "kind:agency", "kind:enterprise", "group:H56.N1", "under:H56", "under:H56.12")
MATCHES = {
    pattern: {item.id for item, _ in denied(PARTIES[3], PARTIES, ruled((1, "*", pattern, "deny")))} for pattern in SOME
}


@given(st.lists(st.tuples(st.sampled_from(SOME), st.sampled_from(SOME), st.sampled_from(list(Ruling))), max_size=8))
def test_the_quick_decision_is_the_one_of_going_through_the_rules(rules) -> None:
    snapshot = ruled(*((number, *rule) for number, rule in enumerate(rules, start=1)))
    for sender in PARTIES:
        for receiver in PARTIES:
            slow = next(
                (
                    rule
                    for rule in snapshot.rules
                    if sender.id in MATCHES[rule.sender] and receiver.id in MATCHES[rule.receiver]
                ),
                None,
            )
            assert deciding(sender, receiver, snapshot) == slow


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("*", "*"),
        ("022899000016", LAM_SON),
        ("under:h56.12", "under:H56.12"),
        ("group:h56.n1", "group:H56.N1"),
        ("kind:agency", "kind:agency"),
    ],
)
def test_a_pattern_is_kept_with_primary_codes(text: str, found: str) -> None:
    assert read_pattern(text, PLAIN) == found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nobody", "not-found"),
        ("under:nobody", "not-found"),
        ("group:H56.12", "not-found"),
        ("H56.N1", "not-found"),
        ("kind:person", "rule-malformed"),
        ("agency", "not-found"),
        ("over:H56", "rule-malformed"),
        ("", "not-found"),
    ],
)
def test_a_pattern_that_names_nobody_is_refused(text: str, code: str) -> None:
    assert refusal(read_pattern, text, PLAIN) == code


def test_a_rule_has_a_form_and_a_place() -> None:
    rule = Rule(position=0, sender="*", receiver="*", ruling=Ruling.DENY, note="tạm dừng")
    assert describe_rule(rule, PLAIN).position == 10
    assert describe_rule(rule, ruled((25, "*", "*", "deny"))).position == 35
    for wrong in ({"position": -1}, {"position": 1_000_001}, {"note": "x" * 201}, {"note": "a\nb"}):
        assert refusal(describe_rule, dataclasses.replace(rule, **wrong), PLAIN) == "rule-malformed"
    full = ruled(*((number, "*", LAND, "deny") for number in range(1, MAX_RULES + 1)))
    assert refusal(describe_rule, rule, full) == "rule-malformed"
    assert describe_rule(dataclasses.replace(rule, position=5), full).position == 5


def test_a_refusal_names_the_receiver_the_rule_and_its_note() -> None:
    rule = Rule(position=7, sender="*", receiver="*", ruling=Ruling.DENY, note="chỉ nhận qua Một cửa")
    refused = forbid(PARTIES[1], rule)
    assert refused.reason.code == "may-not-write"
    assert all(word in refused.detail for word in (ENVIRONMENT, "Đơn vị H56.12", "rule 7", "chỉ nhận qua Một cửa"))


def test_a_code_is_held_to_its_scheme_also_without_text() -> None:
    assert check_alias(Alias(code="H56.01", scheme=CodeScheme.QD20)).code == "H56.01"
