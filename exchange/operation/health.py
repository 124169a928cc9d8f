"""Whether the hub can take messages on: each thing that it needs is tried, not assumed.

What is told says what is wrong and no more: no paths, no sizes, no names. The log of the hub says the rest.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from envelopes import xml
from envelopes.signature.sign import sign
from envelopes.signature.verify import Place, verify
from exchange.operation import figures
from exchange.operation.staleness import describe
from exchange.running import Exchange
from exchange.storage.session import moment
from trust_store.errors import Refused
from trust_store.keys import KeyHolder

PATIENCE: Final = 3.0
FRESH: Final = 1.0
PROBE_EVERY: Final = 60.0
BACKWARDS: Final = timedelta(seconds=60)
_PROBE: Final = b'<Probe xmlns="urn:congvan:probe"/>'
_LOG = structlog.get_logger("congvan.health")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Hold the outcome of one check: `passed` or `failed`, and a sentence that everybody may read."""

    name: str
    outcome: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Hold the outcome of all checks."""

    checks: tuple[Checked, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Name the checks that failed."""
        return tuple(item.name for item in self.checks if item.outcome == "failed")


class Unfit(Exception):
    """Something that readiness needs is not as it must be: `text` is for everybody, `detail` for the log."""

    def __init__(self, text: str, detail: str = "") -> None:
        super().__init__(text)
        self.text, self.detail = text, detail


