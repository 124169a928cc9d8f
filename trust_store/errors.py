"""The one tree of errors, and the reasons that every refusal carries.

A `Reason` is declared once, beside the rule that it guards; the same object goes into a `Verdict`, a problem document, a
log line and a page, so they can never say different things.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Say why something is refused: a stable code, what the code means, and what the person can do about it."""

    code: str
    title: str
    fix: str


CATALOGUE: dict[str, Reason] = {}


def reason(code: str, title: str, fix: str) -> Reason:
    """Declare a reason; the catalogue is compared with `docs/reference/reasons.md` by a test.

    Raises:
        Misuse: the code is declared already.
    """
    if code in CATALOGUE:
        raise Misuse(f"the reason {code} is declared twice")
    CATALOGUE[code] = declared = Reason(code=code, title=title, fix=fix)
    return declared


MAX_DETAIL, MAX_WHERE = 500, 200
"""How much of what the other side wrote goes into an error, in characters."""


class CongvanError(Exception):
    """Root of everything that this product raises on purpose."""


class Misuse(CongvanError):
    """Our own code used our own code wrongly: a bug, never the other side's fault."""


class Refused(CongvanError):
    """The other side sent, asked or holds something that a rule does not allow.

    `reason` is the rule, `detail` says what failed here, `where` the element, line or field (empty when there is none).
    """

    def __init__(self, reason: Reason, detail: str = "", *, where: str = "") -> None:
        self.reason = reason
        self.detail, self.where = shorten(detail or reason.title, MAX_DETAIL), shorten(where, MAX_WHERE)
        super().__init__(f"{reason.code}: {self.detail}" + (f" ({self.where})" if where else ""))

    @property
    def text(self) -> str:
        """Tell a person what failed, where, and what to do, in one line."""
        place = f" ({self.where})" if self.where else ""
        return f"{self.detail}{place}. {self.reason.fix}"


def shorten(text: str, size: int) -> str:
    """Shorten a text that somebody else wrote, and show that it was shortened."""
    return text if len(text) <= size else text[: size - 1] + "…"
