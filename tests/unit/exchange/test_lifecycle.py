"""Every step of a document at one receiver, held against the transition rules one by one."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from envelopes.edxml import BusinessType, StatusCode
from exchange.core.lifecycle import CLOSED, NEXT, Asked, State, advance, begin, diagram, event_of

PLAIN = {
    ("sent", "01"): "arrived", ("sent", "02"): "refused", ("sent", "03"): "accepted",
    ("arrived", "02"): "refused", ("arrived", "03"): "accepted",
    ("accepted", "04"): "assigned", ("accepted", "05"): "in-progress", ("accepted", "06"): "completed",
    ("assigned", "05"): "in-progress", ("assigned", "06"): "completed",
    ("in-progress", "06"): "completed",
    ("kept", "03"): "accepted", ("kept", "04"): "assigned", ("kept", "05"): "in-progress", ("kept", "06"): "completed",
    ("updated", "01"): "arrived", ("updated", "02"): "refused", ("updated", "03"): "accepted",
    ("updated", "04"): "assigned", ("updated", "05"): "in-progress", ("updated", "06"): "completed",
}  # fmt: skip
OPEN = ("sent", "arrived", "refused", "accepted", "assigned", "in-progress", "completed", "kept", "updated")
WAITING = ("recall-asked", "revoke-asked", "update-asked", "replace-asked")
ENDS = {"recall": "recalled", "revoke": "recalled", "update": "updated", "replace": "replaced"}
FORESEEN = {
    **PLAIN,
    **{(state, asked): f"{asked}-asked" for state in (*OPEN, *WAITING) for asked in ENDS},
    **{(f"{asked}-asked", "15"): end for asked, end in ENDS.items()},
    **{(state, "16"): "kept" for state in WAITING},
    ("asking", "01"): "asking", ("asking", "03"): "asking", ("asking", "15"): "agreed", ("asking", "16"): "declined",
}  # fmt: skip
EVENTS = [*(code for code in StatusCode if code is not StatusCode.RECALL_REQUESTED), *Asked]
BY_CODE = {"01": "arrived", "02": "refused", "03": "accepted", "04": "assigned", "05": "in-progress", "06": "completed"}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, EVENTS)))
def test_every_state_takes_every_event_and_flags_what_is_not_foreseen(state, event) -> None:
    expected = FORESEEN.get((str(state), str(event)))
    following, irregular = advance(state, event)
    assert irregular == (expected is None)
    if expected is not None:
        assert following == expected
    elif state in OPEN and str(event) in BY_CODE:
        assert following == BY_CODE[str(event)]
    else:
        assert following == state


def test_the_table_holds_nothing_else() -> None:
    assert {(str(state), str(event)): str(following) for (state, event), following in NEXT.items()} == FORESEEN


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", sorted(CLOSED))
def test_what_is_closed_stays_closed(state, event) -> None:
    assert advance(state, event) == (state, True)


def test_only_code_13_is_a_question() -> None:
    assert [event_of(code) for code in StatusCode if not isinstance(event_of(code), StatusCode)] == [Asked.RECALL]


def test_a_document_that_only_asks_begins_by_asking() -> None:
    assert [begin(kind) for kind in BusinessType] == ["sent", "asking", "asking", "sent"]


def test_the_diagram_in_the_docs_is_the_table() -> None:
    page = Path(__file__).parents[3] / "docs/explanation/life-cycle.md"
    assert f"```mermaid\n{diagram()}\n```" in page.read_text("utf-8")