class Health:
    """Try what a running hub needs; asked often, it answers with what it found less than a second ago."""

    def __init__(self, exchange: Exchange, now: Callable[[], float] = time.monotonic) -> None:
        self._exchange, self._now = exchange, now
        self._known: tuple[float, Readiness] | None = None
        self._probed: tuple[str, Unfit | None, float] | None = None
        self._probing: asyncio.Future[Unfit | None] | None = None
        self._started_at, self._started = exchange.hub.clock.now(), _elapsed()
        self._one = asyncio.Lock()
        self._told: dict[str, str] = {}
        self.is_draining = False

    async def examine(self) -> Readiness:
        """Return the outcome of all checks, at most a second old; those who ask at once share one examination."""
        async with self._one:
            if self._known is None or self._now() - self._known[0] >= FRESH:
                self._known = self._now(), Readiness(checks=await self._checks())
        readiness = self._known[1]
        if self.is_draining:
            stopping = Checked(name="serving", outcome="failed", text="The hub is about to stop")
            return Readiness(checks=(*readiness.checks, stopping))
        return readiness

    async def _checks(self) -> tuple[Checked, ...]:
        checks: dict[str, Callable[[], Awaitable[str]]] = {
            "database": self._check_database,
            "disk": self._check_disk,
            "trust": self._check_trust,
            "revocation": self._check_revocation,
            "clock": self._check_clock,
            "time": self._check_time,
        }
        return tuple([await self._run(name, check) for name, check in checks.items()])

    async def _run(self, name: str, check: Callable[[], Awaitable[str]]) -> Checked:
        why = ""
        try:
            async with asyncio.timeout(PATIENCE):
                found = Checked(name=name, outcome="passed", text=await check())
        except Unfit as unfit:
            found, why = Checked(name=name, outcome="failed", text=unfit.text), unfit.detail
        except (Refused, OSError, sqlite3.Error) as error:
            found = Checked(name=name, outcome="failed", text=f"The {name} does not answer as it must")
            why = type(error).__name__
        if self._told.get(name, "passed") != found.outcome:
            _LOG.warning("readiness", check=name, outcome=found.outcome, text=found.text, detail=why)
        self._told[name] = found.outcome
        return found

    async def _check_database(self) -> str:
        """Read something real, and let an empty unit of work pass the writer."""
        await self._exchange.database.read(figures.latest)
        await self._exchange.database.transact(lambda _session: None)
        return "The database reads and writes"

    async def _check_disk(self) -> str:
        settings, folder = self._exchange.settings, self._exchange.home.folder
        disk = await asyncio.to_thread(_try_disk, folder)
        if disk.free_bytes < settings.min_free_bytes:
            raise Unfit("There is too little free disk space", f"{disk.free_bytes:,} bytes")
        if disk.inodes is not None and disk.inodes < settings.min_free_inodes:
            raise Unfit("There is no room for more files", f"{disk.inodes:,} inodes")
        return "The disk has room and can be written"

    async def _check_trust(self) -> str:
        hub = self._exchange.hub
        if not (await hub.store.trust.evidence()).anchors:
            raise Unfit("No authority is trusted")
        signer, now, days = (
            await hub.signer(),
            hub.clock.now(),
            timedelta(days=self._exchange.settings.certificate_days),
        )
        if not signer.certificate.not_before <= now < signer.certificate.not_after - days:
            text = "The hub's certificate is not valid, or not for much longer"
            raise Unfit(text, f"until {signer.certificate.not_after:%Y-%m-%d}")
        unfit = await self._try_key(signer)
        if unfit is not None:
            raise Unfit(unfit.text, unfit.detail)
        return "Authorities are known, and the hub's key signs"

    async def _try_key(self, signer: KeyHolder) -> Unfit | None:
        """Sign once a minute, and oftener while it fails; a device that does not answer is not asked anew meanwhile."""
        name, now = signer.certificate.fingerprint, self._now()
        if self._probed is not None and self._probed[:2] == (name, None) and now - self._probed[2] < PROBE_EVERY:
            return None
        if self._probing is None or self._probing.done():
            self._probing = asyncio.ensure_future(self._exchange.hub.workers.wait(_probe, signer))
        self._probed = name, await asyncio.shield(self._probing), now
        return self._probed[1]

    async def _check_revocation(self) -> str:
        """Tell, and never fail: one silent authority is no reason to send everybody else's letters elsewhere."""
        return await self._exchange.database.read(describe)

    async def _check_clock(self) -> str:
        now = self._exchange.hub.clock.now()
        committed = await self._exchange.database.read(figures.latest)
        if committed is not None and now < moment(committed) - BACKWARDS:
            text = "The clock is behind what was recorded already"
            raise Unfit(text, f"{moment(committed) - now} behind the last statement")
        self._compare(now)
        return "The clock goes forward"

    async def _check_time(self) -> str:
        """Tell how time-stamping does; it stands in nobody's way, so it never makes the hub unready."""
        exchange = self._exchange
        if not exchange.clocks.urls:
            return "No time-stamp authority is named, so receipts are not stamped"
        since, now = await exchange.stamps.waiting_since(), exchange.hub.clock.now()
        if since is not None and now - since > timedelta(minutes=exchange.settings.time_outage_minutes):
            return f"Degraded: receipts wait for a time-stamp since {since:%Y-%m-%d %H:%M} UTC"
        return "Receipts are time-stamped"

    def _compare(self, now: datetime) -> None:
        """Compare the clock with one that nobody can set."""
        jump = (now - self._started_at) - timedelta(seconds=_elapsed() - self._started)
        if abs(jump) > BACKWARDS:
            raise Unfit("The clock was set while the hub was running", f"by {jump}; restart the hub if it is right now")


def _elapsed() -> float:
    """Return seconds of a clock that goes on while the machine sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def _try_disk(folder: Path) -> figures.Disk:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"probe")
        file.flush()
    return figures.measure(folder)


def _probe(key: KeyHolder) -> Unfit | None:
    """Sign something that is no evidence, and verify it as anybody would."""
    try:
        signed = verify(xml.parse(sign(_PROBE, key)), Place.ROOT_CHILD)
    except Refused as refusal:
        return Unfit("The hub's key does not sign", refusal.reason.code)
    if signed.chain[0].fingerprint != key.certificate.fingerprint:
        return Unfit("The hub's key does not sign", "another certificate is in the signature")
    return None
