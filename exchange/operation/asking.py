"""Ask authorities about revocations: one source at a time once, whoever wants it, and for a message without waiting long."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import structlog

from exchange.core.hearing import check_answer, check_list, deltas_of, of_answer, of_list, sources_of
from exchange.core.ports import Clock, Entropy, TrustMaterial, Workers
from exchange.core.ports.revocation import RevocationData, Sources
from exchange.core.revoking import OVERDUE, UNKNOWN_CERTIFICATE, Datum, Source, State, back_off, due
from exchange.net.fetching import Fetcher
from trust_store.certificate import Certificate
from trust_store.errors import Refused
from trust_store.evidence import Asking, Evidence
from trust_store.policy import Policy
from trust_store.revocation import answers
from trust_store.revocation.answers import NONCE_BYTES, load_answer
from trust_store.revocation.lists import RevocationList, load_list
from trust_store.tracing import Tracer

LEASE: Final = timedelta(minutes=3)
"""After how long somebody who took a source on and was not heard of again counts as gone."""
WAITING: Final = 64
"""How many messages may wait for an authority at once; the others come again."""
AGAIN: Final = 5.0
"""Seconds within which nothing more is undertaken for the same signer."""
REMEMBERED: Final = 50_000
_CHANCES: Final = 2**16
_LOG = structlog.get_logger("congvan.revocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Hold what asking needs of the machine."""

    clock: Clock
    entropy: Entropy
    workers: Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Hold what asking needs: where things are kept, the line to the network, and the machine."""

    data: RevocationData
    sources: Sources
    trust: TrustMaterial
    fetcher: Fetcher
    machine: Machine
    policy: Policy

    def now(self) -> datetime:
        """Tell the time in UTC."""
        return self.machine.clock.now()

    def chance(self) -> float:
        """Draw a number from 0 to 1."""
        return int.from_bytes(self.machine.entropy.draw(2), "big") / _CHANCES

    def line(self, chain: Sequence[Certificate], evidence: Evidence) -> tuple[Certificate, ...]:
        """Return a signer with the authorities that lead from it to an anchor; nothing where none do."""
        tracer = Tracer(evidence=evidence, policy=self.policy, at=self.now())
        authorities = tracer.trace(chain[0], chain[1:]).path.authorities
        return (chain[0], *authorities) if authorities else ()

    async def authorities(self) -> tuple[Certificate, ...]:
        """List all authorities that are known: trusted, between, and met in messages."""
        evidence = await self.trust.evidence()
        return tuple(dict.fromkeys((*evidence.anchors, *evidence.intermediates, *await self.sources.authorities())))


class Inquiries:
    """Ask sources, each once at a time in all processes; see `ports.Asker`. Close it before the store."""

    def __init__(self, desk: Desk, patience: float, now: Callable[[], float] = time.monotonic) -> None:
        self.desk, self._patience, self._now = desk, patience, now
        self._flying: dict[tuple[str, str], asyncio.Task[bool]] = {}
        self._beside: set[asyncio.Task[None]] = set()
        self._noticed: dict[str, date] = {}
        self._asked: dict[str, float] = {}
        self._waiting = 0
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """How often asking ended how, by kind and by `news`, `same` or the code of a reason; it only grows."""

    @property
    def flying(self) -> int:
        """Count the sources that are being asked by this process."""
        return len(self._flying)

    def notice(self, chain: Sequence[Certificate], evidence: Evidence) -> None:
        """Note who signed a message that was believed, once a day."""
        fingerprint, today = chain[0].fingerprint, self.desk.now().date()
        if self._noticed.get(fingerprint) == today:
            return
        if len(self._noticed) >= REMEMBERED:
            self._noticed.clear()
        self._noticed[fingerprint] = today
        task = asyncio.create_task(self._note(tuple(chain), evidence))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def learn(self, chain: Sequence[Certificate], evidence: Evidence) -> bool:
        """Ask about a signer of whom too little is known, and wait a short time for it; tell whether there is news."""
        fingerprint = chain[0].fingerprint
        line = self.desk.line(chain, evidence)
        sources = _sources(line, evidence)
        if not sources:
            return False
        if self._now() - self._asked.get(fingerprint, -AGAIN) >= AGAIN:
            if len(self._asked) >= REMEMBERED:
                self._asked.clear()
            self._asked[fingerprint] = self._now()
            await self.take_up(line, evidence)
            for source in sources:
                self.ask(source)
        tasks = {task for each in sources if (task := self._flying.get(_key(each))) is not None}
        if tasks and self._waiting < WAITING:
            self._waiting += 1
            try:
                await self._wait(tasks)
            finally:
                self._waiting -= 1
        return await self.desk.trust.evidence() is not evidence

    async def take_up(self, line: Sequence[Certificate], evidence: Evidence) -> None:
        """Note certificates that lead from each other to an anchor, and where their revocations are told."""
        now = self.desk.now()
        await self.desk.sources.meet(line[:-1], now)
        await self.desk.sources.want(_sources(line, evidence), now)

    def ask(self, source: Source) -> None:
        """Ask a source beside everything else, unless that is being done."""
        key = _key(source)
        if key not in self._flying:
            self._flying[key] = task = asyncio.create_task(self._ask(source))
            task.add_done_callback(lambda _done: self._flying.pop(key, None))

    async def settle(self) -> None:
        """Wait until nothing is being asked or noted."""
        while self._flying or self._beside:
            await asyncio.wait([*self._flying.values(), *self._beside])

    async def close(self) -> None:
        """Give up what is being asked; another process takes it on when the lease has ended."""
        tasks: list[asyncio.Task[Any]] = [*self._flying.values(), *self._beside]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, tasks: set[asyncio.Task[bool]]) -> None:
        """Wait for the first news, or for the end of patience."""
        ends = self._now() + self._patience
        while tasks and (left := ends - self._now()) > 0:
            done, tasks = await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if any(not each.cancelled() and each.result() for each in done):
                return

    async def _note(self, chain: tuple[Certificate, ...], evidence: Evidence) -> None:
        line = self.desk.line(chain, evidence)
        if line:
            await self._logged(self.take_up(line, evidence))

    async def _logged(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Refused as refusal:
            _LOG.warning("not noted", code=refusal.reason.code, detail=refusal.detail)

    async def _ask(self, source: Source) -> bool:
        """Ask a source if it is due and nobody else does; tell whether there is news."""
        desk, kind, now = self.desk, "ocsp" if source.certificate else "list", self.desk.now()
        try:
            failures = await desk.sources.claim(source, now, now + LEASE)
            if failures is None:
                return False
            return await self._attempt(source, kind, failures)
        except Refused as refusal:
            _LOG.error("not recorded", place=source.place, code=refusal.reason.code)
            return False

    async def _attempt(self, source: Source, kind: str, failures: int) -> bool:
        desk = self.desk
        try:
            datum = await (self._fetch_answer(source) if source.certificate else self._fetch_list(source))
            is_news = await desk.data.keep(datum, source.place, desk.now())
            _check_age(datum, desk)
        except Refused as refusal:
            now = desk.now()
            why = refusal.reason.code, refusal.detail
            await desk.sources.fail(source, why, now, back_off(failures + 1, now, desk.chance()))
            _LOG.warning("authority not heard", place=source.place, code=why[0], detail=why[1], failures=failures + 1)
            self.outcomes[kind, refusal.reason.code] += 1
            return False
        now = desk.now()
        await desk.sources.succeed(source, datum, now, due(datum, desk.policy.freshness, now, desk.chance()))
        self.outcomes[kind, "news" if is_news else "same"] += 1
        return is_news

    async def _fetch_list(self, source: Source) -> Datum:
        desk = self.desk
        body = (await desk.fetcher.get(source.place)).body
        listed = await desk.machine.workers.run(len(body), load_list, body)
        await desk.machine.workers.run(len(body), check_list, listed, await desk.authorities(), desk.now())
        await self._want_deltas(listed)
        return of_list(listed)

    async def _want_deltas(self, listed: RevocationList) -> None:
        deltas = deltas_of(listed)
        if deltas:
            await self.desk.sources.want(deltas, self.desk.now())

    async def _fetch_answer(self, source: Source) -> Datum:
        desk = self.desk
        certificate = await desk.sources.certificate(source.certificate)
        issuer = next((each for each in await desk.authorities() if each.fingerprint == source.issuer), None)
        if certificate is None or issuer is None:
            raise Refused(UNKNOWN_CERTIFICATE, f"{source.certificate[:16]} or its issuer is not known any more")
        nonce = desk.machine.entropy.draw(NONCE_BYTES)
        question = answers.request(certificate, issuer, nonce)
        fetched = await desk.fetcher.post(source.place, question, "application/ocsp-request", answers.MAX_SIZE)
        answer = load_answer(fetched.body)
        check_answer(answer, certificate, issuer, nonce, desk.policy.freshness, desk.now())
        return of_answer(answer, certificate)


def _check_age(datum: Datum, desk: Desk) -> None:
    """Ask that what a source gives is not overdue: else it is kept, if it is news, and the source counts as failing."""
    freshness = desk.policy.freshness
    if datum.state(freshness, desk.now()) is not State.FRESH:
        raise Refused(OVERDUE, f"It gives what was due for renewal {datum.fresh_until(freshness):%Y-%m-%d %H:%M} UTC")


def _sources(line: Sequence[Certificate], evidence: Evidence) -> Sequence[Source]:
    """List where the revocations of a signer and of the authorities above are told, if the anchor's terms ask for them."""
    if not line or evidence.terms_of(line[-1]).asking is Asking.LOCAL:
        return []
    return [source for certificate, issuer in pairwise(line) for source in sources_of(certificate, issuer)]


def _key(source: Source) -> tuple[str, str]:
    return source.place, source.certificate
