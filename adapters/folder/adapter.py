"""The local system that is a folder: people and programs drop files into it, and find there what arrived."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from adapters import files
from adapters.base import Failure
from adapters.folder import words
from adapters.folder.mapping import event_name, incoming_names, lay_out, notice_name, read_order, to_draft
from adapters.folder.names import distinct, safe_name
from adapters.folder.outbox import UNREADABLE, Outbox, left_behind, read_dropped
from adapters.spool import Spool
from exchange.client import (
    DeliveryView,
    KeyHolder,
    Letter,
    Message,
    MomentView,
    Refused,
    StatusNotice,
    SubmissionView,
    Trust,
    compose_letter,
    read_document,
    reason,
    sign_unsigned,
)

STATE: Final = ".congvan"
SETTLE: Final = 5.0
"""Seconds that nothing must change before a file is taken, unless told otherwise."""
TROUBLE: Final = "trouble.txt"
FOLDER_UNFIT = reason(
    "folder-unfit",
    "The folder cannot be used for exchanging documents",
    "Give a folder that exists, that the adapter may write to, and that lies on one disk with all its parts",
)
_PARTS = ("outbox", "sent", "failed", "inbox")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Folder:
    """Stand for a folder with the parts outbox, sent, failed and inbox, and a hidden one with the state."""

    path: Path
    spool: Spool
    key: KeyHolder
    trust: Trust
    settle: float = SETTLE
    now: Callable[[], datetime] = _now
    _outbox: Outbox = field(init=False)
    _stuck: OSError | None = None

    def __post_init__(self) -> None:
        self._taken, self._aside = self.path / STATE / "taken", self.spool.aside
        self._taken.mkdir(mode=0o700, exist_ok=True)
        self._outbox = Outbox(folder=self.path / "outbox", taken=self._taken, settle=self.settle, is_used=self._is_used)

    @classmethod
    @contextmanager
    def opened(cls, path: Path, key: KeyHolder, trust: Trust, *, settle: float = SETTLE) -> Iterator[Self]:
        """Open a folder for this process alone; the parts that it lacks are made.

        Raises:
            Refused: `folder-unfit`, or `adapter-running` when another adapter has it.
        """
        try:
            if not path.is_dir():
                raise Refused(FOLDER_UNFIT, f"{path} is not a folder that is there")
            for part in _PARTS:
                (path / part).mkdir(exist_ok=True)
            disks = {each.stat().st_dev for each in (path, *(path / part for part in _PARTS))}
        except OSError as error:
            raise Refused(FOLDER_UNFIT, f"{path} cannot be used: {error.strerror}") from None
        if len(disks) > 1:
            raise Refused(FOLDER_UNFIT, f"The parts of {path} lie on several disks")
        with Spool.opened(path / STATE) as spool:
            yield cls(path=path, spool=spool, key=key, trust=trust, settle=settle)

    def outgoing(self) -> Sequence[str]:
        """Take what is complete, and name all that is taken."""
        self._stuck = next(self._outbox.take(), None)
        return sorted(each.name for each in self._taken.iterdir() if any(_scan(each)))

    def compose(self, name: str, sender: str) -> bytes:
        """Give a signed document as it is, sign an unsigned one, or write the letter that a letter.toml asks for."""
        dropped = read_dropped(self._taken / name)
        if dropped.document:
            return sign_unsigned(dropped.document, self.key)
        order = read_order(dropped.order)
        draft = to_draft(order, dropped.files)
        return sign_unsigned(compose_letter(order.sender or sender, draft, self.now()), self.key)

    def record_receipt(self, name: str, document: bytes, submission: SubmissionView) -> None:
        """Move what was sent to sent/, with letter.xml, receipt.xml and status.txt."""
        self._conclude(
            name,
            "sent",
            {
                "letter.xml": document,
                "receipt.xml": submission.receipt.encode(),
                "status.txt": words.sent_text(submission),
            },
        )

    def record_failure(self, name: str, failure: Failure) -> None:
        """Move what will not be sent to failed/, with error.txt beside the cause."""
        told = {"refused.xml": failure.document, "rejection.xml": failure.rejection}
        error = words.error_text(failure.refusal, name, self.now())
        self._conclude(name, "failed", {"error.txt": error, **{each: data for each, data in told.items() if data}})

    def record_event(self, name: str, moment: MomentView, receipt: bytes) -> None:
        """Put a receipt beside the letter that it is about."""
        folder = self.path / "sent" / name
        if folder.is_dir():
            self._tell(folder, event_name(moment), receipt, words.event_line(moment))

    def hand_over(self, delivery: DeliveryView, document: bytes, about: str) -> None:
        """Put a status notice beside its letter, and everything else into a folder of its own in inbox/."""
        message = _read(document)
        folder = self.path / "sent" / about
        if about and isinstance(message, StatusNotice) and folder.is_dir():
            line = words.notice_line(delivery, message)
            self._tell(folder, notice_name(delivery, message.status_code), document, line)
            return
        target = self._incoming(delivery, document)
        if not target.exists():
            files.write_folder(target, self._unpacked(delivery, document, message), self._aside)

    def record_handover(self, delivery: DeliveryView, receipt: bytes, about: str) -> None:
        """Put the receipt of the hand-over beside what was handed over, as long as that is there."""
        for notice in (self.path / "sent" / about).glob(f"status-*-{delivery.delivery[:8]}.xml") if about else ():
            files.write(notice.with_suffix(".receipt.xml"), receipt, self._aside)
        for name in incoming_names(delivery):
            folder = self.path / "inbox" / name
            if folder.is_dir() and f"{delivery.message}" in _text_of(folder / "about.txt"):
                files.write(folder / "receipt.xml", receipt, self._aside)

    def report(self, trouble: Refused | None) -> None:
        """Keep a trouble.txt in the folder for as long as there is trouble."""
        path = self.path / TROUBLE
        if trouble is None and self._stuck is not None:
            name = safe_name(str(self._stuck.filename))
            trouble = Refused(UNREADABLE, f"It cannot be taken: {self._stuck.strerror}", where=name)
        if trouble is None:
            path.unlink(missing_ok=True)
        else:
            files.write(path, words.trouble_text(trouble, self.now()), self._aside)

    def _is_used(self, name: str) -> bool:
        places = (self._taken, self.path / "sent", self.path / "failed")
        known = self.spool.holds(name) or self.spool.is_named(name)
        return known or any(os.path.lexists(place / name) for place in places)

    def _conclude(self, name: str, part: str, told: dict[str, bytes]) -> None:
        """Add what is told and move the folder; after a crash it is either still here, or there with everything."""
        folder = self._taken / name
        if not folder.is_dir():
            return
        for each in left_behind(folder) - told.keys():
            (folder / each).unlink(missing_ok=True)
        for each, data in told.items():
            self._make_way(folder, each, data)
            files.write(folder / each, data, self._aside)
        files.move(folder, self.path / part / name)

    def _make_way(self, folder: Path, name: str, data: bytes) -> None:
        """What was dropped under a name of ours keeps its content under another."""
        path = folder / name
        ours = name in left_behind(folder) or (path.is_file() and path.read_bytes() == data)
        if os.path.lexists(path) and not ours:
            files.move(path, folder / distinct(f"original-{name}", _scan(folder)))

    def _tell(self, folder: Path, name: str, data: bytes, line: str) -> None:
        """First the line, which is added once, then the file: a crash between them is mended by doing both again."""
        status = folder / "status.txt"
        text = _text_of(status)
        if line not in text:
            files.write(status, f"{text}{line}\r\n".encode(), self._aside)
        files.write(folder / name, data, self._aside)

    def _incoming(self, delivery: DeliveryView, document: bytes) -> Path:
        """Keep two deliveries apart whose short names are equal; the same one again has the same folder."""
        short, long = (self.path / "inbox" / name for name in incoming_names(delivery))
        letter = short / "letter.xml"
        return long if short.exists() and not (letter.is_file() and letter.read_bytes() == document) else short

    def _unpacked(self, delivery: DeliveryView, document: bytes, message: Message | Refused) -> dict[str, bytes]:
        laid = lay_out(message) if isinstance(message, Letter) else []
        about = words.about_text(delivery, message, self.trust.examine(document, self.now()), laid)
        unpacked = {name: file.data for name, file in laid if file.refusal is None}
        return {"letter.xml": document, "about.txt": about, **unpacked}


def _read(document: bytes) -> Message | Refused:
    try:
        return read_document(document)
    except Refused as refusal:
        return refusal


def _text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""


def _scan(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        yield from (each.name for each in entries)
