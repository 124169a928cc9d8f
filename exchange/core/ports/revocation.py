"""What the exchange knows of revocations, where it asks, and how a message asks for what is not known yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from exchange.core.audit import Author
from exchange.core.revoking import Datum, Kept, Source, Standing, Watched
from trust_store.certificate import Certificate
from trust_store.evidence import Evidence


class RevocationData(Protocol):
    """Keep what authorities said of revocations; what was replaced while messages were taken on is kept as proof."""

    async def keep(self, datum: Datum, source: str, now: datetime, by: Author | None = None) -> bool:
        """Keep a list or an answer; tell whether it is news. On return it survives a power cut, and every judge sees it.

        `Refused` (revocation-older) when what is known in its slot is newer, or as new with other bytes.
        """
        ...

    async def current(self) -> Sequence[Kept]:
        """List what nothing newer has replaced, without the bytes, by authority."""
        ...

    async def get(self, digest: str) -> Kept | None:
        """Return a list or an answer with its bytes, also one that was replaced."""
        ...

    async def note_standings(self, standings: Sequence[Standing], now: datetime) -> None:
        """Note how authorities stand; where a grace period began or ended since the last time, that is audited."""
        ...

    async def forget(self, before: datetime, now: datetime) -> int:
        """Forget what was replaced before a moment while nothing was attested; return how many lists and answers.

        Answers whose next update was due before that moment are current no more: nobody asked for them again.
        """
        ...


class Sources(Protocol):
    """Know where authorities are asked about revocations, and how that goes; a source is named by place and certificate."""

    async def want(self, sources: Sequence[Source], now: datetime) -> None:
        """Note that these places are named by something that matters; a new one is due at once."""
        ...

    async def due(self, now: datetime, limit: int) -> Sequence[Source]:
        """List the sources to ask now, the longest due first; those nobody named lately are left out."""
        ...

    async def claim(self, source: Source, now: datetime, until: datetime) -> int | None:
        """Take it on to ask a source until a moment; return how often it failed in a row.

        None when it is not due, or somebody else is asking it and has not run out of time.
        """
        ...

    async def succeed(self, source: Source, datum: Datum, now: datetime, due_at: datetime) -> None:
        """Note what a source gave, and when to ask it again."""
        ...

    async def fail(self, source: Source, why: tuple[str, str], now: datetime, due_at: datetime) -> None:
        """Note that a source failed: the code of the reason and a text; and when to ask it again."""
        ...

    async def watched(self, now: datetime) -> Sequence[Watched]:
        """List the sources that somebody named lately, with how it goes, by place."""
        ...

    async def meet(self, certificates: Sequence[Certificate], now: datetime) -> None:
        """Note certificates that were met in messages, with those that lead from them to an anchor."""
        ...

    async def authorities(self) -> Sequence[Certificate]:
        """Return the authorities that were met in messages."""
        ...

    async def certificate(self, fingerprint: str) -> Certificate | None:
        """Return a certificate that was met in a message or is registered for a party."""
        ...

    async def registered(
        self, behind: tuple[str, str], limit: int, since: datetime
    ) -> Sequence[tuple[str, str, Certificate]]:
        """List certificates of parties that were registered since a moment: party, fingerprint, certificate; page by page.

        Those come that are behind a party and a fingerprint.
        """
        ...


class Asker(Protocol):
    """Ask authorities about the signers of messages."""

    def notice(self, chain: Sequence[Certificate], evidence: Evidence) -> None:
        """Note who signed a message that was believed, so that what is known of them is kept fresh. Never waits."""
        ...

    async def learn(self, chain: Sequence[Certificate], evidence: Evidence) -> bool:
        """Ask about a signer of whom too little is known, and wait a short time for it; tell whether there is news."""
        ...
