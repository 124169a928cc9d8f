"""What ends, what follows it, and which warning counts now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from exchange.core.forecast import Role, Standing, Term, foresee
from exchange.core.model import PartyId
from exchange.core.warnings import USUAL, stage_of, warnings

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
DAY = timedelta(days=1)
HUB = PartyId("000.00.00.H56")


def term(name: str, until: float, *, since: float = -700, owner: str = "A", role: Role = Role.PARTY) -> Term:
    """Make a certificate that is in force from and until so many days from now."""
    return Term(
        owner=owner,
        role=role,
        fingerprint=name * 64,
        signed_part=name * 64,
        subject="CN=A",
        not_before=NOW + since * DAY,
        not_after=NOW + until * DAY,
    )


def standing(*terms: Term, within: float = 90) -> dict[str, Standing]:
    return {item.term.fingerprint[0]: item.standing for item in foresee(terms, NOW, within * DAY)}


def test_what_ends_within_the_time_is_told_the_earliest_first() -> None:
    found = foresee([term("a", 80), term("b", 3, owner="B"), term("c", 91, owner="C")], NOW, 90 * DAY)
    assert [(item.term.fingerprint[0], item.days) for item in found] == [("b", 3), ("a", 80)]


def test_a_successor_in_force_that_ends_later_covers() -> None:
    (found,) = foresee([term("a", 10), term("b", 400)], NOW, 90 * DAY)
    assert (found.standing, found.successor[0]) == (Standing.COVERED, "b")
    assert "Nothing" in found.advice


@pytest.mark.parametrize(
    "other",
    [
        term("b", 400, since=1),
        term("b", 10),
        term("b", 400, owner="B"),
        term("b", 400, role=Role.HUB),
    ],
    ids=["begins tomorrow", "ends no later", "another party's", "for something else"],
)
def test_what_does_not_take_over_does_not_cover(other: Term) -> None:
    assert standing(term("a", 10), other)["a"] is Standing.IN_FORCE


def test_what_ended_is_told_with_days_below_zero_and_is_covered_too() -> None:
    (found,) = foresee([term("a", -0.1)], NOW, DAY)
    assert (found.standing, found.days) == (Standing.ENDED, -1)
    assert standing(term("a", -0.1), term("b", 9))["a"] is Standing.COVERED
    assert standing(term("a", -2), term("b", -1)) == {"a": Standing.ENDED, "b": Standing.ENDED}


def test_the_moment_of_the_end_is_the_end() -> None:
    (found,) = foresee([term("a", 0)], NOW, DAY)
    assert (found.standing, found.days) == (Standing.ENDED, 0)


def test_one_authority_does_not_follow_another_of_a_different_name() -> None:
    one, other = term("a", 10, role=Role.ANCHOR), term("b", 400, role=Role.ANCHOR)
    assert standing(one, other)["a"] is Standing.COVERED
    assert standing(one, Term(**{name: getattr(other, name) for name in Term.__slots__} | {"subject": "CN=B"})) == {
        "a": Standing.IN_FORCE
    }


@pytest.mark.parametrize(
    ("left", "stage"),
    [
        (61, None),
        (60, 60),
        (59, 60),
        (30.01, 60),
        (30, 30),
        (14, 14),
        (3, 3),
        (1.5, 3),
        (1, 1),
        (0.01, 1),
        (0, 0),
        (-7, 0),
    ],
)
def test_the_warning_that_counts_is_the_smallest_that_is_not_over(left: float, stage: int | None) -> None:
    assert stage_of(term("a", left), NOW, USUAL) == stage


def test_what_ended_before_the_longest_warning_is_no_news() -> None:
    assert stage_of(term("a", -61), NOW, USUAL) is None


def test_the_party_and_the_administrator_are_warned_and_of_the_hubs_own_the_administrator_alone() -> None:
    outlooks = foresee([term("a", 10), term("h", 2, owner=HUB, role=Role.HUB)], NOW, 60 * DAY)
    found = [(item.subject[0], item.party, item.stage) for item in warnings(outlooks, NOW, USUAL, HUB)]
    assert sorted(found) == [("a", HUB, 14), ("a", "A", 14), ("h", HUB, 3)]


def test_of_what_is_covered_nobody_is_warned() -> None:
    outlooks = foresee([term("a", 10), term("b", 400)], NOW, 60 * DAY)
    assert list(warnings(outlooks, NOW, USUAL, HUB)) == []


def test_a_warning_says_in_both_languages_what_ends_and_what_to_do() -> None:
    (notice, _) = warnings(foresee([term("a", 10)], NOW, 60 * DAY), NOW, USUAL, HUB)
    assert "10 ngày" in notice.title.vi
    assert "10 days" in notice.title.en
    for text in (notice.text.vi, notice.text.en):
        assert "CN=A" in text
        assert "a" * 64 in text
    assert "05/12/2026 15:00 (+07:00)" in notice.text.vi
    assert "2026-12-05 08:00 UTC" in notice.text.en
