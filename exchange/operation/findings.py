"""What a doctor finds: each kind of finding is declared once, with how bad it is and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trust_store.errors import Misuse


class Severity(StrEnum):
    """Say how bad a finding is: an error loses or endangers something, a warning will, a note is only told."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Describe a kind of finding; docs/howto/operate-a-hub.md lists them all."""

    name: str
    severity: Severity
    fix: str

    def broken(self, text: str, subject: str = "") -> Finding:
        """Say that something breaks the rule."""
        return Finding(rule=self, text=text, subject=subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Say what is wrong: `subject` names the file, message, party or row."""

    rule: Rule
    text: str
    subject: str = ""


RULES: dict[str, Rule] = {}


def rule(name: str, severity: Severity, fix: str) -> Rule:
    """Declare a kind of finding.

    Raises:
        Misuse: the name is declared already.
    """
    if name in RULES:
        raise Misuse(f"the rule {name} is declared twice")
    RULES[name] = declared = Rule(name=name, severity=severity, fix=fix)
    return declared
