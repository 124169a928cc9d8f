"""Get time-stamps from several authorities, one standing in for another, and stamp receipts in batches behind the scenes.

Nothing here stands in the way of a message: a silent authority leaves receipts unstamped for a while, and that is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from envelopes.batch import Proof, leaf_of, path_of, root_of
from exchange.core.audit import AuditEntry, AuditEvent
from exchange.core.model import EvidenceId
from exchange.core.ports import Clock, Entropy, TrustMaterial
from exchange.core.ports.stamping import Batch, Poster, Stamper, StampShelf
from trust_store.errors import Refused, reason
from trust_store.policy import Policy
from trust_store.timestamp import Asked, judge_token, read_answer
from trust_store.token import Token

UNAVAILABLE = reason(
    "timestamp-unavailable",
    "No time-stamp authority gives a time-stamp now",
    "Wait: each is asked again by itself; see what each says with congvan doctor, and name more in time_authorities",
)
REQUEST_TYPE: Final = "application/timestamp-query"
BATCH: Final = 4096
"""Receipts in one batch; the proof of one then has twelve steps."""
SETTLED: Final = timedelta(seconds=30)
"""How old an event must be before its receipt is stamped, so that none slips in behind."""
FAILURES: Final = 3
"""After so many failures one after another an authority is left alone for a while, twice as long each time."""
PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
_NONCE_BYTES: Final = 8


@dataclass(slots=True, kw_only=True)
class _Standing:
    """Hold how an authority has done: failures since its last good answer, and until when it is left alone."""

    url: str
    failures: int = 0
    rests_until: datetime | None = None
    said: str = ""


@dataclass(slots=True, kw_only=True)
class TimeAuthorities:
    """Ask authorities in the order of preference; the first token that is believed here is the answer.

    `silent_since` is when none of them answered for the first time since one did, `said` what each said last.
    """

    urls: tuple[str, ...]
    poster: Poster
    trust: TrustMaterial
    clock: Clock
    entropy: Entropy
    policy: Policy
    skew: timedelta
    silent_since: datetime | None = None
    given: int = 0
    failed: int = 0
    _standings: list[_Standing] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with good faith in each."""
        self._standings = [_Standing(url=url) for url in self.urls]

    @property
    def said(self) -> tuple[str, ...]:
        """Tell what each authority said last that was wrong."""
        return tuple(f"{each.url}: {each.said}" for each in self._standings if each.said)

    async def stamp(self, imprint: bytes) -> Token:
        """Return a token over a SHA-256 that is believed here.

        Raises:
            Refused: `timestamp-unavailable`, with what each authority said.
        """
        for standing in self._standings:
            now = self.clock.now()
            if standing.rests_until is not None and now < standing.rests_until:
                continue
            try:
                token = await self._ask(standing.url, imprint)
            except Refused as refusal:
                self._blame(standing, refusal)
                continue
            standing.failures, standing.rests_until, standing.said = 0, None, ""
            self.given, self.silent_since = self.given + 1, None
            return token
        self.silent_since = self.silent_since or self.clock.now()
        raise Refused(UNAVAILABLE, "; ".join(self.said) or "No time-stamp authority is named in time_authorities")

    async def _ask(self, url: str, imprint: bytes) -> Token:
        nonce = int.from_bytes(self.entropy.draw(_NONCE_BYTES)) | 1 << 63
        asked = Asked(algorithm="sha256", imprint=imprint, nonce=nonce)
        answer = await self.poster.post(url, asked.der, REQUEST_TYPE)
        now = self.clock.now()
        token = read_answer(answer, asked, now, self.skew)
        judge_token(token, imprint, await self.trust.evidence(), self.policy, now).require()
        return token

    def _blame(self, standing: _Standing, refusal: Refused) -> None:
        self.failed += 1
        standing.failures += 1
        standing.said = f"{refusal.reason.code}: {refusal.detail}"
        rounds = standing.failures - FAILURES
        if rounds >= 0:
            standing.rests_until = self.clock.now() + min(PAUSE * 2 ** min(rounds, 10), LONGEST_PAUSE)


async def stamp_receipts(shelf: StampShelf, stamper: Stamper, clock: Clock, entropy: Entropy) -> int:
    """Stamp one batch of the receipts that wait, oldest first; return how many. A crash leaves them waiting.

    Raises:
        Refused: `timestamp-unavailable`.
    """
    found = await shelf.unstamped(clock.now() - SETTLED, BATCH)
    if not found:
        return 0
    members = tuple((key, leaf_of(sealed)) for key, _, sealed in found)
    token = await stamper.stamp(root_of([leaf for _, leaf in members]))
    batch = Batch(
        id=entropy.draw(16).hex(),
        at=clock.now(),
        members=members,
        token=token.der,
        until=max(at for _, at, _ in found),
    )
    await shelf.add(batch)
    return len(members)


async def prove(shelf: StampShelf, key: EvidenceId) -> Proof | None:
    """Give the proof of a receipt's time-stamp; None while it is in no batch."""
    found = await shelf.batch_of(key)
    if found is None:
        return None
    index, batch = found
    leaves = [leaf for _, leaf in batch.members]
    return Proof(index=index, count=len(leaves), path=path_of(leaves, index), token=batch.token)


@dataclass(slots=True, kw_only=True)
class Alarm:
    """Raise the alarm once when receipts have waited for longer than `limit`, and end it once when none does any more."""

    shelf: StampShelf
    clock: Clock
    limit: timedelta
    is_raised: bool = False

    async def look(self, said: tuple[str, ...]) -> None:
        """Compare how long the oldest receipt waits with the limit, and audit a change."""
        since, now = await self.shelf.waiting_since(), self.clock.now()
        is_late = since is not None and now - since > self.limit
        if is_late == self.is_raised:
            return
        self.is_raised = is_late
        event = AuditEvent.TIME_AUTHORITIES_SILENT if is_late else AuditEvent.TIME_AUTHORITIES_BACK
        detail = f"receipts wait since {since:%Y-%m-%d %H:%M} UTC; {'; '.join(said)}" if since and is_late else ""
        await self.shelf.note(AuditEntry(event=event, actor="hub", subject="time-stamps", detail=detail[:900]), now)
