"""Groups of parties: one code in To that stands for many receivers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from envelopes.edxml.syntax import read_organ_code
from exchange.core.model import PartyId
from exchange.core.particulars import check_name
from trust_store.errors import Refused, reason
from trust_store.identity import normalise

EMPTY_GROUP = reason(
    "group-empty",
    "A group has nobody who would receive the letter",
    "Name receivers by themselves, or ask the administrator of the hub who is in the group",
)
TOO_MANY_MEMBERS = reason(
    "group-too-large", "A group has more members than it may have", "Make several groups of it, 10,000 parties each"
)
GROUP_IN_USE = reason(
    "group-in-use", "A rule names this group", "Remove or change the rules that name it, then remove the group"
)
MAX_MEMBERS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Describe a group: `code` is what a letter names, in the one form of such codes, in capitals."""

    code: str
    name: str
    members: frozenset[PartyId] = frozenset()


def describe_group(code: str, name: str, members: frozenset[PartyId]) -> Group:
    """Describe a group; its code must be one that a letter can have in To/OrganId.

    Raises:
        Refused: `edxml-organ-code`, `request-malformed` for a name, or `group-too-large`.
    """
    if len(members) > MAX_MEMBERS:
        raise Refused(TOO_MANY_MEMBERS, f"There are {len(members):,} members", where="members")
    return Group(code=normalise(read_organ_code(code, "group")), name=check_name(name), members=members)
