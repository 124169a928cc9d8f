"""Explain a verdict as one tree of checks: as JSON values for programs and the record, and those as text for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from trust_store.verdict import Check, Outcome, Verdict

Record = dict[str, Any]
"""JSON values: strings, lists, and objects of them."""

_MARKS: Final = {
    Outcome.VALID: "ok",
    Outcome.INVALID: "FAILED",
    Outcome.UNKNOWN: "UNKNOWN",
    Outcome.UNSIGNED: "unsigned",
}
_STEP: Final = "    "


def as_record(verdict: Verdict) -> Record:
    """Write a verdict with its whole tree as JSON values.

    `at` is the clock that was judged by; `path` has the names from the signer up; `reason` and `fix` are those of a refusal.
    """
    record: Record = {
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


def as_text(record: Mapping[str, Any]) -> str:
    """Write such a record for a person: what was decided, by which clock, over which path, each check, and what to do."""
    lines = [f"{_mark(record)}: {record.get('text', '')}", f"Judged by the clock {record.get('at', '')}"]
    path = record.get("path")
    if path:
        lines.append("Certificate path: " + " <- ".join(path))
    for check in record.get("checks", ()):
        lines.extend(_lines(check, ""))
    if record.get("fix"):
        lines.append(f"What to do ({record.get('reason', '')}): {record['fix']}")
    return "\n".join(lines)


def _record(check: Check) -> Record:
    record: Record = {"name": check.name, "outcome": check.outcome, "text": check.text}
    if check.reason is not None:
        record["reason"] = check.reason.code
    if check.evidence:
        record["evidence"] = check.evidence
    if check.checks:
        record["checks"] = [_record(each) for each in check.checks]
    return record


def _lines(check: Mapping[str, Any], indent: str) -> Iterator[str]:
    yield f"{indent}[{_mark(check)}] {check.get('name', '')}: {check.get('text', '')}"
    below = check.get("checks", ())
    if check.get("evidence") and not below:
        yield f"{indent}{_STEP}evidence: {check['evidence']}"
    for each in below:
        yield from _lines(each, indent + _STEP)


def _mark(record: Mapping[str, Any]) -> str:
    outcome = record.get("outcome", "")
    return next((mark for known, mark in _MARKS.items() if known == outcome), str(outcome))
