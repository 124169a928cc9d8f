"""Connected systems: document management systems that speak for parties, authenticated by a shared secret.

A system names the parties that it speaks for, and for each whether that party is reached through it only. Its secrets are
known to its holder and, encrypted, to the hub, which must compute with them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from envelopes.signature.classify import SignatureClass
from exchange.core.model import VALID_ONLY, Kind, Party, PartyId
from exchange.core.particulars import CODE, check_name
from exchange.errors import NOT_FOUND, REQUEST
from trust_store.errors import Refused, reason

SystemId = NewType("SystemId", str)
"""What a system calls itself (`systemid`); often, but not always, the code of the agency that runs it."""

SYSTEM_EXISTS = reason(
    "system-exists",
    "This system is connected already",
    "Use 'system change' or 'system rotate', or give another systemid",
)
BAD_SECRET = reason(
    "system-secret",
    "This cannot be the secret of a system",
    "Give 12 to 200 printable ASCII characters without spaces, or none to have one made",
)
UNSIGNED: Final = frozenset({SignatureClass.NONE, SignatureClass.PLACEHOLDER, SignatureClass.WRONG_NAMESPACE})
"""What a system that may send unsigned documents may send besides validly signed ones."""
OVERLAP: Final = timedelta(hours=24)
MAX_OVERLAP: Final = timedelta(days=30)
MAX_PARTIES: Final = 5_000
_LONGEST, _SHORTEST = 200, 12


class SystemStatus(StrEnum):
    """Say whether a system may speak."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Say that a system speaks for a party; `only`: the party is reached through the dialect of such systems only."""

    party: PartyId
    only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Describe a connected system; `links` are the parties that it speaks for, `admits` the signatures it may send."""

    id: SystemId
    name: str
    status: SystemStatus = SystemStatus.ACTIVE
    admits: frozenset[SignatureClass] = VALID_ONLY
    links: tuple[Link, ...] = ()

    @property
    def parties(self) -> frozenset[PartyId]:
        """Give the parties that the system speaks for."""
        return frozenset(link.party for link in self.links)

    @property
    def credential(self) -> str:
        """Name what the system authenticates with, for records and verdicts."""
        return f"the key of system {self.id}"

    def sending(self, party: Party) -> Party:
        """Give a party as the system sends for it: which signatures are admitted is for the system to say."""
        return dataclasses.replace(party, admits=self.admits)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretState:
    """Tell of a secret what may be told: its id, since when it holds, and when it ends if it does."""

    id: str
    created_at: datetime
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """Ask for what a system may collect: of a kind, within a time, a page of it.

    Without a time it is what was not taken over yet, what failed last.
    """

    kind: Kind
    since: datetime | None = None
    until: datetime | None = None
    offset: int = 0
    limit: int = 1000


def describe_system(
    code: str,
    name: str,
    links: Iterable[Link],
    *,
    unsigned: bool = False,
    status: SystemStatus = SystemStatus.ACTIVE,
) -> System:
    """Describe a system; of two links to one party the last is taken.

    Raises:
        Refused: `request-malformed`.
    """
    if not CODE.fullmatch(code):
        raise Refused(REQUEST, "A systemid has 1 to 64 letters, digits, dots and hyphens", where="systemid")
    found = {link.party: link for link in links}
    if len(found) > MAX_PARTIES:
        raise Refused(REQUEST, f"A system speaks for at most {MAX_PARTIES:,} parties", where="agencies")
    return System(
        id=SystemId(code),
        name=check_name(name),
        status=status,
        admits=VALID_ONLY | UNSIGNED if unsigned else VALID_ONLY,
        links=tuple(found[party] for party in sorted(found)),
    )


def check_secret(secret: str) -> str:
    """Return what can be the secret of a system.

    Raises:
        Refused: `system-secret`; it does not repeat the secret.
    """
    if not (_SHORTEST <= len(secret) <= _LONGEST and secret.isascii() and secret.isprintable() and " " not in secret):
        raise Refused(BAD_SECRET)
    return secret


def check_overlap(overlap: timedelta) -> timedelta:
    """Return how long the old secret of a system may still hold.

    Raises:
        Refused: `request-malformed`.
    """
    if not timedelta() <= overlap <= MAX_OVERLAP:
        raise Refused(REQUEST, f"An overlap lasts from 0 to {MAX_OVERLAP.days} days", where="overlap")
    return overlap


def missing_system(code: str) -> Refused:
    """Make the refusal of a system that is not connected."""
    return Refused(NOT_FOUND, f"There is no system {code}")
