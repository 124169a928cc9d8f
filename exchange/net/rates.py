"""How often and how much a party may ask, and how often an address may fail to say who it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from exchange.core.quota import Bucket, Quota, fill, spend, take
from exchange.errors import Later
from exchange.net.limits import Limits
from trust_store.errors import reason

RATE_LIMITED = reason(
    "rate-limited", "Too much was asked in too short a time", "Wait as many seconds as Retry-After says, then go on"
)
REMEMBERED = 10_000
MINUTE = 60.0


class Meter:
    """Keep a bucket for each name that is used; full ones are forgotten when there are many."""

    def __init__(self, quota: Quota, now: Callable[[], float]) -> None:
        self._quota, self._now = quota, now
        self._buckets: dict[str, Bucket] = {}

    def take(self, name: str, amount: float, what: str) -> None:
        """Take an amount.

        Raises:
            Later: `rate-limited`; whoever waits that long can take it.
        """
        if not self._quota.per_second:
            return
        bucket, wait = take(self._buckets.get(name), self._quota, amount, self._now())
        self._keep(name, bucket)
        if wait:
            raise Later(RATE_LIMITED, f"Too many {what}; {self._quota.per_second * MINUTE:,.0f} a minute", wait)

    def spend(self, name: str, amount: float) -> None:
        """Note an amount that was used already."""
        if self._quota.per_second and amount:
            self._keep(name, spend(self._buckets.get(name), self._quota, amount, self._now()))

    def pace(self, name: str, amount: float) -> float:
        """Note an amount that was used already, and return the seconds until it is paid for."""
        self.spend(name, amount)
        known = self._buckets.get(name)
        return max(0.0, -fill(known, self._quota, self._now()).level) / self._quota.per_second if known else 0.0

    def _keep(self, name: str, bucket: Bucket) -> None:
        if name not in self._buckets and len(self._buckets) >= REMEMBERED:
            self._forget()
        self._buckets[name] = bucket

    def _forget(self) -> None:
        now, quota = self._now(), self._quota
        used = {name: item for name, item in self._buckets.items() if fill(item, quota, now).level < quota.burst}
        self._buckets = dict(list(used.items())[-REMEMBERED // 2 :])


class Rates:
    """Hold the meters of a hub: requests and bytes of a party, failures of an address."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        per_second, bytes_a_minute = limits.requests_per_second, limits.bytes_per_minute
        failures = limits.failures_per_minute
        self._requests = Meter(Quota(per_second=per_second, burst=max(limits.requests_burst, per_second, 1)), now)
        letters = files = Quota(per_second=bytes_a_minute / MINUTE, burst=bytes_a_minute)
        self._bytes, self._streamed = Meter(letters, now), Meter(files, now)
        self._failures = Meter(Quota(per_second=failures / MINUTE, burst=max(1, math.floor(failures))), now)

    def count_request(self, party: str) -> None:
        """Count a request of a party, or refuse it (`rate-limited`)."""
        self._requests.take(party, 1, "requests")

    def count_bytes(self, party: str, size: int) -> None:
        """Count the bytes that a party announces, or refuse them (`rate-limited`)."""
        self._bytes.take(party, size, "bytes")

    def add_bytes(self, party: str, size: int) -> None:
        """Count bytes that came without having been announced."""
        self._bytes.spend(party, size)

    def pace_bytes(self, party: str, size: int) -> float:
        """Count bytes of a file that came, and return the seconds to wait before reading on.

        Files have a rate of their own, so that one on its way holds up no letter of its party.
        """
        return self._streamed.pace(party, size)

    def count_failure(self, address: str) -> None:
        """Count a failure to authenticate, or refuse to say more (`rate-limited`).

        Only failures pay: a good credential is taken whatever others behind the same address do.
        """
        self._failures.take(address, 1, "failed attempts to authenticate from this address")
