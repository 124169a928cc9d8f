"""Everything that moves a document at one receiver: one table, from (state, event) to the next state.

An event is one of the nine status codes, or the arrival of a document that revokes, updates or replaces this one.
Receivers skip steps and notices overtake each other, so a known event that the table does not foresee is recorded,
forwarded and flagged as irregular; only impossible actors are refused (see `routing`). The diagram in
docs/explanation/life-cycle.md is drawn from this table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from envelopes.edxml import BusinessType, StatusCode


class State(StrEnum):
    """Say where a document stands at one receiver."""

    SENT = "sent"
    ARRIVED = "arrived"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    RECALL_ASKED = "recall-asked"
    REVOKE_ASKED = "revoke-asked"
    UPDATE_ASKED = "update-asked"
    REPLACE_ASKED = "replace-asked"
    KEPT = "kept"
    UPDATED = "updated"
    RECALLED = "recalled"
    REPLACED = "replaced"
    ASKING = "asking"
    AGREED = "agreed"
    DECLINED = "declined"


class Asked(StrEnum):
    """Say what a sender asks about a document that is out: by a document of type 1, 2 or 3, or by status code 13."""

    REVOKE = "revoke"
    UPDATE = "update"
    REPLACE = "replace"
    RECALL = "recall"


Event = StatusCode | Asked

ASKED_BY: Final = {
    BusinessType.REVOKE: Asked.REVOKE,
    BusinessType.UPDATE: Asked.UPDATE,
    BusinessType.REPLACE: Asked.REPLACE,
}
ANSWERS: Final = frozenset({StatusCode.AGREED, StatusCode.DISAGREED})
CLOSED: Final = frozenset({State.RECALLED, State.REPLACED, State.AGREED, State.DECLINED})
GONE: Final = frozenset({State.REFUSED, State.RECALLED})
"""Here the receiver has given the document back: what changes the document later no longer concerns it."""

_BY_CODE: Final = {
    StatusCode.ARRIVED: State.ARRIVED,
    StatusCode.REFUSED: State.REFUSED,
    StatusCode.ACCEPTED: State.ACCEPTED,
    StatusCode.ASSIGNED: State.ASSIGNED,
    StatusCode.IN_PROGRESS: State.IN_PROGRESS,
    StatusCode.COMPLETED: State.COMPLETED,
}
_FORWARD: Final = {
    State.SENT: (StatusCode.ARRIVED, StatusCode.REFUSED, StatusCode.ACCEPTED),
    State.ARRIVED: (StatusCode.REFUSED, StatusCode.ACCEPTED),
    State.ACCEPTED: (StatusCode.ASSIGNED, StatusCode.IN_PROGRESS, StatusCode.COMPLETED),
    State.ASSIGNED: (StatusCode.IN_PROGRESS, StatusCode.COMPLETED),
    State.IN_PROGRESS: (StatusCode.COMPLETED,),
    State.KEPT: (StatusCode.ACCEPTED, StatusCode.ASSIGNED, StatusCode.IN_PROGRESS, StatusCode.COMPLETED),
    State.UPDATED: tuple(_BY_CODE),
}
_PENDING: Final = {
    Asked.RECALL: (State.RECALL_ASKED, State.RECALLED),
    Asked.REVOKE: (State.REVOKE_ASKED, State.RECALLED),
    Asked.UPDATE: (State.UPDATE_ASKED, State.UPDATED),
    Asked.REPLACE: (State.REPLACE_ASKED, State.REPLACED),
}
_OPEN: Final = (*_BY_CODE.values(), State.SENT, State.KEPT, State.UPDATED)

NEXT: Final[dict[tuple[State, Event], State]] = {
    **{(state, code): _BY_CODE[code] for state, codes in _FORWARD.items() for code in codes},
    **{(state, asked): pending for asked, (pending, _) in _PENDING.items() for state in _OPEN},
    **{(pending, StatusCode.AGREED): done for pending, done in _PENDING.values()},
    **{(pending, StatusCode.DISAGREED): State.KEPT for pending, _ in _PENDING.values()},
    # A second request overtakes the first: the receiver answers both at once.
    **{(first, asked): pending for first, _ in _PENDING.values() for asked, (pending, _) in _PENDING.items()},
    # A document that only asks is not worked on; it is answered.
    (State.ASKING, StatusCode.ARRIVED): State.ASKING,
    (State.ASKING, StatusCode.ACCEPTED): State.ASKING,
    (State.ASKING, StatusCode.AGREED): State.AGREED,
    (State.ASKING, StatusCode.DISAGREED): State.DECLINED,
}


def begin(business: BusinessType) -> State:
    """Return the state in which a document of this type starts at each receiver."""
    return State.ASKING if business in {BusinessType.REVOKE, BusinessType.UPDATE} else State.SENT


def event_of(code: StatusCode) -> Event:
    """Return the event that a status code is: 13 asks to give the document back."""
    return Asked.RECALL if code is StatusCode.RECALL_REQUESTED else code


def advance(state: State, event: Event) -> tuple[State, bool]:
    """Return the state after an event, and whether that step is irregular.

    An unforeseen code sets the state it stands for, but never ends a request that waits for its answer, nor reopens what
    is closed.
    """
    foreseen = NEXT.get((state, event))
    if foreseen is not None:
        return foreseen, False
    settled = state in CLOSED or state is State.ASKING or any(state is pending for pending, _ in _PENDING.values())
    plain = _BY_CODE.get(event) if isinstance(event, StatusCode) else None
    return state if settled or plain is None else plain, True


def diagram() -> str:
    """Draw the table as a Mermaid state diagram; one line a step, the codes that share it together."""
    steps: dict[tuple[State, State], list[str]] = {}
    for (state, event), following in NEXT.items():
        steps.setdefault((state, following), []).append(str(event))
    lines = ["stateDiagram-v2", "    [*] --> sent", "    [*] --> asking"]
    lines += [f"    {_mark(one)} --> {_mark(two)}: {', '.join(sorted(events))}" for (one, two), events in steps.items()]
    lines += [f"    {_mark(state)} --> [*]" for state in State if state in CLOSED]
    return "\n".join(lines)


def _mark(state: State) -> str:
    return state.replace("-", "_")
