"""Every database does units of work whole or not at all, many at once, and each caller hears of its own only."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from sqlalchemy import bindparam, func, insert, select, update

from exchange.storage.schema import REVISIONS

_R = REVISIONS.c
_INSERT = insert(REVISIONS)
_COUNT = select(func.count()).select_from(REVISIONS).where(_R.name.like(bindparam("pattern")))
_VALUE = select(_R.value).where(_R.name == bindparam("name"))
_NEXT = update(REVISIONS).where(_R.name == bindparam("which")).values(value=_R.value + 1)


class Failure(Exception):
    """A unit of work went wrong on purpose."""


def _inserting(*names, then=None):
    def unit(session):
        for name in names:
            session.rows(_INSERT, name=name, value=1)
        if then is not None:
            raise then
        return names

    return unit


async def _count(database, pattern="%"):
    ((count,),) = await database.read(lambda session: session.rows(_COUNT, pattern=pattern))
    return count


async def test_a_unit_returns_what_it_made_and_a_reader_sees_it(backend) -> None:
    assert await backend.database.transact(_inserting("a", "b")) == ("a", "b")
    assert await _count(backend.database) == 2


async def test_all_of_many_concurrent_units_land(backend) -> None:
    database = backend.database
    await database.transact(_inserting("counter"))
    results = await asyncio.gather(
        *(database.transact(lambda session: session.rows(_NEXT, which="counter")) for _ in range(200)),
        *(database.transact(_inserting(f"unit-{number}")) for number in range(200)),
    )
    assert len(results) == 400
    ((value,),) = await database.read(lambda session: session.rows(_VALUE, name="counter"))
    assert value == 201
    assert await _count(database, "unit-%") == 200


async def test_units_are_done_one_after_another(backend) -> None:
    def read_then_write(session):
        ((value,),) = session.rows(_VALUE, name="counter")
        session.rows(_NEXT, which="counter")
        return value

    await backend.database.transact(_inserting("counter"))
    values = await asyncio.gather(*(backend.database.transact(read_then_write) for _ in range(50)))
    assert sorted(values) == list(range(1, 51))


async def test_a_failing_unit_leaves_nothing_and_harms_no_other(backend) -> None:
    failures = {number: Failure(str(number)) for number in range(0, 60, 7)}
    units = [_inserting(f"{number}-a", f"{number}-b", then=failures.get(number)) for number in range(60)]
    results = await asyncio.gather(*(backend.database.transact(unit) for unit in units), return_exceptions=True)
    for number, result in enumerate(results):
        if number in failures:
            assert result is failures[number]
        else:
            assert result == (f"{number}-a", f"{number}-b")
        assert await _count(backend.database, f"{number}-_") == (0 if number in failures else 2)


async def test_a_broken_rule_of_the_database_is_heard_by_its_caller_only(backend) -> None:
    database = backend.database
    await database.transact(_inserting("taken"))
    units = (_inserting("one"), _inserting("new", "taken"), _inserting("two"))
    one, broken, two = await asyncio.gather(*(database.transact(unit) for unit in units), return_exceptions=True)
    assert (one, two) == (("one",), ("two",))
    assert isinstance(broken, Exception)
    assert await _count(database, "new") == 0
    assert await _count(database) == 3


async def test_a_cancelled_caller_harms_nobody(backend) -> None:
    database = backend.database
    tasks = [asyncio.create_task(database.transact(_inserting(f"{n}-a", f"{n}-b"))) for n in range(40)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for number, result in enumerate(results):
        left = await _count(database, f"{number}-_")
        if isinstance(result, asyncio.CancelledError):
            assert left in {0, 2}
        else:
            assert (result, left) == ((f"{number}-a", f"{number}-b"), 2)
    assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 14
    assert await database.transact(_inserting("after")) == ("after",)


async def test_a_caller_that_gives_up_while_its_unit_runs_harms_nobody(backend) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(session):
        session.rows(_INSERT, name="slow", value=1)
        begun.set()
        assert go_on.wait(10)

    giving_up = asyncio.create_task(backend.database.transact(slow, heavy=True))
    assert await asyncio.to_thread(begun.wait, 10)
    giving_up.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await giving_up
    assert await backend.database.transact(_inserting("after")) == ("after",)
    assert await _count(backend.database, "slow") == 1


async def test_a_reader_cannot_write_and_a_failing_one_is_given_back(backend) -> None:
    for number in range(10):
        with pytest.raises(Failure):
            await backend.database.read(_inserting(then=Failure(str(number))))
    with pytest.raises(Exception, match="readonly|read-only"):
        await backend.database.read(_inserting("written"))
    async with asyncio.timeout(10):
        assert await _count(backend.database) == 0


async def test_what_was_begun_is_finished_at_the_end(opened) -> None:
    begun = threading.Event()

    def slow(session):
        session.rows(_INSERT, name="one", value=1)
        begun.set()
        time.sleep(0.05)
        session.rows(_INSERT, name="two", value=1)
        return "done"

    async with asyncio.timeout(10):
        async with opened() as first:
            caller = asyncio.create_task(first.database.transact(slow))
            assert await asyncio.to_thread(begun.wait, 10)
        assert await caller == "done"
        async with opened() as second:
            assert await _count(second.database) == 2
