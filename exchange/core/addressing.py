"""Whom the codes in a letter's To stand for: parties, and groups of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from exchange.core.groups import EMPTY_GROUP, Group
from exchange.core.model import Party, PartyStatus
from exchange.core.snapshot import Snapshot
from exchange.errors import RECEIVER_SUSPENDED, UNKNOWN_RECEIVER
from trust_store.errors import Refused, reason
from trust_store.identity import doubt

TOO_MANY_RECEIVERS = reason(
    "receivers-too-many", "A letter has more receivers than the hub can attest at once", "Send it to smaller groups"
)
MAX_RECEIVERS: Final = 600
"""How many parties one letter may reach. The evidence of each names all of them, so it grows with the square: 60 MB for 600.

So one letter reaches the 586 districts and communes of Thanh Hóa.
"""
_PLACE: Final = "To/OrganId"


def expand(codes: Iterable[str], sender: Party, snapshot: Snapshot) -> tuple[Party, ...]:
    """Find the receivers that codes name, each once; a group stands for its active members without the sender.

    Raises:
        Refused: a code is unknown, who is named is suspended, a group has nobody, or they are too many.
    """
    found: dict[str, Party] = {}
    for code in codes:
        group = snapshot.group(code)
        for party in _members(group, sender, snapshot) if group else (addressed(code, snapshot),):
            found.setdefault(party.id, party)
        check_crowd(len(found), f"those of {code}")
    return tuple(found.values())


def check_crowd(count: int, those: str) -> None:
    """Refuse more receivers than one letter may reach; `those` are the last ones that were counted.

    Raises:
        Refused: `receivers-too-many`.
    """
    if count > MAX_RECEIVERS:
        text = f"The letter has more than {MAX_RECEIVERS:,} receivers with {those}"
        raise Refused(TOO_MANY_RECEIVERS, text, where=_PLACE)


def addressed(code: str, snapshot: Snapshot) -> Party:
    """Find the one party that a code names.

    Raises:
        Refused: `receiver-unknown` or `receiver-suspended`.
    """
    party = snapshot.resolve(code)
    if party is None:
        raise Refused(UNKNOWN_RECEIVER, f"{code} is not registered{doubt(code)}", where=_PLACE)
    if party.status is PartyStatus.SUSPENDED:
        raise Refused(RECEIVER_SUSPENDED, f"{party.name} ({code}) is suspended and receives nothing", where=_PLACE)
    return party


def _members(group: Group, sender: Party, snapshot: Snapshot) -> Sequence[Party]:
    members = (snapshot.parties[each] for each in sorted(group.members - {sender.id}))
    active = [party for party in members if party.status is PartyStatus.ACTIVE]
    if not active:
        raise Refused(EMPTY_GROUP, f"{group.name} ({group.code}) has no active member but the sender", where=_PLACE)
    return active
