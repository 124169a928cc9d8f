"""A large table of which a few entries changed: the change lies over what is shared, and nothing large is copied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

K = TypeVar("K")
V = TypeVar("V")
FEW: Final = 1000
"""How many changes lie over a table before all of it is copied, so that a look-up is never more than two."""


class Layers(Mapping[K, V]):
    """Show a table as it is with some entries changed and some gone; entries that changed come last."""

    __slots__ = ("_below", "_gone", "_over")

    def __init__(self, below: Mapping[K, V], over: Mapping[K, V], gone: frozenset[K]) -> None:
        self._below, self._over, self._gone = below, over, gone

    def __getitem__(self, key: K) -> V:
        if key in self._over:
            return self._over[key]
        if key in self._gone:
            raise KeyError(key)
        return self._below[key]

    def __iter__(self) -> Iterator[K]:
        hidden = self._gone | self._over.keys()
        yield from (key for key in self._below if key not in hidden)
        yield from self._over

    def __len__(self) -> int:
        return len(self._below) + len(self._over) - sum(key in self._below for key in self._gone | self._over.keys())

    def with_changes(self, changed: Mapping[K, V], gone: Iterable[K]) -> Mapping[K, V]:
        """Put further changes over it; see `lay`."""
        left = frozenset(gone) - changed.keys()
        over = {key: value for key, value in self._over.items() if key not in left}
        over.update(changed)
        hidden = (self._gone | left) - changed.keys()
        if len(over) + len(hidden) > FEW:
            return dict(Layers(self._below, over, hidden))
        return Layers(self._below, over, hidden)


def lay(changed: Mapping[K, V], gone: Iterable[K], over: Mapping[K, V]) -> Mapping[K, V]:
    """Give a table with these entries changed; what is gone and not changed is no longer in it."""
    below = over if isinstance(over, Layers) else Layers(over, {}, frozenset())
    return below.with_changes(changed, gone)
