"""Count the calls of the gateway: which system, which API, how it ended and how long it took; never what was said."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from exchange.logs import noted

NONE: Final = "none"
_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Calls:
    """Count in the figures of one hub; labels are systems that are connected and APIs that have a route."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ["system", "api", "status"]
        self._count = Counter("congvan_gateway_calls", "Calls through the gateway", labels, registry=registry)
        self._seconds = Histogram(
            "congvan_gateway_seconds", "Time of a call", ["api"], buckets=_BUCKETS, registry=registry
        )

    @contextlib.contextmanager
    def timing(self, api: str) -> Iterator[Outcome]:
        """Count what the block does; whoever it was is noted in it."""
        started, outcome = time.perf_counter(), Outcome()
        try:
            yield outcome
        finally:
            self._count.labels(noted("system") or NONE, api, str(outcome.status)).inc()
            self._seconds.labels(api).observe(time.perf_counter() - started)


class Outcome:
    """Hold the status of an answer, 499 as long as there is none."""

    status = 499
