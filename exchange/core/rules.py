"""Rules on who may write to whom, as they are kept: ordered, the first that matches decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trust_store.errors import reason

BAD_RULE = reason(
    "rule-malformed",
    "This is not a rule",
    "Give a position from 1 on; *, CODE, group:CODE, kind:agency, kind:enterprise or under:CODE for sender and for receiver; "
    "allow or deny",
)
MAX_RULES: Final = 1000
MAX_POSITION: Final = 1_000_000
MAX_NOTE: Final = 200


class Ruling(StrEnum):
    """Say what a rule does."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Allow or deny whoever matches `sender` to write to whoever matches `receiver`; the lowest `position` decides."""

    position: int
    sender: str
    receiver: str
    ruling: Ruling
    note: str = ""
