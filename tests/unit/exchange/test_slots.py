"""What several processes counted is added up; what each knows of the whole hub is not."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from exchange.operation.slots import SIZE, Slots, add_up


def _figures(requests: int, waiting: int, working: int) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    counter = Counter("congvan_requests", "Requests", ["route"], registry=registry)
    counter.labels("/a").inc(requests)
    seconds = Histogram("congvan_request_seconds", "Time", buckets=(1, 2), registry=registry)
    for _ in range(requests):
        seconds.observe(1.5)
    Gauge("congvan_waiting_deliveries", "Waiting", registry=registry).set(waiting)
    Gauge("congvan_requests_working", "Working", registry=registry).set(working)
    return generate_latest(registry)


def _read(text: bytes) -> dict[str, float]:
    families = text_string_to_metric_families(text.decode())
    return {item.name + str(item.labels.get("le", "")): item.value for family in families for item in family.samples}


def test_counts_are_added_and_what_is_known_of_the_whole_is_not() -> None:
    found = _read(add_up(_figures(2, 7, 1), [_figures(3, 7, 4), b"", _figures(5, 7, 0)]))
    assert found["congvan_requests_total"] == 10
    assert (found["congvan_request_seconds_count"], found["congvan_request_seconds_bucket2.0"]) == (10, 10)
    assert found["congvan_request_seconds_bucket1.0"] == 0
    assert (found["congvan_waiting_deliveries"], found["congvan_requests_working"]) == (7, 5)


def test_what_only_another_process_counted_is_there_too() -> None:
    registry = CollectorRegistry(auto_describe=False)
    Counter("congvan_acknowledgements", "Hand-overs", registry=registry).inc(4)
    found = _read(add_up(_figures(1, 0, 0), [generate_latest(registry)]))
    assert (found["congvan_acknowledgements_total"], found["congvan_requests_total"]) == (4, 1)


def test_a_slot_gives_what_was_written_last() -> None:
    slots = Slots(3)
    assert list(slots.others(0)) == [b"", b""]
    slots.write(1, b"first, and long")
    slots.write(1, b"second")
    slots.write(2, b"third")
    assert list(slots.others(0)) == [b"second", b"third"]
    slots.write(1, b"x" * SIZE)
    assert slots.read(1) == b"second", "what has no room is not written in part"


@pytest.mark.parametrize("at", [0, SIZE - 8])
def test_a_slot_that_is_being_written_is_not_believed(at: int) -> None:
    slots = Slots(1)
    slots.write(0, b"whole")
    slots._memory[at] += 1
    assert slots.read(0) == b""
