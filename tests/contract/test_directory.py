"""Every directory finds a party by any form of any of its codes, and a code is one party's only."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from envelopes.signature.classify import SignatureClass
from exchange.core.model import PartyId, PartyStatus
from trust_store.enrol import create_authority
from trust_store.errors import Refused
from trust_store.identity import PartyKind


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
