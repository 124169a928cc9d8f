"""What the exchange needs of the machine: time, chance, hands, and a place for bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from envelopes.inside.facts import Facts, FileKind
from exchange.core.model import PartyId

P = ParamSpec("P")
T = TypeVar("T")


class Clock(Protocol):
    """Tell the time."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        ...


class Entropy(Protocol):
    """Give bytes that nobody can guess."""

    def draw(self, count: int) -> bytes:
        """Return `count` random bytes."""
        ...


class Workers(Protocol):
    """Do heavy work without holding up the event loop."""

    async def run(self, weight: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work`; `weight` is the size of what it works on, in bytes, and decides where it runs."""
        ...

    async def wait(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` that waits for a device, which does one thing at a time, beside everything else."""
        ...


class Rehearsal(Protocol):
    """Try in a process that can be killed what may take too long."""

    async def rehearse(self, data: bytes) -> None:
        """Return when opening a message of these bytes is known to end in time; `Refused` (too-costly) otherwise.

        A refusal that opening would give may be raised at once.
        """
        ...


class Inspector(Protocol):
    """Look into attached files for signatures of their own, where whatever they do can be stopped."""

    async def inspect(self, kind: FileKind, digest: str, data: bytes) -> Facts:
        """Tell what there is of signatures in the file with this SHA-256 (hex); what cannot be told is a fault in it."""
        ...

    def room(self) -> AbstractAsyncContextManager[None]:
        """Have room for the files of one message in memory; others wait until they do."""
        ...


class Progress(Protocol):
    """Hear which numbered step of a path was passed: for tracing, and for tests that crash there."""

    def passed(self, step: str) -> None:
        """Note a step such as `submit.4-keep`."""
        ...


class Blobs(Protocol):
    """Keep bytes under their SHA-256 (hex)."""

    async def put(self, digest: str, data: bytes) -> None:
        """Keep the bytes; on return they survive a power cut. Putting the same again changes nothing."""
        ...

    async def get(self, digest: str) -> bytes:
        """Return the bytes, checked against the digest; `Refused` (not-found, storage-damaged) otherwise."""
        ...

    async def size(self, digest: str) -> int:
        """Tell how many bytes are kept; `Refused` (not-found) when there are none."""
        ...

    def stream(self, digest: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Give the bytes from `start` to before `end` piece by piece, not compared with the digest.

        `Refused`: not-found, or storage-damaged, before the first piece when not so many are there.
        """
        ...

    async def adopt(self, path: Path, digest: str) -> None:
        """Keep a whole file whose digest was checked; on return it survives a power cut. It keeps its own name too."""
        ...

    async def before(self, moment: datetime) -> Sequence[str]:
        """List the digests that were last put before a moment."""
        ...

    async def discard(self, digest: str, before: datetime) -> bool:
        """Forget the bytes unless they were put again since `before`; tell whether they are gone by this."""
        ...


class Bell(Protocol):
    """Wake readers; only a hint, the mailbox is the truth."""

    def ring(self, receiver: PartyId) -> None:
        """Wake everybody who listens for this receiver."""
        ...

    def listen(self, receiver: PartyId) -> AbstractContextManager[Listener]:
        """Start to listen: a ring from now on is not missed."""
        ...


class Listener(Protocol):
    """Wait for a ring."""

    async def wait(self, seconds: float) -> None:
        """Return at the first ring since listening began, or when the time is over."""
        ...
