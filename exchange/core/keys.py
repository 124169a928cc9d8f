"""The hub's own keys, past, present and announced, and which of them seals what was stated at a moment.

A key is announced before it is used: every process of the hub knows of it by the moment from which it signs. So which key
seals a statement follows from the statement's own moment, whoever seals it and when: the same statement is sealed to the same
receipt before, during and after a change of keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trust_store.certificate import Certificate
from trust_store.errors import Refused, reason

NO_HUB_KEY = reason("hub-key-none", "The hub has no key to sign with", "Make one: congvan hub key rotate")
ANNOUNCED = reason(
    "hub-key-announced",
    "Another key of the hub is announced already",
    "Wait until it signs, or retire it: congvan hub key list, congvan hub key retire",
)
LAST = reason(
    "hub-key-last",
    "The hub would have no key left to sign with",
    "Announce its successor first, which then signs at once: congvan hub key rotate",
)
TOO_SOON = reason(
    "hub-key-too-soon",
    "The key would sign before every process of the hub knows of it",
    "Give a moment that is some seconds from now, or none",
)
LEAD: Final = timedelta(seconds=5)
"""How long before it signs a key is announced at least; many times as long as a process takes to hear of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubKey:
    """Know a key of the hub by its certificate and the authorities above that.

    `place` is the name of the private key, a path seen from the hub's folder or a PKCS#11 URI. It seals what is stated from
    `since` on, until its successor does. One that is retired signs nothing more; whatever it signed from `compromised_from`
    on proves nothing.
    """

    certificate: Certificate
    chain: tuple[Certificate, ...]
    place: str
    since: datetime
    retired_at: datetime | None = None
    compromised_from: datetime | None = None
    why: str = ""


def choose(keys: Sequence[HubKey], at: datetime) -> HubKey:
    """Choose the key that seals what was stated at a moment: the last that had begun, or else the first there is.

    Raises:
        Refused: `hub-key-none`.
    """
    usable = [key for key in keys if key.retired_at is None]
    if not usable:
        raise Refused(NO_HUB_KEY)
    begun = [key for key in usable if key.since <= at]
    return max(begun, key=_order) if begun else min(usable, key=_order)


def ended_at(keys: Sequence[HubKey], key: HubKey) -> datetime | None:
    """Tell when a key was, or will be, followed by another or retired; None while nothing is announced."""
    later = [each.since for each in keys if each.since > key.since and each.retired_at is None]
    return min([*later, *([key.retired_at] if key.retired_at else [])], default=None)


def _order(key: HubKey) -> tuple[datetime, str]:
    return key.since, key.certificate.fingerprint
