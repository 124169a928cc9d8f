"""Explain a verdict as one tree of checks: for a person as text, for programs and the record as JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from trust_store.verdict import Check, Outcome, Verdict

Json: TypeAlias = str | list["Json"] | dict[str, "Json"]

_MARKS: Final = {
    Outcome.VALID: "ok",
    Outcome.INVALID: "FAILED",
    Outcome.UNKNOWN: "UNKNOWN",
    Outcome.UNSIGNED: "unsigned",
}
_STEP: Final = "    "


def as_record(verdict: Verdict) -> dict[str, Json]:
    """Write a verdict with its whole tree as JSON values.

    `at` is the clock that was judged by; `path` has the names from the signer up; `reason` and `fix` are those of a refusal.
    """
    record: dict[str, Json] = {
        "outcome": verdict.outcome,
        "text": verdict.text,
        "at": verdict.at.isoformat(),
        "certificate": verdict.certificate,
        "path": list(verdict.path),
        "checks": [_record(each) for each in verdict.checks],
    }
    if verdict.reason is not None:
        record |= {"reason": verdict.reason.code, "fix": verdict.reason.fix}
    return record


def as_text(verdict: Verdict) -> str:
    """Write a verdict for a person: what was decided, by which clock, over which path, each check, and what to do."""
    lines = [f"{_MARKS[verdict.outcome]}: {verdict.text}", f"Judged at {verdict.at:%Y-%m-%d %H:%M:%S} UTC"]
    if verdict.path:
        lines.append("Certificate path: " + " <- ".join(verdict.path))
    for check in verdict.checks:
        lines.extend(_lines(check, ""))
    if verdict.reason is not None:
        lines.append(f"What to do ({verdict.reason.code}): {verdict.reason.fix}")
    return "\n".join(lines)


def _record(check: Check) -> dict[str, Json]:
    record: dict[str, Json] = {"name": check.name, "outcome": check.outcome, "text": check.text}
    if check.reason is not None:
        record["reason"] = check.reason.code
    if check.evidence:
        record["evidence"] = check.evidence
    if check.checks:
        record["checks"] = [_record(each) for each in check.checks]
    return record


def _lines(check: Check, indent: str) -> Iterator[str]:
    yield f"{indent}[{_MARKS[check.outcome]}] {check.name}: {check.text}"
    if check.evidence and not check.checks:
        yield f"{indent}{_STEP}evidence: {check.evidence}"
    for each in check.checks:
        yield from _lines(each, indent + _STEP)
