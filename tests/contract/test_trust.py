"""What an administrator changes about trust shows at the next call, in every process."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trust_store.enrol import create_authority
from trust_store.evidence import Revocation

SECOND = timedelta(seconds=1)


@pytest.fixture
def authority(values):
    return create_authority("CA", serial=1, at=values.at, years=1).certificate


async def test_nothing_is_trusted_at_first(backend) -> None:
    evidence = await backend.trust.evidence()
    assert (evidence.anchors, evidence.intermediates, evidence.revoked) == ((), (), ())


async def test_an_anchor_and_an_intermediate_are_known_as_such(backend, values, authority) -> None:
    below = create_authority("CA dưới", serial=2, at=values.at, years=1).certificate
    for _ in range(2):
        await backend.trust.trust(authority, "anchor", values.at)
        await backend.trust.trust(below, "intermediate", values.at)
    evidence = await backend.trust.evidence()
    assert (evidence.anchors, evidence.intermediates) == ((authority,), (below,))


async def test_a_role_can_be_changed(backend, values, authority) -> None:
    await backend.trust.trust(authority, "intermediate", values.at)
    await backend.trust.trust(authority, "anchor", values.at)
    evidence = await backend.trust.evidence()
    assert (evidence.anchors, evidence.intermediates) == ((authority,), ())


async def test_an_unchanged_state_is_the_same_value_with_its_memory(backend, values, authority) -> None:
    await backend.trust.trust(authority, "anchor", values.at)
    first = await backend.trust.evidence()
    await backend.trust.trust(authority, "anchor", values.at)
    assert await backend.trust.evidence() is first


async def test_a_revocation_replaces_an_earlier_one(backend, values, authority) -> None:
    first = Revocation(signed_part=authority.signed_part, at=values.at, why="mất khóa")
    second = Revocation(signed_part=authority.signed_part, at=values.at - SECOND, why="lộ khóa")
    await backend.trust.revoke(first)
    assert (await backend.trust.evidence()).revoked == (first,)
    await backend.trust.revoke(second)
    assert (await backend.trust.evidence()).revoked == (second,)


async def test_a_change_by_another_process_is_seen_at_the_next_call(opened, values, authority) -> None:
    async with opened() as hub, opened() as administrator:
        assert (await hub.trust.evidence()).anchors == ()
        await administrator.trust.trust(authority, "anchor", values.at)
        assert (await hub.trust.evidence()).anchors == (authority,)
        revoked = Revocation(signed_part=authority.signed_part, at=values.at, why="mất khóa")
        await administrator.trust.revoke(revoked)
        assert (await hub.trust.evidence()).revoked == (revoked,)
