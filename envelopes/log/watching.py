"""What a monitor of a log concludes from what it saw: the log grew, or it can be proved that it lies."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from envelopes.log import tiles
from envelopes.log.checkpoint import Checkpoint, open_checkpoint
from envelopes.log.note import Verifier
from envelopes.log.tiles import TILE_WRONG, ReadTile
from envelopes.log.tree import check_consistency
from envelopes.log.witnessing import enough
from trust_store.errors import Refused, reason

SPLIT_VIEW = reason(
    "log-split-view",
    "The log has signed two checkpoints that contradict each other",
    "Keep both, and the file of evidence that names them; show them to the others who rely on this log, and to a court",
)
ROLLED_BACK = reason(
    "log-rolled-back",
    "The log shows an older state than one that it has signed",
    "Ask again: a copy on the way may be old. If it stays so, entries were taken out, and the later checkpoint proves it",
)


class Caught(Refused):
    """Refuse what a log shows, with the signed notes that prove it: the earlier one, the later one, and the proof between.

    `path` is what the log's own tiles give for the consistency proof between the two sizes (32 bytes a step).
    """

    def __init__(self, refusal: Refused, earlier: str, later: str, path: Sequence[bytes] = ()) -> None:
        super().__init__(refusal.reason, refusal.detail, where=refusal.where)
        self.earlier, self.later, self.path = earlier, later, tuple(path)

    def record(self) -> dict[str, object]:
        """Describe what was caught, so that somebody else can check it."""
        path = [base64.b64encode(step).decode() for step in self.path]
        why = {"reason": self.reason.code, "text": self.detail}
        return {**why, "earlier": self.earlier, "later": self.later, "path": path}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Follow a log with this key, by reading its tiles; ask for cosignatures by `needed` of the `witnesses`."""

    log: Verifier
    read: ReadTile
    witnesses: tuple[Verifier, ...] = ()
    needed: int = 0

    async def follow(self, note: str, last: str) -> Checkpoint:
        """Return the checkpoint that the log shows now, after it was held to the last one that was seen ("" for none).

        Raises:
            Caught: `note-malformed`, `note-not-signed`, `checkpoint-malformed`, `checkpoint-other`,
                `log-cosignatures-missing`, `log-rolled-back`, `log-split-view`, or `tile-wrong`.
        """
        try:
            checkpoint = open_checkpoint(note, self.log)
            enough(note, self.witnesses, self.needed)
        except Refused as refusal:
            raise Caught(refusal, last, note) from None
        if last:
            await self._compare(last, note)
        else:
            await self._begin(checkpoint, note)
        return checkpoint

    async def hold(self, seen: str, note: str) -> None:
        """Hold what the log shows now to a checkpoint from elsewhere: of a receipt, or of somebody else who follows it.

        Raises:
            Caught: as `follow`; `log-rolled-back` where the one from elsewhere is of a larger tree.
        """
        try:
            open_checkpoint(seen, self.log)
        except Refused as refusal:
            raise Caught(refusal, seen, note) from None
        await self._compare(seen, note)

    async def _begin(self, checkpoint: Checkpoint, note: str) -> None:
        """Hold the first checkpoint that is seen to the log's own tiles."""
        try:
            is_shown = await tiles.root(self.read, checkpoint.size) == checkpoint.root
        except Refused as refusal:
            raise (Caught(refusal, "", note) if refusal.reason == TILE_WRONG else refusal) from None
        if not is_shown:
            raise Caught(Refused(TILE_WRONG, f"At {checkpoint.size} entries"), "", note)

    async def _compare(self, earlier: str, later: str) -> None:
        """Both are signed by the log. The smaller must be the beginning of the larger, and the earlier one the smaller."""
        old, new = (open_checkpoint(each, self.log) for each in (earlier, later))
        if new.size < old.size:
            text = f"It shows {new.size} entries, and has signed {old.size} before"
            raise Caught(Refused(ROLLED_BACK, text), earlier, later)
        if old.size == new.size and old.root != new.root:
            raise Caught(Refused(SPLIT_VIEW, f"Two roots at {old.size} entries"), earlier, later)
        path = await self._prove(old, new, earlier, later)
        try:
            check_consistency(old.size, new.size, path, old.root, new.root)
        except Refused as refusal:
            raise await self._accuse(refusal, (old, new), (earlier, later), path) from None

    async def _prove(self, old: Checkpoint, new: Checkpoint, earlier: str, later: str) -> tuple[bytes, ...]:
        try:
            return await tiles.consistency_proof(self.read, old.size, new.size)
        except Refused as refusal:
            raise (Caught(refusal, earlier, later) if refusal.reason == TILE_WRONG else refusal) from None

    async def _accuse(
        self, refusal: Refused, trees: tuple[Checkpoint, Checkpoint], notes: tuple[str, str], path: Sequence[bytes]
    ) -> Caught:
        """Tell a log that lies from tiles that are wrong: its own tiles lead to the later root, and not to the earlier."""
        old, new = trees
        try:
            shown = await tiles.root(self.read, old.size)
            check_consistency(old.size, new.size, path, shown, new.root)
        except Refused:
            return Caught(Refused(TILE_WRONG, refusal.detail), *notes, path)
        text = f"Of the {new.size} entries now, the first {old.size} are others than those signed before"
        return Caught(Refused(SPLIT_VIEW, text), *notes, path)
