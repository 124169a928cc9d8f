"""Every store of tokens knows them by their digests alone, and lets each speak until it ends."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from exchange.core.access import HUB_SCOPES, PARTY_SCOPES, Scope, Token
from exchange.core.audit import Author
from exchange.core.model import PartyId, PartyStatus
from exchange.core.ports.access import MOST
from trust_store.errors import Refused

DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)


def _digest(number=1) -> bytes:
    return hashlib.sha256(f"token {number}".encode()).digest()


def _token(values, number=1, party="000.00.12.H56", **changed) -> Token:
    token = Token(
        id=_digest(number).hex()[:12],
        party=PartyId(party),
        label=f"hệ thống {number}",
        scopes=PARTY_SCOPES,
        created_at=values.at,
        expires_at=values.at + DAY,
        lifetime=DAY,
    )
    return replace(token, **changed)


def _by(values, later=timedelta()) -> Author:
    return Author(actor="test", at=values.at + later)


@pytest.fixture
async def party(backend, values):
    found = values.party("000.00.12.H56")
    await backend.directory.put(found)
    return found


async def test_a_token_speaks_for_its_party_until_it_expires(backend, values, party) -> None:
    token = _token(values)
    await backend.tokens.add(token, _digest(), _by(values))
    for at in (values.at, values.at + DAY - INSTANT):
        assert await backend.tokens.holder(_digest(), at) == (token, party)
    assert await backend.tokens.holder(_digest(), values.at + DAY) is None
    assert await backend.tokens.holder(_digest(2), values.at) is None


async def test_what_was_shown_once_is_silent_as_soon_as_another_process_ends_it(opened, values) -> None:
    async with opened() as here, opened() as there:
        party = values.party("000.00.12.H56")
        await here.directory.put(party)
        await here.tokens.add(_token(values), _digest(), _by(values))
        assert await here.tokens.holder(_digest(), values.at) == (_token(values), party)
        suspended = replace(party, status=PartyStatus.SUSPENDED)
        await there.directory.put(suspended)
        assert await here.tokens.holder(_digest(), values.at) == (_token(values), suspended)
        await there.tokens.revoke(_token(values).id, _by(values))
        assert await here.tokens.holder(_digest(), values.at) is None


async def test_a_token_comes_back_as_it_went_in(backend, values) -> None:
    tokens = [
        _token(values, 1, scopes=frozenset({Scope.SEND})),
        _token(values, 2, scopes=frozenset({Scope.READ, Scope.RECEIVE})),
        _token(values, 3, created_at=values.at + INSTANT, lifetime=None),
    ]
    for number, token in enumerate(tokens, 1):
        await backend.tokens.add(token, _digest(number), _by(values))
    await backend.tokens.add(_token(values, 4, "hub", scopes=HUB_SCOPES), _digest(4), _by(values))
    assert sorted(await backend.tokens.all(PartyId("000.00.12.H56")), key=lambda item: item.label) == tokens
    assert (await backend.tokens.all(PartyId("000.00.12.H56")))[-1] == tokens[-1]
    assert await backend.tokens.find(tokens[1].id) == tokens[1]
    assert await backend.tokens.all(PartyId("nobody")) == []
    assert await backend.tokens.holder(_digest(4), values.at) == (_token(values, 4, "hub", scopes=HUB_SCOPES), None)


async def test_a_revoked_token_is_silent_and_revoking_again_changes_nothing(backend, values, party) -> None:
    await backend.tokens.add(_token(values), _digest(), _by(values))
    gone = await backend.tokens.revoke(_token(values).id, _by(values, INSTANT))
    assert gone.revoked_at == values.at + INSTANT
    assert await backend.tokens.holder(_digest(), values.at) is None
    assert await backend.tokens.revoke(gone.id, _by(values, DAY)) == gone
    assert await backend.tokens.all(party.id) == [gone]
    events = [record.event for record in await backend.audit.page(0, 10)]
    assert events == ["token-created", "token-revoked"]


async def test_what_is_not_there_is_not_found(backend, values) -> None:
    for asked in (backend.tokens.revoke("0" * 12, _by(values)), backend.tokens.find("")):
        with pytest.raises(Refused) as refusal:
            await asked
        assert refusal.value.reason.code == "not-found"
    assert await backend.audit.page(0, 10) == []


async def test_rotation_gives_both_tokens_until_the_overlap_ends(backend, values, party) -> None:
    old, new = _token(values), _token(values, 2, created_at=values.at, expires_at=values.at + 3 * DAY)
    await backend.tokens.add(old, _digest(), _by(values))
    until = values.at + timedelta(hours=2)
    ending = await backend.tokens.rotate(old, new, _digest(2), until, _by(values))
    assert ending == replace(old, expires_at=until)
    for number in (1, 2):
        assert await backend.tokens.holder(_digest(number), until - INSTANT) is not None
    assert await backend.tokens.holder(_digest(1), until) is None
    assert await backend.tokens.holder(_digest(2), until) == (new, party)


async def test_rotation_never_lengthens_the_life_of_the_old_token(backend, values) -> None:
    old = _token(values)
    await backend.tokens.add(old, _digest(), _by(values))
    assert await backend.tokens.rotate(old, _token(values, 2), _digest(2), values.at + 5 * DAY, _by(values)) == old


@pytest.mark.parametrize("ended", ["expired", "revoked"])
async def test_a_token_that_ended_cannot_be_rotated(backend, values, ended) -> None:
    old = _token(values)
    await backend.tokens.add(old, _digest(), _by(values))
    if ended == "revoked":
        await backend.tokens.revoke(old.id, _by(values))
    by = _by(values, DAY if ended == "expired" else INSTANT)
    with pytest.raises(Refused) as refusal:
        await backend.tokens.rotate(old, _token(values, 2), _digest(2), values.at + 2 * DAY, by)
    assert refusal.value.reason.code == "not-found"
    assert [item.id for item in await backend.tokens.all(old.party)] == [old.id]


async def test_a_party_has_so_many_tokens_and_no_more(backend, values) -> None:
    adding = (backend.tokens.add(_token(values, number), _digest(number), _by(values)) for number in range(MOST + 5))
    results = await asyncio.gather(*adding, return_exceptions=True)
    assert [item.reason.code for item in results if item is not None] == ["tokens-too-many"] * 5
    other = _token(values, 900, "another")
    await backend.tokens.add(other, _digest(900), _by(values))
    await backend.tokens.revoke(_token(values, 0).id, _by(values))
    await backend.tokens.add(_token(values, 901), _digest(901), _by(values))
    later = _token(values, 902, created_at=values.at + DAY, expires_at=values.at + 2 * DAY)
    await backend.tokens.add(later, _digest(902), _by(values, DAY))


async def test_the_trail_tells_of_tokens_without_their_digests(backend, values) -> None:
    old = _token(values)
    await backend.tokens.add(old, _digest(), _by(values))
    await backend.tokens.rotate(old, _token(values, 2), _digest(2), values.at + INSTANT, _by(values))
    records = await backend.audit.page(0, 10)
    assert [record.event for record in records] == ["token-created", "token-rotated"]
    told = " ".join(f"{record.subject} {record.detail}" for record in records)
    assert old.id in told
    assert "receive" in told
    assert _digest().hex()[:13] not in told
