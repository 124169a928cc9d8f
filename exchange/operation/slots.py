"""The figures of several processes as one: each writes its own into a slot of shared memory, and whoever is asked adds up.

A slot has a number before and after its bytes; they differ while it is being written, and a reader then looks again.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

SIZE: Final = 512 * 1024
EVERY: Final = 1.0
"""Seconds between two writings of a process."""
LOOKS: Final = 100
_HEAD: Final = struct.Struct("<QQ")
_ADDED: Final = frozenset({"counter", "histogram"})
_OWN_STATE: Final = frozenset(
    {
        "congvan_writer_waiting",
        "congvan_requests_working",
        "congvan_long_polls",
        "congvan_bodies_bytes",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
    }
)
"""The gauges that each process has for itself; all others say the same in every process."""


class Slots:
    """Hold a piece of shared memory for each of so many processes; made before they are forked."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._memory = mmap.mmap(-1, count * SIZE)

    def write(self, index: int, text: bytes) -> None:
        """Write the figures of a process; what has no room is left as it was."""
        start, room = index * SIZE, SIZE - _HEAD.size - 8
        if len(text) > room:
            return
        number = _HEAD.unpack_from(self._memory, start)[0] + 1
        _HEAD.pack_into(self._memory, start, number, len(text))
        self._memory[start + _HEAD.size : start + _HEAD.size + len(text)] = text
        struct.pack_into("<Q", self._memory, start + SIZE - 8, number)

    def read(self, index: int) -> bytes:
        """Read the last figures of a process; nothing when it wrote none, or writes all the time."""
        start = index * SIZE
        for _ in range(LOOKS):
            after = struct.unpack_from("<Q", self._memory, start + SIZE - 8)[0]
            number, length = _HEAD.unpack_from(self._memory, start)
            text = self._memory[start + _HEAD.size : start + _HEAD.size + min(length, SIZE)]
            if number == after == _HEAD.unpack_from(self._memory, start)[0]:
                return text
        return b""

    def others(self, index: int) -> Iterator[bytes]:
        """Read the figures of all other processes."""
        for other in range(self.count):
            if other != index:
                yield self.read(other)


class _Sum(Collector):
    """Collect families that were added up."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        """Give the families."""
        return self._families


def add_up(own: bytes, others: Iterable[bytes]) -> bytes:
    """Add the figures of other processes to those of the one that was asked; what is no sum stays as it says."""
    families = {family.name: family for family in text_string_to_metric_families(own.decode())}
    for text in others:
        for family in text_string_to_metric_families(text.decode()):
            if family.type in _ADDED or family.name in _OWN_STATE:
                families[family.name] = _joined(families.get(family.name), family)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Sum(families.values()))
    return generate_latest(registry)


def _joined(first: Metric | None, second: Metric) -> Metric:
    if first is None:
        return second
    samples = {(item.name, tuple(sorted(item.labels.items()))): item for item in first.samples}
    for item in second.samples:
        key = item.name, tuple(sorted(item.labels.items()))
        known = samples.get(key)
        samples[key] = item if known is None else Sample(item.name, item.labels, known.value + item.value)
    joined = Metric(first.name, first.documentation, first.type)
    joined.samples = list(samples.values())
    return joined
