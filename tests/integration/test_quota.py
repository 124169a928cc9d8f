"""A party that has sent as much as it may in a day is told until when to wait; nothing else is held up by that."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime, timedelta

import pytest

from envelopes.opened import VIETNAM
from exchange.sandbox.province import ENVIRONMENT, HAM_RONG, LAM_SON


@pytest.fixture
def two_letters(monkeypatch):
    monkeypatch.setenv("CONGVAN_LETTERS_PER_DAY", "2")


@pytest.fixture
def few_bytes(monkeypatch):
    monkeypatch.setenv("CONGVAN_LETTER_BYTES_PER_DAY", "15000")


def _until_midnight() -> float:
    now = datetime.now(VIETNAM)
    return (datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), VIETNAM) - now).total_seconds()


async def _send(hub, number: int, by: str = LAM_SON):
    data = hub.signed(by, ENVIRONMENT, number=number)
    return await hub.ask("POST", "/v1/messages", by=by, data=data)


@pytest.mark.usefixtures("two_letters")
async def test_a_letter_too_many_waits_for_midnight_and_everything_else_goes_on(hub) -> None:
    letter = hub.letter(ENVIRONMENT, LAM_SON, number=9)
    first = hub.signed(LAM_SON, ENVIRONMENT, number=1)
    receipt = (await hub.submit(LAM_SON, first)).receipt
    assert (await _send(hub, 2)).status == 201

    before = _until_midnight()
    answer = await _send(hub, 3)
    refused = answer.problem()
    assert (refused["status"], refused["code"], "2 letters a day" in refused["detail"]) == (429, "daily-quota", True)
    assert _until_midnight() <= int(answer.headers["Retry-After"]) <= before + 1
    assert "evidence" not in refused, "a later is no refusal of the document"

    assert (await hub.submit(LAM_SON, first)).receipt == receipt
    assert (await _send(hub, 1, HAM_RONG)).status == 201
    await hub.submit(ENVIRONMENT, hub.signed(ENVIRONMENT, LAM_SON, number=9))
    notice = hub.notice(LAM_SON, letter, "03")
    assert (await hub.ask("POST", "/v1/messages", by=LAM_SON, data=notice)).status == 201
    assert (await _send(hub, 4)).status == 429

    with contextlib.closing(sqlite3.connect(hub.exchange.home.database)) as connection:
        connection.execute("UPDATE usage SET day = '2020-01-01'")  # the day is over
        connection.commit()
    assert (await _send(hub, 3)).status == 201


@pytest.mark.usefixtures("few_bytes")
async def test_a_letter_too_large_for_what_is_left_waits_and_a_refused_one_costs_nothing(hub) -> None:
    assert (await _send(hub, 1)).status == 201
    for number in range(2, 5):
        data = hub.signed(LAM_SON, "000.00.77.H56", number=number)
        assert (await hub.ask("POST", "/v1/messages", by=LAM_SON, data=data)).problem()["code"] == "receiver-unknown"
    assert (await _send(hub, 5)).status == 201
    refused = (await _send(hub, 6)).problem()
    assert (refused["code"], refused["detail"]) == ("daily-quota", "15,000 bytes a day are allowed")
