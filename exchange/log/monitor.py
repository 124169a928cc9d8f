"""Follow a log for a party: remember what it showed, hold every receipt of one's own to it, and keep proof when it lies."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from envelopes.log.checkpoint import Checkpoint
from envelopes.log.inclusion import LogProof
from envelopes.log.note import read_vkey
from envelopes.log.watching import Caught, Watcher
from envelopes.receipt import check_log, open_receipt
from exchange.core.ports import Clock
from exchange.log.source import HttpLog
from trust_store.errors import Refused, reason

FORMAT: Final = "congvan-log-watch-1"
MAX_STATE: Final = 16 * 1024 * 1024
MAX_RECEIPT: Final = 1024 * 1024

BAD_STATE = reason(
    "log-state-malformed",
    "The file in which it is remembered what the log showed cannot be used",
    "Take it from a backup; with a new one, nothing that was seen before is held against the log",
)


class State(msgspec.Struct, kw_only=True):
    """Remember a log: its key, the newest checkpoint that was held good, and the SHA-256 of the receipts found in it."""

    format: str = FORMAT
    key: str = ""
    checkpoint: str = ""
    receipts: list[str] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Tell what one look at the log found: its checkpoint, how many receipts are proved in it, and what is wrong with others.

    `skipped` counts those that are in no log or in another; `later` is where the hub has begun another log, if it has.
    """

    checkpoint: Checkpoint
    proved: int
    skipped: int
    wrong: tuple[tuple[Path, Refused], ...]
    later: str = ""


@dataclass(slots=True, kw_only=True)
class _Own:
    """Hold own receipts: for each (by SHA-256) the checkpoint that its proof leads to, how many have none, what is wrong."""

    found: dict[str, str]
    skipped: int
    wrong: list[tuple[Path, Refused]]


def read_state(path: Path) -> State:
    """Read what is remembered; nothing when there is no file.

    Raises:
        Refused: `log-state-malformed`.
    """
    try:
        data = path.read_bytes() if path.exists() else b"{}"
        state = msgspec.json.decode(data, type=State)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(BAD_STATE, f"{path.name} cannot be read") from None
    if state.format != FORMAT or len(data) > MAX_STATE:
        raise Refused(BAD_STATE, f"{path.name} is not of the form {FORMAT}")
    return state


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, whole.

    Raises:
        Refused: `log-state-malformed`.
    """
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise Refused(BAD_STATE, f"{path.name} cannot be written: {error.strerror}") from None


@dataclass(slots=True, kw_only=True)
class Monitor:
    """Follow one log. `watcher` holds the log's key; `file` is where the state is kept."""

    source: HttpLog
    watcher: Watcher
    file: Path
    clock: Clock
    state: State
    _evidence: list[Path] = field(default_factory=list)

    async def look(self, receipts: Path | None = None, seen: tuple[Path, ...] = ()) -> Round:
        """Look at the log once, and remember what it shows when it is good. A crash leaves what was remembered before.

        `receipts` is a folder of own receipts (*.xml), `seen` are checkpoints from others.

        Raises:
            Caught: the log can be shown to be wrong; the evidence was written beside the state, and is not overwritten.
            Refused: `log-unreachable`, or `log-state-malformed`.
        """
        try:
            return await self._look(receipts, seen)
        except Caught as caught:
            self._keep(caught)
            raise

    @property
    def evidence(self) -> tuple[Path, ...]:
        """Return the files of evidence that were written."""
        return tuple(self._evidence)

    async def _look(self, receipts: Path | None, seen: tuple[Path, ...]) -> Round:
        own, others = self._own(receipts), [_read(path).decode(errors="replace") for path in seen]
        note = await self.source.checkpoint()
        checkpoint = await self.watcher.follow(note, self.state.checkpoint)
        known = set(self.state.receipts)
        for theirs in dict.fromkeys(others + [each for digest, each in own.found.items() if digest not in known]):
            await self.watcher.hold(theirs, note)
        self.state = State(key=self.watcher.log.vkey, checkpoint=note, receipts=sorted(known | set(own.found)))
        write_whole(self.file, msgspec.json.encode(self.state) + b"\n")
        return Round(
            checkpoint=checkpoint,
            proved=len(own.found),
            skipped=own.skipped,
            wrong=tuple(own.wrong),
            later=await self.source.later(),
        )

    def _own(self, receipts: Path | None) -> _Own:
        """Read the receipts before the log is asked, so that none is newer than what it shows."""
        own = _Own(found={}, skipped=0, wrong=[])
        known = set(self.state.receipts)
        for path in sorted(receipts.glob("*.xml")) if receipts else ():
            try:
                data = _read(path)
                digest = hashlib.sha256(data).hexdigest()
                proof = None if digest in known else self._proof(data)
            except Refused as refusal:
                own.wrong.append((path, refusal))
                continue
            if proof is not None or digest in known:
                own.found[digest] = proof.checkpoint if proof else ""
            else:
                own.skipped += 1
        return own

    def _proof(self, data: bytes) -> LogProof | None:
        """Give a receipt's proof, which was held to the checkpoint in it; None when it is in no log, or in another."""
        _, signed = open_receipt(data)
        proof = check_log(signed.element)
        return proof if proof is not None and read_vkey(proof.key) == self.watcher.log else None

    def _keep(self, caught: Caught) -> None:
        """Write what proves it into a file of its own, beside the state."""
        now = self.clock.now()
        record = {"log": self.watcher.log.vkey, "url": self.source.url, "at": _text(now), **caught.record()}
        path = self.file.with_name(f"{self.file.name}.{caught.reason.code}.{now:%Y%m%dT%H%M%S%f}.json")
        write_whole(path, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
        self._evidence.append(path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_RECEIPT + 1)
    except OSError as error:
        raise Refused(BAD_STATE, f"{path.name} cannot be read: {error.strerror}") from None
    if len(data) > MAX_RECEIPT:
        raise Refused(BAD_STATE, f"{path.name} has more than {MAX_RECEIPT:,} bytes")
    return data


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
