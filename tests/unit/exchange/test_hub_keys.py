"""Which key seals follows from the moment of what is stated, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exchange.core.keys import HubKey, choose, ended_at
from trust_store.enrol import create_authority
from trust_store.errors import Refused

AT = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def keys() -> tuple[HubKey, HubKey, HubKey]:
    made = [create_authority("Hub", serial=number, at=AT, years=1).certificate for number in (1, 2, 3)]
    first, second, third = (
        HubKey(certificate=each, chain=(), place=str(hours), since=AT + hours * HOUR)
        for each, hours in zip(made, (0, 10, 20), strict=True)
    )
    return first, second, third


@pytest.mark.parametrize(
    ("hours", "which"), [(-5, 0), (0, 0), (9.99, 0), (10, 1), (19, 1), (20, 2), (1000, 2)], ids=str
)
def test_the_last_that_had_begun_seals(keys, hours: float, which: int) -> None:
    assert choose(keys, AT + hours * HOUR) == keys[which]
    assert choose(keys[::-1], AT + hours * HOUR) == keys[which]


def test_what_a_retired_key_would_have_sealed_is_sealed_by_one_that_is_left(keys) -> None:
    first, second, third = keys
    gone = replace(second, retired_at=AT + 11 * HOUR)
    assert choose((first, gone, third), AT + 12 * HOUR) == first
    assert choose((replace(first, retired_at=AT), gone, third), AT + 12 * HOUR) == third
    with pytest.raises(Refused, match="hub-key-none"):
        choose((gone,), AT)


def test_when_a_key_ends(keys) -> None:
    first, second, third = keys
    gone = replace(second, retired_at=AT + 11 * HOUR)
    assert [ended_at(keys, each) for each in keys] == [AT + 10 * HOUR, AT + 20 * HOUR, None]
    assert ended_at((first, gone, third), first) == AT + 20 * HOUR
    assert ended_at((first, gone, third), gone) == AT + 11 * HOUR
