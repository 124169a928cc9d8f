"""Which keys the hub has and had: announced before they sign, retired at once, told of in the audit trail with the change."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exchange.core.audit import Author
from exchange.core.keys import HubKey, choose
from trust_store.enrol import create_authority
from trust_store.errors import Refused

HOUR = timedelta(hours=1)


@pytest.fixture
def by(values) -> Author:
    return Author(actor="operator somebody", at=values.at)


@pytest.fixture
def key(values):
    """Make a key that signs so many hours from now on."""
    authority = create_authority("CA", serial=1, at=values.at, years=1).certificate

    def make(hours: float, place: str = "") -> HubKey:
        made = create_authority("Hub", serial=2, at=values.at, years=1).certificate
        return HubKey(
            certificate=made,
            chain=(authority,),
            place=place or f"keys/{made.fingerprint}",
            since=values.at + hours * HOUR,
        )

    return make


async def _audited(backend) -> list[str]:
    return [row.event for row in await backend.audit.page(0, 100)]


async def test_there_are_none_at_first(backend, by) -> None:
    assert list(await backend.hub_keys.known()) == []
    with pytest.raises(Refused, match="not-found"):
        await backend.hub_keys.retire("00", "lost", by)


async def test_they_are_listed_as_they_sign(backend, by, key) -> None:
    later, first = key(1), key(-2)
    await backend.hub_keys.announce(later, by)
    await backend.hub_keys.adopt(first, by)
    assert list(await backend.hub_keys.known()) == [first, later]
    assert await _audited(backend) == ["hub-key-added"] * 2


async def test_the_same_again_changes_nothing(backend, by, key) -> None:
    one = key(1)
    for change in (backend.hub_keys.announce, backend.hub_keys.announce, backend.hub_keys.adopt):
        await change(one, by)
    assert list(await backend.hub_keys.known()) == [one]
    assert await _audited(backend) == ["hub-key-added"]


async def test_only_one_is_announced_at_a_time(backend, by, key) -> None:
    await backend.hub_keys.announce(key(-1), by)
    await backend.hub_keys.announce(key(1), by)
    with pytest.raises(Refused, match="hub-key-announced"):
        await backend.hub_keys.announce(key(2), by)
    assert len(await backend.hub_keys.known()) == 2


async def test_one_that_is_retired_is_known_and_signs_no_more(backend, by, key, values) -> None:
    old, new = key(-2), key(-1)
    await backend.hub_keys.adopt(old, by)
    await backend.hub_keys.adopt(new, by)
    gone = await backend.hub_keys.retire(old.certificate.fingerprint, "superseded", by)
    assert await backend.hub_keys.retire(old.certificate.fingerprint, "superseded", by) == gone
    known = await backend.hub_keys.known()
    assert list(known) == [gone, new]
    assert (gone.retired_at, gone.why, gone.compromised_from) == (values.at, "superseded", None)
    assert choose(known, values.at - 90 * HOUR) == new
    assert (await backend.trust.evidence()).revoked == ()
    assert await _audited(backend) == ["hub-key-added", "hub-key-added", "hub-key-retired"]


async def test_the_last_one_stays_and_an_announced_one_takes_over_at_once(backend, by, key, values) -> None:
    old, new = key(-2), key(24)
    await backend.hub_keys.adopt(old, by)
    with pytest.raises(Refused, match="hub-key-last"):
        await backend.hub_keys.retire(old.certificate.fingerprint, "stolen", by)
    await backend.hub_keys.announce(new, by)
    await backend.hub_keys.retire(old.certificate.fingerprint, "stolen", by, values.at - HOUR)
    _, now = sorted(await backend.hub_keys.known(), key=lambda each: each.since)
    assert (now.certificate, now.since) == (new.certificate, values.at)
    (revoked,) = (await backend.trust.evidence()).revoked
    assert (revoked.signed_part, revoked.at, revoked.why) == (old.certificate.signed_part, values.at - HOUR, "stolen")


async def test_that_one_was_compromised_may_be_found_out_later(backend, by, key, values) -> None:
    old, new = key(-2), key(-1)
    for each in (old, new):
        await backend.hub_keys.adopt(each, by)
    await backend.hub_keys.retire(old.certificate.fingerprint, "superseded", by)
    later = Author(actor=by.actor, at=values.at + HOUR)
    gone = await backend.hub_keys.retire(old.certificate.fingerprint, "stolen", later, values.at)
    assert (gone.retired_at, gone.compromised_from, gone.why) == (values.at, values.at, "stolen")


async def test_what_is_put_in_place_of_another_takes_its_part(backend, by, key, values) -> None:
    old, new = key(-2, "keys/hub.key.pem"), key(0, "keys/hub.key.pem")
    await backend.hub_keys.adopt(old, by)
    await backend.hub_keys.adopt(new, by)
    first, second = await backend.hub_keys.known()
    assert (first.certificate, first.retired_at) == (old.certificate, values.at)
    assert second == new


async def test_a_key_that_was_moved_is_found_where_it_is(backend, by, key) -> None:
    one = key(-2)
    await backend.hub_keys.adopt(one, by)
    moved = HubKey(certificate=one.certificate, chain=one.chain, place="elsewhere", since=by.at)
    await backend.hub_keys.adopt(moved, by)
    (known,) = await backend.hub_keys.known()
    assert (known.place, known.since) == ("elsewhere", one.since)


async def test_a_change_by_another_process_is_seen_at_the_next_call(opened, by, key) -> None:
    one = key(1)
    async with opened() as hub, opened() as administrator:
        assert list(await hub.hub_keys.known()) == []
        await administrator.hub_keys.announce(one, by)
        assert list(await hub.hub_keys.known()) == [one]
