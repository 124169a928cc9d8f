"""Everything that moves a document at one receiver: one table, from (state, status code) to the next state.

Receivers skip steps and notices overtake each other, so a known code that the table does not foresee is recorded,
forwarded and flagged as irregular; only impossible actors are refused (see `routing`).
"""

from __future__ import annotations

from typing import Final

from envelopes.edxml import BusinessType, StatusCode

SENT: Final = ""
"""Nothing was heard from the receiver yet."""

_ARRIVED, _REFUSED, _ACCEPTED = StatusCode.ARRIVED, StatusCode.REFUSED, StatusCode.ACCEPTED
_ASSIGNED, _IN_PROGRESS, _COMPLETED = StatusCode.ASSIGNED, StatusCode.IN_PROGRESS, StatusCode.COMPLETED
_RECALL, _AGREED, _DISAGREED = StatusCode.RECALL_REQUESTED, StatusCode.AGREED, StatusCode.DISAGREED

NEXT: Final[dict[tuple[str, StatusCode], str]] = {
    (SENT, _ARRIVED): _ARRIVED,
    (SENT, _REFUSED): _REFUSED,
    (SENT, _ACCEPTED): _ACCEPTED,
    (_ARRIVED, _REFUSED): _REFUSED,
    (_ARRIVED, _ACCEPTED): _ACCEPTED,
    (_ACCEPTED, _ASSIGNED): _ASSIGNED,
    (_ACCEPTED, _IN_PROGRESS): _IN_PROGRESS,
    (_ACCEPTED, _COMPLETED): _COMPLETED,
    (_ASSIGNED, _IN_PROGRESS): _IN_PROGRESS,
    (_ASSIGNED, _COMPLETED): _COMPLETED,
    (_IN_PROGRESS, _COMPLETED): _COMPLETED,
    **{(state, _RECALL): _RECALL for state in (SENT, _ARRIVED, _REFUSED, _ACCEPTED, _ASSIGNED, _IN_PROGRESS)},
    (_COMPLETED, _RECALL): _RECALL,
    (_DISAGREED, _RECALL): _RECALL,
    (_RECALL, _AGREED): _AGREED,
    (_RECALL, _DISAGREED): _DISAGREED,
}


ASKING: Final = frozenset({BusinessType.REVOKE, BusinessType.UPDATE})
"""Letters that themselves ask the receiver to agree, as a request for recall does."""

NEXT_ASKED: Final[dict[tuple[str, StatusCode], str]] = {
    (state, answer): answer for state in (SENT, _ARRIVED) for answer in (_AGREED, _DISAGREED)
}


def advance(state: str, code: StatusCode, *, asks: bool = False) -> tuple[str, bool]:
    """Return the state after a status code, and whether that step is irregular; `asks`: the letter asks by itself."""
    foreseen = NEXT.get((state, code)) or (NEXT_ASKED.get((state, code)) if asks else None)
    return foreseen if foreseen is not None else code, foreseen is None
