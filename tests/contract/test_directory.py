"""Every directory finds a party by any form of any of its codes, and a code is one party's only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from envelopes.signature.classify import SignatureClass
from exchange.core.audit import Author
from exchange.core.groups import Group
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import Alias, CodeScheme, Contact
from exchange.core.registering import with_aliases
from exchange.core.rules import Rule, Ruling
from exchange.storage.directory import DirectoryStore
from exchange.storage.parties import read_party
from exchange.storage.revisions import KEPT
from exchange.storage.schema import REVISIONS
from trust_store.enrol import create_authority
from trust_store.errors import Refused
from trust_store.identity import PartyKind

BY = Author(actor="operator test", at=datetime(2026, 11, 23, 1, tzinfo=UTC))


async def _resolve(backend, *codes):
    return [party.id if party else None for party in await backend.directory.resolve(codes)]


async def test_an_enterprise_is_found_by_every_form_of_its_tax_code(backend, values) -> None:
    await backend.directory.put(values.party("2899000016", kind=PartyKind.ENTERPRISE, tax_code="2899000016"))
    forms = ("2899000016", "022899000016", " 2899000016 ")
    assert await _resolve(backend, *forms) == ["2899000016"] * 3
    assert await _resolve(backend, "2899000016-001", "289900001", "2899000231") == [None] * 3


async def test_a_branch_is_another_party_than_its_head_office(backend, values) -> None:
    for code in ("2899000016", "2899000016-001"):
        await backend.directory.put(values.party(code, kind=PartyKind.ENTERPRISE, tax_code=code))
    forms = ("022899000016001", "2899000016001", "022899000016", "02" + "2899000016-001")
    assert await _resolve(backend, *forms) == ["2899000016-001", "2899000016-001", "2899000016", "2899000016-001"]


async def test_an_agency_is_found_by_its_codes_and_aliases_in_any_case(backend, values) -> None:
    await backend.directory.put(values.party("000.00.12.H56", "H56.12", "SNNMT"))
    assert await _resolve(backend, "000.00.12.h56", "h56.12", "snnmt", "H56.13") == ["000.00.12.H56"] * 3 + [None]


async def test_a_registered_party_comes_back_as_it_went_in(backend, values) -> None:
    party = replace(
        values.party("000.00.12.H56", "H56.12"),
        status=PartyStatus.SUSPENDED,
        admits=frozenset({SignatureClass.VALID, SignatureClass.NONE}),
    )
    await backend.directory.put(party)
    assert await backend.directory.get(party.id) == party
    assert await backend.directory.resolve(["H56.12"]) == [party]


async def test_a_code_of_another_party_is_refused_and_nothing_changes(backend, values) -> None:
    one, two = values.party("000.00.12.H56", "H56.12"), values.party("000.00.13.H56", "H56.13")
    await backend.directory.put(one)
    await backend.directory.put(two)
    with pytest.raises(Refused) as refusal:
        await backend.directory.put(replace(two, name="Khác", codes=two.codes | {"h56.12"}))
    assert refusal.value.reason.code == "code-taken"
    assert await backend.directory.all() == [one, two]
    assert await _resolve(backend, "H56.12", "H56.13") == [one.id, two.id]


async def test_a_party_gives_its_codes_up_when_it_is_changed(backend, values) -> None:
    await backend.directory.put(values.party("000.00.12.H56", "H56.12"))
    await backend.directory.put(values.party("000.00.12.H56"))
    await backend.directory.put(values.party("000.00.13.H56", "H56.12"))
    assert await _resolve(backend, "H56.12") == ["000.00.13.H56"]


async def test_of_concurrent_claims_to_a_code_one_wins(backend, values) -> None:
    claims = [values.party(f"000.{number:02}.12.H56", "H56.12") for number in range(10)]
    results = await asyncio.gather(*(backend.directory.put(party) for party in claims), return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert {item.reason.code for item in results if isinstance(item, Refused)} == {"code-taken"}
    (left,) = await backend.directory.all()
    assert await _resolve(backend, "H56.12") == [left.id]


async def test_the_list_is_ordered_by_id(backend, values) -> None:
    for code in ("c", "a", "b"):
        await backend.directory.put(values.party(code))
    assert [party.id for party in await backend.directory.all()] == ["a", "b", "c"]


async def test_a_certificate_is_registered_once_and_survives_a_change(backend, values) -> None:
    party = values.party("000.00.12.H56")
    certificate = create_authority("CA", serial=1, at=values.at, years=1).certificate
    await backend.directory.put(party)
    for _ in range(2):
        await backend.directory.add_certificate(party.id, certificate, values.at)
    await backend.directory.put(replace(party, name="Tên mới"))
    assert await backend.directory.certificates(party.id) == [certificate]
    assert (await backend.directory.get(party.id)).fingerprints == {certificate.fingerprint}
    assert await backend.directory.certificates(PartyId("nobody")) == []


async def test_nobody_is_found_where_nobody_is(backend) -> None:
    assert await backend.directory.get(PartyId("nobody")) is None
    assert await backend.directory.resolve(["", "nobody"]) == [None, None]
    assert await backend.directory.resolve([]) == []
    assert await backend.directory.all() == []


def _office(values) -> Party:
    aliases = [Alias(code="H56.12", scheme=CodeScheme.QD20), Alias(code="SNN")]
    contacts = (Contact(name="Văn thư", role="Một cửa", email="vt@example.vn", phone="0237"), Contact(name="Trực"))
    return replace(with_aliases(values.party("000.00.12.H56"), aliases), parent=PartyId("H56"), contacts=contacts)


async def test_schemes_parent_and_contacts_come_back_as_they_went_in(backend, values) -> None:
    await backend.directory.put(values.party("H56"))
    await backend.directory.put(_office(values))
    assert await backend.directory.get(PartyId("000.00.12.H56")) == _office(values)
    async with asyncio.timeout(5):
        other = await backend.database.read(lambda session: read_party(session, "000.00.12.H56"))
    assert other == _office(values)


@pytest.mark.parametrize("parent", ["nobody", "H56", "H56.12.01"])
async def test_a_parent_is_registered_and_makes_no_circle(backend, values, parent) -> None:
    chain = [values.party("H56"), replace(values.party("H56.12"), parent=PartyId("H56"))]
    for party in (*chain, replace(values.party("H56.12.01"), parent=PartyId("H56.12"))):
        await backend.directory.put(party)
    with pytest.raises(Refused) as refusal:
        await backend.directory.put(replace(chain[0], parent=PartyId(parent)))
    assert refusal.value.reason.code == "party-parent"
    assert (await backend.directory.get(PartyId("H56"))).parent is None


async def test_the_hubs_own_code_is_refused_for_parties_and_groups(backend, values) -> None:
    directory = DirectoryStore(backend.database, "000.00.99.H56")
    for party in (values.party("000.00.99.h56"), values.party("H57", "000.00.99.H56")):
        with pytest.raises(Refused) as refusal:
            await directory.put(party)
        assert refusal.value.reason.code == "code-taken"
        with pytest.raises(Refused):
            await directory.put_all([values.party("H58"), party], 0, BY)
    with pytest.raises(Refused, match="code-taken"):
        await directory.put_group(Group(code="000.00.99.H56", name="x"), BY)
    assert await directory.all() == []


async def test_groups_and_parties_share_their_codes(backend, values) -> None:
    group = Group(code="H56.N1", name="Các sở", members=frozenset({PartyId("000.00.12.H56")}))
    with pytest.raises(Refused, match="not-found"):
        await backend.directory.put_group(group, BY)
    await backend.directory.put(values.party("000.00.12.H56", "H56.12"))
    await backend.directory.put_group(group, BY)
    assert (await backend.directory.snapshot()).groups == {"H56.N1": group}
    with pytest.raises(Refused, match="code-taken"):
        await backend.directory.put(values.party("000.00.13.H56", "h56.n1"))
    with pytest.raises(Refused, match="code-taken"):
        await backend.directory.put_group(Group(code="H56.12", name="x"), BY)
    await backend.directory.put_group(replace(group, name="Mọi sở", members=frozenset()), BY)
    assert (await backend.directory.snapshot()).group("h56.n1") == Group(code="H56.N1", name="Mọi sở")
    await backend.directory.remove_group("H56.N1", BY)
    with pytest.raises(Refused, match="not-found"):
        await backend.directory.remove_group("H56.N1", BY)
    await backend.directory.put(values.party("000.00.13.H56", "H56.N1"))


async def test_rules_are_kept_in_order_and_hold_their_groups(backend) -> None:
    await backend.directory.put_group(Group(code="H56.N1", name="Các sở"), BY)
    late = Rule(position=20, sender="*", receiver="group:H56.N1", ruling=Ruling.DENY, note="tạm dừng")
    early = Rule(position=10, sender="*", receiver="*", ruling=Ruling.ALLOW)
    for rule in (late, early, replace(early, note="khác")):
        await backend.directory.put_rule(rule, BY)
    assert (await backend.directory.snapshot()).rules == (replace(early, note="khác"), late)
    with pytest.raises(Refused, match="group-in-use"):
        await backend.directory.remove_group("H56.N1", BY)
    await backend.directory.remove_rule(20, BY)
    await backend.directory.remove_group("H56.N1", BY)
    for attempt in (backend.directory.remove_rule(20, BY), backend.directory.put_rule(late, BY)):
        with pytest.raises(Refused, match="not-found"):
            await attempt
    events = [row.event for row in await backend.audit.page(0, 100)]
    assert events == ["group-changed", *["rule-changed"] * 3, "rule-removed", "group-removed"]


async def test_many_are_put_together_or_not_at_all(backend, values) -> None:
    one, two = values.party("000.00.12.H56", "A"), values.party("000.00.13.H56", "B")
    for party in (one, two):
        await backend.directory.put(party)
    before = await backend.directory.snapshot()
    swapped = [replace(one, codes=frozenset({one.id, "B"})), replace(two, codes=frozenset({two.id, "A"}))]
    new = replace(values.party("000.01.12.H56"), parent=PartyId("000.00.14.H56"))
    bad = [*swapped, values.party("000.00.14.H56", "C"), replace(new, codes=frozenset({new.id, "c"}))]
    with pytest.raises(Refused, match="code-taken"):
        await backend.directory.put_all(bad, before.revision, BY)
    assert await backend.directory.snapshot() == before
    await backend.directory.put_all([new, *swapped, values.party("000.00.14.H56", "C")], before.revision, BY)
    assert await _resolve(backend, "A", "B", "C") == [two.id, one.id, "000.00.14.H56"]
    with pytest.raises(Refused, match="directory-moved"):
        await backend.directory.put_all([one], before.revision, BY)
    rows = await backend.audit.page(0, 100)
    assert [row.event for row in rows] == [
        "directory-imported",
        *["party-registered", "party-changed", "party-changed"],
        "party-registered",
    ]
    assert rows[0].detail == "2 registered, 2 changed"


async def test_a_change_that_was_decided_on_an_older_directory_is_not_made(backend, values) -> None:
    directory, party = backend.directory, values.party("H56.12")
    await directory.put(party)
    old = (await directory.snapshot()).revision
    await directory.put(replace(party, status=PartyStatus.SUSPENDED), BY, old)
    rule = Rule(position=10, sender="*", receiver="*", ruling=Ruling.DENY)
    group = Group(code="H56.N1", name="Các sở")
    late = (
        directory.put(replace(party, name="Tên khác"), BY, old),
        directory.put_group(group, BY, old),
        directory.put_rule(rule, BY, old),
    )
    for attempt in late:
        with pytest.raises(Refused, match="directory-moved"):
            await attempt
    snapshot = await directory.snapshot()
    assert snapshot.parties[party.id].status is PartyStatus.SUSPENDED
    assert (snapshot.groups, snapshot.rules) == ({}, ())
    await directory.put_rule(rule, BY, snapshot.revision)
    assert (await directory.snapshot()).rules == (rule,)


async def test_a_change_by_another_process_is_seen_at_once(opened, values) -> None:
    certificate = create_authority("CA", serial=1, at=values.at, years=1).certificate
    async with opened() as here, opened() as there:
        for round_ in range(3):
            for writer, reader in ((here, there), (there, here)):
                name = f"{round_} {writer is here}"
                await writer.directory.put(replace(values.party("000.00.12.H56", name[0]), name=name))
                found = await reader.directory.snapshot()
                assert found.resolve(name[0]).name == name
                assert found.resolve(str(round_ - 1)) is None
        await here.directory.add_certificate(PartyId("000.00.12.H56"), certificate, values.at)
        assert (await there.directory.certificate_holder(certificate.fingerprint)).id == "000.00.12.H56"
        await there.directory.put(values.party("H57"))
        await here.directory.add_certificate(PartyId("H57"), certificate, values.at)
        assert await there.directory.certificate_holder(certificate.fingerprint) is None
        await there.directory.remove_certificate(PartyId("000.00.12.H56"), certificate.fingerprint, BY)
        assert (await here.directory.certificate_holder(certificate.fingerprint)).id == "H57"
        await here.directory.put_rule(Rule(position=1, sender="*", receiver="*", ruling=Ruling.DENY), BY)
        assert len((await there.directory.snapshot()).rules) == 1


async def test_what_is_followed_step_by_step_is_what_is_read_at_once(backend, values) -> None:
    """Follow changes one by one, some of them too many at once, and compare with somebody who comes later."""
    for number in range(12):
        await backend.directory.snapshot()
        party = values.party(f"C{number % 5}", f"A{number % 4}-{number % 5}")
        await backend.directory.put(replace(party, status=PartyStatus.SUSPENDED if number % 3 else PartyStatus.ACTIVE))
    crowd = [values.party(f"D{number}") for number in range(600)]
    await backend.directory.put_all(crowd, (await backend.directory.snapshot()).revision, BY)
    followed, fresh = await backend.directory.snapshot(), await DirectoryStore(backend.database).snapshot()
    assert followed == fresh
    assert len(fresh.parties) == 605


async def test_who_slept_through_many_changes_reads_everything(backend, values) -> None:
    sleeper = DirectoryStore(backend.database)
    await sleeper.snapshot()
    for number in range(KEPT + 5):
        await backend.directory.put(replace(values.party("H56"), name=f"Tên {number}"))
    assert await sleeper.snapshot() == await backend.directory.snapshot()
    rows = await backend.database.read(lambda session: session.rows(select(REVISIONS.c.name)))
    assert len(rows) <= KEPT + 2


async def test_a_party_says_by_which_revision_it_was_changed_last_and_when(backend, values) -> None:
    one, two = values.party("H56"), values.party("H57")
    await backend.directory.put_all([one, two], 0, BY)
    await backend.directory.put(replace(one, name="Tên mới"), replace(BY, at=BY.at.replace(hour=9)))
    await backend.directory.put_rule(Rule(position=1, sender="*", receiver="*", ruling=Ruling.ALLOW), BY)
    snapshot = await backend.directory.snapshot()
    stamps = {party.id: (party.revision, party.changed_at) for party in snapshot.parties.values()}
    assert stamps == {"H56": (2, BY.at.replace(hour=9)), "H57": (1, BY.at)}
    assert snapshot.revision == 3
    assert (await DirectoryStore(backend.database).snapshot()).parties["H56"].revision == 2


@pytest.mark.parametrize("count", [3, 700])
async def test_few_and_many_are_written_alike(backend, values, count) -> None:
    parties = [replace(values.party(f"X{number}", f"Y{number}"), parent=PartyId("X0")) for number in range(1, count)]
    await backend.directory.put_all([values.party("X0"), *parties], 0, BY)
    swapped = [replace(parties[0], codes=frozenset({"X1", "Y2"})), replace(parties[1], codes=frozenset({"X2", "Y1"}))]
    await backend.directory.put_all([*swapped, *parties[2:]], 1, BY)
    snapshot = await backend.directory.snapshot()
    assert snapshot.order == tuple(sorted(snapshot.parties))
    assert (len(snapshot.parties), snapshot.resolve("y2").id, snapshot.resolve("Y1").id) == (count, "X1", "X2")
    circle = replace(values.party("X0"), parent=PartyId("X1"))
    wrong = {
        "code-taken": replace(parties[0], codes=frozenset({"X1", "X0"})),
        "party-parent": replace(parties[0], parent=PartyId("nobody")),
    }
    for code, party in wrong.items():
        with pytest.raises(Refused) as refusal:
            await backend.directory.put_all([party, *parties[1:]], 2, BY)
        assert refusal.value.reason.code == code
    with pytest.raises(Refused) as refusal:
        await backend.directory.put_all([circle, *parties], 2, BY)
    assert refusal.value.reason.code == "party-parent"
    assert (await backend.directory.snapshot()) == snapshot
    assert (await backend.audit.verify())[0] == 2 + count + 2
