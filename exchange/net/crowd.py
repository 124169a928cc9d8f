"""Count the connections, all of them and those of each address."""

from __future__ import annotations

from collections import Counter

from exchange.errors import Later
from exchange.net.limits import Limits
from exchange.net.origin import is_proxy, origin, read_proxies
from trust_store.errors import reason

CROWDED = reason(
    "too-many-connections", "Too many connections are open", "Use the open connections again, and close the others"
)
AGAIN_SECONDS = 5.0


class Crowd:
    """Know who is connected; a trusted proxy may hold as many connections as the hub takes."""

    def __init__(self, limits: Limits, most: int) -> None:
        self._most, self._each = min(most, limits.max_connections), limits.connections_per_address
        self._proxies = read_proxies(limits.trusted_proxies)
        self._present: Counter[str] = Counter()
        self.size = 0

    def enter(self, address: str) -> str:
        """Count a connection in, and return the name to count it out with.

        Raises:
            Later: `too-many-connections`.
        """
        who = origin(address)
        if self.size >= self._most:
            raise Later(CROWDED, f"The hub has {self.size} connections open", AGAIN_SECONDS)
        if self._present[who] >= self._each and not is_proxy(address, self._proxies):
            raise Later(CROWDED, f"{who} has {self._present[who]} connections open", AGAIN_SECONDS)
        self._present[who] += 1
        self.size += 1
        return who

    def leave(self, who: str) -> None:
        """Count a connection out."""
        self.size -= 1
        self._present[who] -= 1
        if not self._present[who]:
            del self._present[who]
