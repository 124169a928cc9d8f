"""Ask the witnesses that the operator named for cosignatures of our checkpoints (C2SP tlog-witness, as its client)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from envelopes.log.checkpoint import read_checkpoint
from envelopes.log.note import COSIGNATURE, Verifier, read_note, read_vkey
from envelopes.log.witnessing import Submission, add_cosignatures, write_submission
from exchange.core.ports import Clock
from exchange.core.ports.witness import Prove
from exchange.net.posting import Posted
from trust_store.errors import Refused, reason

NO_ANSWER = reason(
    "witness-no-answer",
    "A witness did not answer as it must",
    "Look at its address in log_witnesses and at the way there; it is asked again with the next checkpoint",
)
BAD_WITNESS = reason(
    "witness-setting",
    "The setting log_witnesses cannot be read",
    "Write for each witness its address, a space and its verifier key, with commas between; ask of no more than there are",
)
REQUEST_TYPE: Final = "text/plain"
SIZE_TYPE: Final = "text/x.tlog.size"
PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=10)
"""For how long a witness that failed is left alone: the first time, and at most; each failure in a row doubles it."""
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
_OK, _CONFLICT = 200, 409


class Asking(Protocol):
    """Post to a server that the operator named, and see its answer whatever the status."""

    async def ask(self, url: str, body: bytes, content_type: str) -> Posted:
        """Return the answer within bounds of time and size; `Refused` when there is none."""
        ...


@dataclass(slots=True, kw_only=True)
class Named:
    """Hold a witness: the address that its `add-checkpoint` is under, its key, and how it has done."""

    url: str
    verifier: Verifier
    sizes: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    rests_until: datetime | None = None
    said: str = ""


def read_witnesses(setting: str, needed: int = 0) -> tuple[Named, ...]:
    """Read the setting `log_witnesses`: pairs of address and vkey (type 0x04), with commas between.

    Raises:
        Refused: `witness-setting`: one cannot be read, is named twice, or `needed` are more than there are.
    """
    found = tuple(_read(each.strip()) for each in setting.split(",") if each.strip())
    if len({each.verifier.name for each in found}) < max(len(found), needed):
        raise Refused(BAD_WITNESS, f"{needed} cosignatures are asked for, of {len(found)} witnesses")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedWitnesses:
    """Ask all witnesses at once; one that fails is left alone for a while. See `ports.witness.Witnesses`."""

    named: Sequence[Named]
    poster: Asking
    clock: Clock

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """Return the keys of the witnesses."""
        return tuple(each.verifier for each in self.named)

    @property
    def said(self) -> tuple[str, ...]:
        """Tell what each witness said last that was wrong."""
        return tuple(f"{each.verifier.name}: {each.said}" for each in self.named if each.said)

    async def cosign(self, note: str, prove: Prove, needed: int = 0) -> tuple[str, ...]:
        """Return the good cosignatures (signature lines) of a checkpoint that witnesses give now, maybe none.

        With `needed`, wait for no others once so many are there: a slow witness holds nobody up.
        """
        asked = [asyncio.create_task(self._try(each, note, prove)) for each in self.named]
        lines: list[str] = []
        try:
            for answer in asyncio.as_completed(asked):
                lines += await answer
                if needed and len(lines) >= needed:
                    break
        finally:
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        return tuple(lines)

    async def _try(self, named: Named, note: str, prove: Prove) -> tuple[str, ...]:
        now = self.clock.now()
        if named.rests_until is not None and now < named.rests_until:
            return ()
        try:
            lines = await self._ask(named, note, prove)
        except Refused as refusal:
            named.said = f"{refusal.reason.code}: {refusal.detail}"
            named.rests_until = now + min(PAUSE * 2 ** min(named.failures, 10), LONGEST_PAUSE)
            named.failures += 1
            return ()
        named.failures, named.rests_until, named.said = 0, None, ""
        return lines

    async def _ask(self, named: Named, note: str, prove: Prove) -> tuple[str, ...]:
        """Ask from the size that it is believed to know, and once more if it says that it knows another."""
        checkpoint = read_checkpoint(read_note(note).text)
        old = min(named.sizes.get(checkpoint.origin, 0), checkpoint.size)
        posted = await self._post(named, old, note, prove)
        told = _SIZE.fullmatch(posted.body)
        if posted.status == _CONFLICT and posted.content_type == SIZE_TYPE and told:
            old = int(told[1])
            named.sizes[checkpoint.origin] = old
            if old > checkpoint.size:
                raise Refused(NO_ANSWER, f"It knows {old} entries, and this checkpoint has {checkpoint.size}")
            posted = await self._post(named, old, note, prove)
        if posted.status != _OK:
            said = posted.body[:200].decode(errors="replace").strip()
            raise Refused(NO_ANSWER, f"It answered with the status {posted.status}: {said}", where=named.url)
        lines = self._read(named, note, posted.body)
        named.sizes[checkpoint.origin] = checkpoint.size
        return lines

    async def _post(self, named: Named, old: int, note: str, prove: Prove) -> Posted:
        submission = Submission(old=old, path=await prove(old), note=note)
        return await self.poster.ask(f"{named.url}/add-checkpoint", write_submission(submission), REQUEST_TYPE)

    def _read(self, named: Named, note: str, body: bytes) -> tuple[str, ...]:
        try:
            lines = add_cosignatures(note, body.decode(), [named.verifier])
        except UnicodeDecodeError:
            raise Refused(NO_ANSWER, "The answer is no text", where=named.url) from None
        if not lines:
            raise Refused(NO_ANSWER, f"The answer is not signed by {named.verifier.name}", where=named.url)
        return lines[:1]


def _read(pair: str) -> Named:
    url, _, vkey = pair.partition(" ")
    try:
        verifier = read_vkey(vkey)
    except Refused as refusal:
        raise Refused(BAD_WITNESS, f"{url}: {refusal.detail}") from None
    if verifier.kind != COSIGNATURE:
        raise Refused(BAD_WITNESS, f"{url}: the key is not one for cosignatures (type 0x04)")
    return Named(url=url.rstrip("/"), verifier=verifier)
