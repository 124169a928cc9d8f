"""Building very many values that stay, without the collector of cycles walking over all of them in between."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Final

from exchange.core.ports import P, T

LARGE: Final = 10_000
"""From so many values on, building them is worth it."""
_LOCK = threading.Lock()
_BUILDING: set[object] = set()


@contextlib.contextmanager
def building() -> Iterator[None]:
    """Let the collector rest meanwhile, and afterwards pass over everything that there is now.

    A full collection over the parties of a country stops every thread for most of a second. None of these values is part of a
    cycle, so counting references frees them when they are no longer used, whatever the collector knows of them.
    """
    me = object()
    with _LOCK:
        _BUILDING.add(me)
        gc.disable()
    try:
        yield
    finally:
        with _LOCK:
            gc.freeze()
            _BUILDING.discard(me)
            if not _BUILDING:
                gc.enable()


def in_bulk(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Do work that builds very many values."""
    with building():
        return work(*args, **named)
