"""What an adapter is: a program at the edge between one hub and one local system, which stands behind the port `Local`.

`courier` runs it, `sending` and `receiving` are the two ways, `spool` is what it must not forget.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog

from adapters.spool import Spool, key_of
from exchange.client import (
    UNREACHABLE,
    Client,
    DeliveryView,
    HubRefused,
    Message,
    MomentView,
    Refused,
    SubmissionView,
    Trust,
    read_document,
    reason,
)

LOCAL_FAILURE = reason(
    "local-system-failed",
    "The local side of the adapter could not read or write",
    "Look at free space, permissions and whether the disk is there; the adapter goes on by itself",
)
EVERYWHERE = frozenset({401, 403})
"""The answers that the next request would get as well."""
STEPS = (
    "send.1-compose",
    "send.2-keep",
    "send.3-submit",
    "send.4-note",
    "send.5-record",
    "receive.1-lease",
    "receive.2-fetch",
    "receive.3-hand-over",
    "receive.4-mark",
    "receive.5-acknowledge",
    "receive.6-record",
)
"""What is passed on the way of one document, in order."""
_LOG = structlog.get_logger("congvan.adapter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Tell why a document was not sent: the refusal, the signed bytes if there were any, the hub's sealed rejection."""

    refusal: Refused
    document: bytes = b""
    rejection: bytes = b""


class Local(Protocol):
    """Stand for the local system: all that differs between adapters. Every method may be called again after a crash.

    What a method wrote has lasted when it returns. `Refused` from `compose` is about that document; `KeyFails` from it,
    and `OSError` from any method, mean "not now".
    """

    def outgoing(self) -> Sequence[str]:
        """Name what waits to be sent, oldest first; a name stands for the same thing until its outcome is recorded."""
        ...

    def compose(self, name: str, sender: str) -> bytes:
        """Translate one into a signed document of the sender."""
        ...

    def record_receipt(self, name: str, document: bytes, submission: SubmissionView) -> None:
        """Record that the hub took it on; the receipt is verified. It is no longer outgoing."""
        ...

    def record_failure(self, name: str, failure: Failure) -> None:
        """Record that it will not be sent, and why. It is no longer outgoing."""
        ...

    def record_event(self, name: str, moment: MomentView, receipt: bytes) -> None:
        """Record what happened to a letter that was sent, with the verified receipt."""
        ...

    def hand_over(self, delivery: DeliveryView, document: bytes, about: str) -> None:
        """Take a document in; `about` names the letter sent from here that a status notice is about, or is empty."""
        ...

    def record_handover(self, delivery: DeliveryView, receipt: bytes, about: str) -> None:
        """Record the verified receipt of the hand-over."""
        ...

    def report(self, trouble: Refused | None) -> None:
        """Tell people what keeps the adapter from working, or that nothing does."""
        ...


class Progress(Protocol):
    """Hear of the steps that were passed."""

    def passed(self, step: str) -> None:
        """Note a step."""
        ...


class LoggedProgress:
    """Write each step to the log, at debug level."""

    def passed(self, step: str) -> None:
        """Note a step."""
        _LOG.debug("passed", step=step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Say how often and how long, in seconds.

    Look for what is new every `poll`; retry after `least` at first and `most` at last; ask what became of a letter after
    `news` at first and `seldom` at last.
    """

    poll: float = 2.0
    news: float = 5.0
    lease: float = 60.0
    least: float = 1.0
    most: float = 60.0
    batch: int = 10
    seldom: float = 3600.0

    def delay(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row: doubled each time, bounded, a little scattered."""
        if not failures:
            return 0.0
        return float(min(self.most, self.least * 2 ** min(failures - 1, 20)) * random.uniform(0.8, 1.0))  # noqa: S311


def _now() -> datetime:
    return datetime.now(UTC)


def read(document: bytes) -> Message | None:
    """Read edXML, or give None: what the hub lets pass and is not readable here must travel all the same."""
    try:
        return read_document(document)
    except Refused:
        return None


@dataclass(kw_only=True)
class Desk:
    """Hold what both ways work with, and collect what went wrong in a round."""

    client: Client
    local: Local
    spool: Spool
    trust: Trust
    pace: Pace = field(default_factory=Pace)
    progress: Progress = field(default_factory=LoggedProgress)
    now: Callable[[], datetime] = _now
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    due: dict[str, datetime] = field(default_factory=dict)
    troubles: list[Refused] = field(default_factory=list)

    @contextmanager
    def tolerate(self) -> Iterator[None]:
        """Note what is worth another try later, and go on with the next document.

        Raises:
            Refused: the hub does not answer, or knows or admits this party no more: nothing else would go better now.
        """
        try:
            yield
        except OSError as error:
            place = Path(str(error.filename or "")).name
            self.note(Refused(LOCAL_FAILURE, f"The local side failed: {error.strerror or error}", where=place))
        except HubRefused as refusal:
            if refusal.status in EVERYWHERE or refusal.reason.code == UNREACHABLE.code:
                raise
            self.note(refusal)
        except Refused as refusal:
            if refusal.reason is UNREACHABLE:
                raise
            self.note(refusal)

    def watch(self, message_id: str) -> None:
        """Await news of a letter, from now on."""
        self.spool.watch(message_id)
        self.due.pop(key_of(message_id), None)

    def forget(self, message_id: str) -> None:
        """Await no more news of a letter."""
        self.spool.unwatch(message_id)
        self.due.pop(key_of(message_id), None)

    def note(self, trouble: Refused) -> None:
        """Collect a trouble and log it with the words that people are told."""
        _LOG.warning("trouble", code=trouble.reason.code, detail=trouble.detail, where=trouble.where)
        self.troubles.append(trouble)
