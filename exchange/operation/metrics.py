"""Figures in the form of Prometheus; each hub has its own, and every label has few values: templates, methods, codes."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from exchange.net.gate import Gate
from exchange.operation import figures
from exchange.operation.health import Health
from exchange.operation.staleness import RevocationFigures
from exchange.running import Exchange
from exchange.storage.notices import FAILED, WAITING
from trust_store.errors import CATALOGUE

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
COUNT_EVERY: Final = 15.0
SUBMIT: Final = ("/v1/messages", "/sendEdoc")
"""How the routes end that submit: of the API, and of the listener for connected systems, which may have a prefix."""
ACKNOWLEDGE: Final = "/v1/inbox/{delivery}/acknowledgement"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_GAUGES: Final = {
    "unsealed_statements": "Statements of evidence that nobody sealed yet",
    "waiting_deliveries": "Deliveries that no receiver acknowledged yet",
    "stored_bytes": "Bytes of the messages whose content is kept",
    "writer_waiting": "Changes that wait for the writer of the database",
    "requests_working": "Requests that are being worked on",
    "long_polls": "Requests that wait for news",
    "bodies_bytes": "Bytes of memory set aside for bodies in flight",
    "disk_free_bytes": "Bytes that the hub may still write",
    "disk_free_inodes": "Files that the hub may still make",
    "unstamped_seconds": "How long the oldest receipt waits for a time-stamp; 0 where none is stamped",
    "quarantined_deliveries": "Deliveries that are held back until an administrator decides",
    "mails_waiting": "Notices that wait to be sent by mail",
    "mails_failed": "Notices whose mail was given up",
    "certificate_expiry_days": "Days until the certificate of the hub's own key ends",
}


_ENDING: Final = "Parties' certificates without a successor that end within so many days; 0: that ended"


class Metrics:
    """Count the requests of one hub, and gather the other figures when asked."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.registry, self._now = CollectorRegistry(auto_describe=False), now
        own = self.registry
        self._requests = Counter("congvan_requests", "Requests", ["method", "route", "status"], registry=own)
        self._seconds = Histogram(
            "congvan_request_seconds", "Time to answer", ["route"], buckets=_BUCKETS, registry=own
        )
        self._submissions = Counter("congvan_submissions", "Submissions by outcome", ["outcome"], registry=own)
        self._acknowledged = Counter("congvan_acknowledgements", "Hand-overs that were receipted", registry=own)
        self._groups = Counter("congvan_writer_groups", "Transactions, each for all changes that waited", registry=own)
        self._units = Counter("congvan_writer_units", "Changes in those transactions", registry=own)
        self._ending = Gauge("congvan_certificates_ending", _ENDING, ["days"], registry=own)
        self._ready = Gauge("congvan_ready", "1 where a check of readiness passed", ["check"], registry=own)
        self._gauges = {name: Gauge(f"congvan_{name}", text, registry=own) for name, text in _GAUGES.items()}
        self.revocation = RevocationFigures(own)
        ProcessCollector(registry=own)
        self._counted: tuple[float, figures.Figures] | None = None
        self._committed = (0, 0)
        self._kinds: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count_request(self, method: str, route: str, status: int, seconds: float, code: str) -> None:
        """Count a request that was answered: `route` is a template, `code` that of a refusal or empty."""
        known = method if method in METHODS else "OTHER"
        counter, histogram = self._labelled(known, route, status)
        counter.inc()
        histogram.observe(seconds)
        if method == "POST" and route.endswith(SUBMIT):
            outcome = code if code in CATALOGUE else "other" if code or status >= 400 else "accepted"
            self._submissions.labels(outcome).inc()
        if (method, route, status) == ("POST", ACKNOWLEDGE, 200):
            self._acknowledged.inc()

    async def render(self, exchange: Exchange, gate: Gate, health: Health) -> bytes:
        """Gather everything and write it; what costs much is counted every 15 seconds at most."""
        if self._counted is None or self._now() - self._counted[0] >= COUNT_EVERY:
            self._counted = (
                self._now(),
                await exchange.database.read(partial(figures.count, now=exchange.hub.clock.now())),
            )
        counted, disk = self._counted[1], figures.measure(exchange.home.folder)
        signer = await exchange.hub.signer()
        days = (signer.certificate.not_after - exchange.hub.clock.now()).total_seconds() / 86400
        found: dict[str, float] = {
            "unsealed_statements": counted.unsealed,
            "waiting_deliveries": counted.waiting,
            "stored_bytes": counted.stored_bytes,
            "quarantined_deliveries": counted.held,
            "mails_waiting": counted.mails.get(WAITING, 0),
            "mails_failed": counted.mails.get(FAILED, 0),
            "disk_free_bytes": disk.free_bytes,
            "disk_free_inodes": float("inf") if disk.inodes is None else disk.inodes,
            "certificate_expiry_days": days,
            "unstamped_seconds": await _unstamped(exchange),
        }
        for name, value in found.items():
            self._gauges[name].set(value)
        for within, number in counted.ending.items():
            self._ending.labels(str(within)).set(number)
        await self.revocation.show(exchange.inquiries.desk)
        for check in (await health.examine()).checks:
            self._ready.labels(check.name).set(check.outcome == "passed")
        return self.render_own(exchange, gate)

    def render_own(self, exchange: Exchange, gate: Gate) -> bytes:
        """Write the figures with what this process knows by itself."""
        own: dict[str, float] = {
            "writer_waiting": exchange.database.waiting,
            "requests_working": gate.admission.working,
            "long_polls": gate.admission.present - gate.admission.working,
            "bodies_bytes": gate.admission.stored,
        }
        for name, value in own.items():
            self._gauges[name].set(value)
        self._follow(exchange.database.groups, exchange.database.units)
        self.revocation.follow(exchange.inquiries.outcomes)
        return generate_latest(self.registry)

    def _labelled(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """Give the figures of one kind of request; finding them by their labels costs more than counting."""
        kind = method, route, status
        if kind not in self._kinds:
            self._kinds[kind] = self._requests.labels(method, route, str(status)), self._seconds.labels(route)
        return self._kinds[kind]

    def _follow(self, groups: int, units: int) -> None:
        """Bring the counters to where the database has come."""
        self._groups.inc(groups - self._committed[0])
        self._units.inc(units - self._committed[1])
        self._committed = groups, units


async def _unstamped(exchange: Exchange) -> float:
    if not exchange.clocks.urls:
        return 0.0
    since = await exchange.stamps.waiting_since()
    return max(0.0, (exchange.hub.clock.now() - since).total_seconds()) if since else 0.0
