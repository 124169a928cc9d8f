"""Raise a message that was taken on to level T, LT or LTA: beside what its sender wrote, which stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cryptography.hazmat.primitives import hashes

from envelopes.signature import raising
from envelopes.signature.completing import read_level, write_known
from envelopes.signature.lasting import Level
from envelopes.signature.raising import NOT_RAISED
from envelopes.signature.unsigned import StampKind
from exchange.core.hub import Hub
from exchange.core.model import Filed
from exchange.core.ports.stamping import Raised, Stamper, StampShelf
from exchange.core.reading import bytes_of
from exchange.core.stamping import UNAVAILABLE
from trust_store.errors import Refused
from trust_store.evidence import Evidence

RENEW_AHEAD: Final = timedelta(days=90)
"""How long before the certificate of the last time-stamp ends an archived message is stamped anew."""
ORDER: Final = (Level.B, Level.T, Level.LT, Level.LTA)


@dataclass(slots=True)
class _Work:
    """Hold a document on its way up, and all that was put in so far."""

    properties: str
    document: bytes
    level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Raising:
    """Raise messages, and keep what was put beside each; the document itself is put together when it is asked for."""

    hub: Hub
    shelf: StampShelf
    stamper: Stamper

    async def raise_message(self, filed: Filed, level: Level) -> bytes:
        """Return the message at this level at least; what is missing is got now, and kept.

        One whose last archive time-stamp ends soon gets a further one, if an authority gives one now.

        Raises:
            Refused: `timestamp-unavailable`; `signature-not-raisable`: it is not signed, or not all is known that is needed;
                `content-removed`; `not-found`.
        """
        run, original = self.hub.workers.run, await bytes_of(self.hub, filed)
        kept = await self.shelf.raised(filed.key)
        document = await run(len(original), raising.add, original, kept.properties) if kept else original
        if kept is None or ORDER.index(kept.level) < ORDER.index(level):
            return await self._raise(filed, _Work(kept.properties if kept else "", document, level))
        if self._is_due(kept):
            try:
                return await self._raise(filed, _Work(kept.properties, document, kept.level))
            except Refused as refusal:
                if refusal.reason is not UNAVAILABLE:
                    raise
        return document

    async def _raise(self, filed: Filed, work: _Work) -> bytes:
        evidence, now = await self.hub.store.trust.evidence(), self.hub.clock.now()
        await self._climb(work, evidence)
        size, policy = len(work.document), self.hub.policy
        found = await self.hub.workers.run(size, read_level, work.document, evidence, policy, now)
        if ORDER.index(found.level) < ORDER.index(work.level) or found.renew_by is None:
            raise Refused(NOT_RAISED, f"It reaches level {found.level}: {found.checks[-1].text}")
        properties, renew_by = work.properties, found.renew_by
        await self.shelf.keep(
            Raised(message=filed.key, level=found.level, properties=properties, at=now, renew_by=renew_by)
        )
        return work.document

    def _is_due(self, kept: Raised) -> bool:
        return kept.level is Level.LTA and kept.renew_by - self.hub.clock.now() < RENEW_AHEAD

    async def _climb(self, work: _Work, evidence: Evidence) -> None:
        """Put in what is missing, step by step: each step is over the document as the one before left it."""
        run, policy, size = self.hub.workers.run, self.hub.policy, len(work.document)
        has = (await run(size, read_level, work.document, evidence, policy, self.hub.clock.now())).level
        if has is Level.B:
            await self._stamp(work, StampKind.SIGNATURE, (await run(size, raising.signature_octets, work.document),))
        if work.level in {Level.LT, Level.LTA}:
            renews = has is Level.LTA
            added = await run(
                size, write_known, work.document, evidence, policy, self.hub.clock.now(), stamps_only=renews
            )
            await self._put(work, added)
        if work.level is Level.LTA:
            await self._stamp(work, StampKind.ARCHIVE, await run(size, raising.archive_octets, work.document))

    async def _stamp(self, work: _Work, kind: StampKind, octets: Iterable[bytes]) -> None:
        token = await self.stamper.stamp(digest_of(octets))
        await self._put(work, raising.write_stamp(kind, token.der))

    async def _put(self, work: _Work, properties: str) -> None:
        if properties:
            work.document = await self.hub.workers.run(len(work.document), raising.add, work.document, properties)
            work.properties += properties


def digest_of(octets: Iterable[bytes]) -> bytes:
    """Digest octets that come in pieces (SHA-256), as a time-stamp is asked for them."""
    state = hashes.Hash(hashes.SHA256())
    for piece in octets:
        state.update(piece)
    return state.finalize()
