"""Who may write to whom: the first rule that matches decides; what no rule matches is allowed.

A pattern is `*`, the code of a party, `group:CODE`, `kind:agency` or `kind:enterprise`, or `under:CODE`: that party and all
below it. Rules keep primary codes, so a party whose further codes change stays meant. All of it is decided over one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from exchange.core.model import Party
from exchange.core.rules import BAD_RULE, MAX_NOTE, MAX_POSITION, MAX_RULES, Rule, Ruling
from exchange.core.snapshot import Snapshot
from exchange.errors import NOT_FOUND
from trust_store.errors import Refused, reason
from trust_store.identity import PartyKind

MAY_NOT_WRITE = reason(
    "may-not-write",
    "The sender may not write to a receiver",
    "Leave the receiver out, or ask the administrator of the hub about the rule that is named",
)
STEP: Final = 10
"""How far behind the last rule a new one goes, so that others fit between."""
_ANYBODY, _GROUP, _KIND, _UNDER = "*", "group:", "kind:", "under:"
_ALWAYS: Final = frozenset((_ANYBODY, *(_KIND + kind for kind in PartyKind)))


def describe_rule(rule: Rule, snapshot: Snapshot) -> Rule:
    """Hold a rule to its form, and write its patterns with primary codes; position 0 is behind the last rule.

    Raises:
        Refused: `rule-malformed`, or `not-found` for a party or a group that is not registered.
    """
    position = rule.position or max((known.position for known in snapshot.rules), default=0) + STEP
    if not 1 <= position <= MAX_POSITION:
        raise Refused(BAD_RULE, f"A position is a number from 1 to {MAX_POSITION:,}", where="position")
    if len(snapshot.rules) >= MAX_RULES and position not in {known.position for known in snapshot.rules}:
        raise Refused(BAD_RULE, f"There are {MAX_RULES:,} rules already", where="position")
    if len(rule.note) > MAX_NOTE or not rule.note.isprintable():
        raise Refused(BAD_RULE, f"A note has at most {MAX_NOTE} printable characters", where="note")
    sender, receiver = read_pattern(rule.sender, snapshot), read_pattern(rule.receiver, snapshot)
    return Rule(position=position, sender=sender, receiver=receiver, ruling=rule.ruling, note=rule.note)


def read_pattern(text: str, snapshot: Snapshot) -> str:
    """Read a pattern and write it with primary codes.

    Raises:
        Refused: `rule-malformed`, or `not-found` for a party or a group that is not registered.
    """
    if text in _ALWAYS:
        return text
    if text.startswith(_GROUP):
        group = snapshot.group(text.removeprefix(_GROUP))
        if group is None:
            raise Refused(NOT_FOUND, f"There is no group {text.removeprefix(_GROUP)}", where=text)
        return _GROUP + group.code
    if ":" in text and not text.startswith(_UNDER):
        raise Refused(BAD_RULE, f"{text} is no pattern", where=text)
    party = snapshot.resolve(text.removeprefix(_UNDER))
    if party is None:
        meant = "; a group is written group:CODE" if snapshot.group(text) else ""
        raise Refused(NOT_FOUND, f"There is no party {text.removeprefix(_UNDER)}{meant}", where=text)
    return _UNDER + party.id if text.startswith(_UNDER) else party.id


def groups_of(rule: Rule) -> frozenset[str]:
    """Give the codes of the groups that a rule names."""
    patterns = (rule.sender, rule.receiver)
    return frozenset(item.removeprefix(_GROUP) for item in patterns if item.startswith(_GROUP))


def deciding(sender: Party, receiver: Party, snapshot: Snapshot) -> Rule | None:
    """Find the rule that decides whether one party may write to another; None: no rule matches, and it may."""
    return _first(_relevant(sender, snapshot), receiver, snapshot)


def denied(sender: Party, receivers: Iterable[Party], snapshot: Snapshot) -> Sequence[tuple[Party, Rule]]:
    """Find the receivers whom a sender may not write to, each with the rule that says so."""
    relevant = _relevant(sender, snapshot)
    if not relevant:
        return ()
    decided = ((receiver, _first(relevant, receiver, snapshot)) for receiver in receivers)
    return [(receiver, rule) for receiver, rule in decided if rule is not None and rule.ruling is Ruling.DENY]


def forbid(receiver: Party, rule: Rule) -> Refused:
    """Make the refusal of a letter to a receiver by a rule."""
    note = f": {rule.note}" if rule.note else ""
    return Refused(MAY_NOT_WRITE, f"{receiver.name} ({receiver.id}) by rule {rule.position}{note}", where="To/OrganId")


def _relevant(sender: Party, snapshot: Snapshot) -> Mapping[str, Rule]:
    """Find the rules for a sender: of each pattern of receivers the first."""
    found: dict[str, Rule] = {}
    own = _patterns(sender, snapshot, (rule.sender for rule in snapshot.rules)) if snapshot.rules else frozenset()
    for rule in snapshot.rules:
        if rule.sender in own:
            found.setdefault(rule.receiver, rule)
    return found


def _first(relevant: Mapping[str, Rule], receiver: Party, snapshot: Snapshot) -> Rule | None:
    matching = (relevant[item] for item in _patterns(receiver, snapshot, relevant) if item in relevant)
    return min(matching, key=lambda rule: rule.position, default=None)


def _patterns(party: Party, snapshot: Snapshot, asked: Iterable[str]) -> frozenset[str]:
    """Give every pattern that matches a party; of groups, those that are asked about."""
    groups = (item for item in asked if item.startswith(_GROUP) and _has(snapshot, item, party))
    above = (_UNDER + each for each in snapshot.lineage(party.id))
    return frozenset((_ANYBODY, party.id, _KIND + party.kind, *above, *groups))


def _has(snapshot: Snapshot, pattern: str, party: Party) -> bool:
    group = snapshot.groups.get(pattern.removeprefix(_GROUP))
    return group is not None and party.id in group.members
