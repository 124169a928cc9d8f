"""What is let in is counted out again, whatever happens, and whoever is refused is told a time that follows the drain."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from exchange.errors import Later
from exchange.net.admission import Admission
from exchange.net.crowd import Crowd
from exchange.net.gate import Gate
from exchange.net.limits import Limits


class Watch:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _refused(context) -> Later:
    with pytest.raises(Later) as refusal, context:
        pass
    return refusal.value


def test_places_come_back_whatever_happens() -> None:
    admission = Admission(Limits(requests_in_flight=4))
    with contextlib.suppress(ZeroDivisionError), admission.slot() as slot:
        slot.claim("a")
        assert (admission.working, admission.present, dict(admission.places)) == (1, 1, {"a": 1})
        raise ZeroDivisionError
    assert (admission.working, admission.present, dict(admission.places)) == (0, 0, {})


def test_who_waits_gives_its_place_up_once() -> None:
    admission = Admission(Limits(requests_in_flight=2))
    with admission.slot() as waiting:
        waiting.claim("a")
        waiting.leave()
        waiting.leave()
        with admission.slot(), admission.slot():
            assert _refused(admission.slot()).reason.code == "hub-busy"
            assert (admission.working, admission.present) == (2, 3)
    assert (admission.working, admission.present) == (0, 0)


def test_room_is_given_back_in_parts() -> None:
    admission = Admission(Limits(bodies_in_flight_bytes=1000))
    with admission.room("a", 400) as room:
        room.shrink(100)
        room.shrink(300)
        assert (admission.stored, room.size) == (100, 100)
    assert admission.stored == 0


def test_one_party_leaves_half_to_the_others_and_one_body_always_fits() -> None:
    admission = Admission(Limits(bodies_in_flight_bytes=1000))
    with admission.room("a", 400), admission.room("a", 100):
        assert _refused(admission.room("a", 1)).reason.code == "hub-busy"
        with admission.room("b", 500):
            assert _refused(admission.room("c", 1)).reason.code == "hub-busy"
    with admission.room("a", 5000):
        assert admission.stored == 5000


def test_the_time_to_come_again_follows_how_fast_things_drain() -> None:
    watch = Watch()
    admission = Admission(Limits(bodies_in_flight_bytes=100_000), watch)
    told = []
    for drained in (100, 1000, 10_000):
        with admission.room("a", drained):
            watch.now += 1
        with admission.room("b", 100_000):
            told.append(_refused(admission.room("c", 1000)).seconds)
    assert told == sorted(told, reverse=True)
    assert told[0] > told[-1] >= 1


def test_those_who_were_told_before_come_first_but_cannot_put_the_others_off_for_ever() -> None:
    watch = Watch()
    admission = Admission(Limits(bodies_in_flight_bytes=10_000), watch)
    with admission.room("a", 5_000):
        watch.now += 1
    with admission.room("b", 10_000):
        told = [_refused(admission.room("c", 1000)).seconds for _ in range(100)]
    assert told == sorted(told)
    assert told[0] < told[9] == told[-1] <= 10


def test_nobody_comes_in_any_more_when_the_hub_stops() -> None:
    admission = Admission(Limits())
    admission.stop()
    refusal = _refused(admission.slot())
    assert (refusal.reason.code, refusal.seconds) == ("hub-stopping", 1)


def test_connections_are_counted_out() -> None:
    crowd = Crowd(Limits(connections_per_address=1), most=2)
    one, two = crowd.enter("10.0.0.1"), crowd.enter("10.0.0.2")
    for address in ("10.0.0.3", "10.0.0.1"):
        with pytest.raises(Later):
            crowd.enter(address)
    crowd.leave(one)
    with pytest.raises(Later):
        crowd.enter("10.0.0.2")
    crowd.leave(two)
    assert crowd.enter("10.0.0.2") == two
    assert crowd.size == 1


async def test_only_the_gates_own_deadline_is_called_one() -> None:
    gate = Gate(Limits(request_seconds=0.05))

    async def fail() -> None:
        raise TimeoutError("of something else")

    with pytest.raises(TimeoutError):
        await gate.finish(fail())
    with pytest.raises(Later) as refusal:
        await gate.finish(asyncio.Event().wait())
    assert refusal.value.reason.code == "request-abandoned"
    assert await gate.finish(asyncio.sleep(0.1, "done"), extra=5) == "done"
