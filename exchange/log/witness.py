"""This hub as a witness of other logs (C2SP tlog-witness): it cosigns what continues that which it cosigned before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from envelopes.log.checkpoint import Checkpoint
from envelopes.log.note import Note, Signer, read_vkey
from envelopes.log.witnessing import (
    SPLIT,
    UNKNOWN_LOG,
    Seen,
    StaleSize,
    check_submission,
    origin_of,
    read_submission,
)
from exchange.core.audit import AuditEntry, AuditEvent
from exchange.core.ports import AuditTrail, Clock, LogShelf
from exchange.core.ports.witness import WitnessedLog, WitnessShelf
from exchange.log.key import LogKey
from trust_store.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Cosign the checkpoints of the logs that an administrator named, with a key of its own.

    A hub that was restored does not know what it cosigned after the backup. So it is another witness then, as it begins
    another log: name and key go with the generation of its own log.
    """

    shelf: WitnessShelf
    audit: AuditTrail
    clock: Clock
    own: LogShelf
    open_key: Callable[[int], LogKey]
    code: str

    async def vkey(self) -> str:
        """Return the verifier key (type 0x04), named `congvan/<code>/witness/<generation>`; it is made where there is none.

        Raises:
            Refused: `log-unusable`.
        """
        return (await self._signer()).verifier.vkey

    async def _signer(self) -> Signer:
        logs = await self.own.logs()
        generation = logs[-1].log if logs else 0
        return self.open_key(generation).signer(f"congvan/{self.code}/witness/{generation}")

    async def cosign(self, data: bytes) -> str:
        """Answer a request `add-checkpoint` with a cosignature (one signature line); what it says was kept before.

        Raises:
            Refused: `witness-malformed`, `witness-log-unknown`, or as `check_submission`; of that the contradictions of a
                log that is signed well are audited, as they prove that it misbehaves.
            StaleSize: `witness-size-differs`.
        """
        submission = read_submission(data)
        note, checkpoint = origin_of(submission)
        log = await self.shelf.get(checkpoint.origin)
        if log is None:
            raise Refused(UNKNOWN_LOG, f"It has the origin {checkpoint.origin[:100]}")
        try:
            check_submission(submission, note, checkpoint, read_vkey(log.key), log.seen)
        except Refused as refusal:
            await self._tell(refusal, log, submission.note)
            raise
        return await self._cosign(log, checkpoint, note, submission.note)

    async def _cosign(self, log: WitnessedLog, checkpoint: Checkpoint, note: Note, text: str) -> str:
        """Keep first, then sign: of two who ask from one size, one gets the cosignature, the other is told to ask again.

        What is kept already is not written again, so that a public checkpoint sent over and over costs no transaction.
        """
        signer, now = await self._signer(), self.clock.now()
        is_kept = log.seen == Seen(size=checkpoint.size, root=checkpoint.root)
        if not is_kept and not await self.shelf.advance(log.key, log.seen, checkpoint, text, now):
            current = await self.shelf.get(log.origin)
            raise StaleSize(current.seen.size if current else 0)
        return signer.sign(note.text, int(now.timestamp()))

    async def _tell(self, refusal: Refused, log: WitnessedLog, note: str) -> None:
        """Keep a proof that a log lies; a wrong consistency proof alone is none, as anybody can write it."""
        if refusal.reason == SPLIT:
            entry = AuditEntry(event=AuditEvent.LOG_SPLIT, actor="hub", subject=log.key, detail=note[:900])
            await self.audit.append_news(entry, self.clock.now())
