"""Every step of a document at one receiver, held against the transition rules one by one."""

from __future__ import annotations

import itertools

import pytest

from envelopes.edxml import StatusCode
from exchange.core.lifecycle import NEXT, SENT, advance

FORESEEN = {
    ("", "01"), ("", "02"), ("", "03"), ("01", "02"), ("01", "03"),
    ("03", "04"), ("03", "05"), ("03", "06"), ("04", "05"), ("04", "06"), ("05", "06"),
    ("", "13"), ("01", "13"), ("02", "13"), ("03", "13"), ("04", "13"), ("05", "13"), ("06", "13"), ("16", "13"),
    ("13", "15"), ("13", "16"),
}  # fmt: skip
STATES = [SENT, *StatusCode]


@pytest.mark.parametrize(("state", "code"), list(itertools.product(STATES, StatusCode)))
def test_every_state_takes_every_code_and_flags_what_is_not_foreseen(state: str, code: StatusCode) -> None:
    assert advance(state, code) == (code, (str(state), str(code)) not in FORESEEN)


def test_the_table_holds_nothing_else() -> None:
    assert {(str(state), str(code)) for state, code in NEXT} == FORESEEN


@pytest.mark.parametrize("code", StatusCode)
def test_a_repeated_code_is_irregular(code: StatusCode) -> None:
    assert advance(code, code) == (code, True)


@pytest.mark.parametrize("code", [code for code in StatusCode if code is not StatusCode.RECALL_REQUESTED])
@pytest.mark.parametrize("state", [StatusCode.REFUSED, StatusCode.COMPLETED, StatusCode.AGREED])
def test_nothing_but_a_recall_follows_an_end(state: StatusCode, code: StatusCode) -> None:
    assert advance(state, code)[1]


@pytest.mark.parametrize("state", ["", "01"])
@pytest.mark.parametrize("answer", [StatusCode.AGREED, StatusCode.DISAGREED])
def test_a_letter_that_asks_is_answered_without_a_request_for_recall(state: str, answer: StatusCode) -> None:
    assert advance(state, answer, asks=True) == (answer, False)
    assert advance(state, answer) == (answer, True)
