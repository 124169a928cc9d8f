"""Rehearse what may be costly in a process that can be killed, before this process does the same in a thread that cannot."""

from __future__ import annotations

import msgspec

from exchange.bounded import BoundedProcesses
from trust_store.errors import CATALOGUE, Refused, reason

TOO_COSTLY = reason(
    "too-costly",
    "The document takes more time or memory to check than any honest one",
    "Write the document more simply: fewer elements, attributes, namespaces and references",
)
SIZE, ELEMENTS, NAMESPACES, REFERENCES = 1024 * 1024, 20_000, 1_000, 10
"""What a document has at most to be usual: bytes, `<`, `xmlns` and `Reference`."""


def is_unusual(data: bytes) -> bool:
    """Tell, by counting bytes, whether a document may be more costly to open than it looks."""
    if len(data) > SIZE or b"\0" in data[:4]:
        return True
    counts = ((b"<", ELEMENTS), (b"xmlns", NAMESPACES), (b"Reference", REFERENCES))
    return any(data.count(mark) > most for mark, most in counts)


class ProcessRehearsal(BoundedProcesses):
    """Rehearse in a few processes; see `ports.Rehearsal`."""

    def __init__(self, seconds: float, processes: int = 2) -> None:
        super().__init__("exchange.rehearsal_process", seconds, TOO_COSTLY, processes)

    async def rehearse(self, data: bytes) -> None:
        """Go on only if opening the bytes ends in time; usual ones are not rehearsed."""
        if not is_unusual(data):
            return
        answer = await self.perform(data)
        if answer:
            code, detail, where = msgspec.json.decode(answer, type=tuple[str, str, str])
            raise Refused(CATALOGUE[code], detail, where=where)
