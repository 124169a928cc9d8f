"""A running hub with everything around it; `wiring` builds it."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.config import Home, Settings
from exchange.core.hub import Hub
from exchange.core.ports import Entropy, Registry, TrustRegistry
from exchange.core.reading import Reading
from exchange.delivery.bell import LocalBell


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Hold a running hub with everything around it."""

    hub: Hub
    reading: Reading
    registry: Registry
    trust: TrustRegistry
    bell: LocalBell
    settings: Settings
    home: Home
    entropy: Entropy
