"""The secrets of connected systems: made by the hub or taken over, shown once, replaced with an overlap."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Final

from exchange.core.audit import Author
from exchange.core.ports import Entropy, Systems
from exchange.core.systems import OVERLAP, System, SystemId, check_overlap, check_secret

_SECRET_BYTES: Final = 32


async def connect(systems: Systems, entropy: Entropy, by: Author, system: System, given: str = "") -> str:
    """Connect a system and return its secret, which nobody is shown again; `given` takes one over that is known already.

    Raises:
        Refused: `system-exists`, `system-secret`, or `not-found` for a party.
    """
    secret = check_secret(given) if given else draw_secret(entropy)
    await systems.connect(system, secret, by)
    return secret


async def rotate(
    systems: Systems, entropy: Entropy, by: Author, system: SystemId, overlap: timedelta = OVERLAP
) -> tuple[str, datetime]:
    """Give a system a new secret; return it, and when those before end.

    Raises:
        Refused: `not-found`, or `request-malformed` for the overlap.
    """
    until, secret = by.at + check_overlap(overlap), draw_secret(entropy)
    await systems.rotate(system, secret, until, by)
    return secret, until


def draw_secret(entropy: Entropy) -> str:
    """Draw a secret of 256 random bits, of letters and digits that every properties file takes."""
    return base64.b32encode(entropy.draw(_SECRET_BYTES)).decode().rstrip("=").lower()
