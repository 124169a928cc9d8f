"""Read what a hub answers: its views, and its refusals as it gave them."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from exchange.api.views import Problem
from trust_store.errors import Reason, Refused, reason

UNREACHABLE = reason(
    "hub-unreachable", "The hub does not answer", "Check the address and the network; sending again is always safe"
)
T = TypeVar("T")


class HubRefused(Refused):
    """The hub refused a request: reason, detail and place as the hub gave them.

    `status` is the HTTP status; `evidence` names the hub's SubmissionRejection, empty when there is none; `rows` are what is
    wrong in a table; `verdict` has the checks of a signer who is not believed.
    """

    def __init__(self, problem: Problem) -> None:
        why = Reason(code=problem.code, title=problem.title, fix=problem.fix)
        super().__init__(why, problem.detail, where=problem.where)
        self.status, self.evidence, self.rows = problem.status, problem.evidence, problem.rows
        self.verdict = problem.verdict


def read_answer(body: bytes, kind: type[T]) -> T:
    """Read a view.

    Raises:
        Refused: `hub-unreachable`: this is not what such a hub answers.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(UNREACHABLE, "What answers at this address is not a hub of this kind") from None


def read_refusal(status: int, body: bytes) -> HubRefused:
    """Read a refusal, also one that a proxy on the way made up."""
    try:
        return HubRefused(msgspec.json.decode(body, type=Problem))
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = Problem(
            type="about:blank",
            title=UNREACHABLE.title,
            status=status,
            code=UNREACHABLE.code,
            detail=f"HTTP {status} without an explanation",
            fix=UNREACHABLE.fix,
        )
        return HubRefused(problem)
