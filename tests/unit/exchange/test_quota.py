"""Whoever waits as long as it is told gets what it asked for, and never more than its quota."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.core.quota import Quota, fill, spend, take
from exchange.errors import Later
from exchange.net.limits import Limits
from exchange.net.origin import UNKNOWN, is_proxy, origin, read_proxies
from exchange.net.rates import REMEMBERED, Meter, Rates
from trust_store.errors import Refused


class Watch:
    """A clock that goes where it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _wait(meter: Meter, name: str, amount: float) -> int:
    """Return the seconds that a refusal names, 0 when there was none."""
    try:
        meter.take(name, amount, "things")
    except Later as refusal:
        return refusal.seconds
    return 0


@given(
    rate=st.floats(0.01, 1000),
    burst=st.floats(1, 5000),
    amounts=st.lists(st.floats(0, 10_000), min_size=1, max_size=30),
)
def test_who_waits_as_told_is_served(rate: float, burst: float, amounts: list[float]) -> None:
    watch = Watch()
    meter = Meter(Quota(per_second=rate, burst=burst), watch)
    for amount in amounts:
        if seconds := _wait(meter, "a", amount):
            watch.now += seconds
            assert _wait(meter, "a", amount) == 0


@given(st.floats(0.5, 100), st.lists(st.floats(0, 3), min_size=50, max_size=200))
def test_nobody_gets_more_than_the_rate_and_one_burst(rate: float, pauses: list[float]) -> None:
    quota, bucket, now, taken = Quota(per_second=rate, burst=5), None, 0.0, 0
    for pause in pauses:
        now += pause
        bucket, wait = take(bucket, quota, 1, now)
        taken += not wait
    assert taken <= 5 + rate * now + 1e-6


def test_a_debt_is_paid_before_anything_more_is_given() -> None:
    quota = Quota(per_second=1, burst=10)
    bucket = spend(None, quota, 30, 0)
    assert fill(bucket, quota, 15).level == -5
    assert take(bucket, quota, 1, 15)[1] == 6
    assert take(bucket, quota, 1, 21)[1] == 0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    quota = Quota(per_second=1, burst=1)
    assert fill(spend(None, quota, 1, 100), quota, 50).level == 0


def test_names_do_not_share_and_many_are_not_kept() -> None:
    watch = Watch()
    meter = Meter(Quota(per_second=1, burst=1), watch)
    assert [_wait(meter, str(n), 1) for n in range(REMEMBERED * 3)] == [0] * (REMEMBERED * 3)
    assert _wait(meter, str(REMEMBERED * 3 - 1), 1) == 1
    assert len(meter._buckets) <= REMEMBERED


@pytest.mark.parametrize("field", ["requests_per_second", "bytes_per_minute", "failures_per_minute"])
def test_nought_switches_a_limit_off(field: str) -> None:
    rates = Rates(Limits(**{field: 0}), Watch())
    count = {
        "requests_per_second": lambda: rates.count_request("a"),
        "bytes_per_minute": lambda: (rates.count_bytes("a", 10**12), rates.add_bytes("a", 10**12)),
        "failures_per_minute": lambda: rates.count_failure("a"),
    }[field]
    for _ in range(2000):
        count()


def test_a_refusal_names_whole_seconds() -> None:
    rates = Rates(Limits(failures_per_minute=20), Watch())
    for _ in range(20):
        rates.count_failure("a")
    with pytest.raises(Later) as refusal:
        rates.count_failure("a")
    assert (refusal.value.reason.code, refusal.value.seconds) == ("rate-limited", 3)
    assert math.isfinite(refusal.value.seconds)


def test_an_address_has_one_name() -> None:
    assert origin("::ffff:10.0.0.1") == origin("10.0.0.1") == "10.0.0.1"
    assert origin("2001:db8::1") == origin("2001:db8::ffff:1%eth0") != origin("2001:db8:0:1::1")
    assert origin("") == origin("nonsense") == UNKNOWN


def test_proxies_are_addresses_and_networks() -> None:
    proxies = read_proxies(" 10.0.0.1, ,::1,10.1.0.0/16")
    assert all(is_proxy(each, proxies) for each in ("10.0.0.1", "::1", "10.1.2.3", "::ffff:10.1.0.1"))
    assert not any(is_proxy(each, proxies) for each in ("10.0.0.2", "::2", "10.2.0.0", "", "nonsense"))
    assert not is_proxy("10.0.0.1", read_proxies(""))
    for text in ("10.0.0.1/8", "somebody", "10.0.0.1;10.0.0.2"):
        with pytest.raises(Refused) as refusal:
            read_proxies(text)
        assert refusal.value.reason.code == "proxies-malformed"
