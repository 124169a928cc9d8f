"""Groups, and rules on who may write to whom, in their tables."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import bindparam, delete, insert, select

from exchange.core.audit import AuditEvent, Author
from exchange.core.groups import GROUP_IN_USE, Group
from exchange.core.model import PartyId
from exchange.core.particulars import refuse_own_code
from exchange.core.rules import Rule, Ruling
from exchange.core.writing import groups_of
from exchange.errors import CODE_TAKEN, NOT_FOUND
from exchange.storage.parties import is_registered, note, owner_of
from exchange.storage.schema import GROUP_MEMBERS, GROUPS, WRITING_RULES
from exchange.storage.session import Session
from trust_store.errors import Refused

_G, _M, _R = GROUPS.c, GROUP_MEMBERS.c, WRITING_RULES.c
_GROUPS = select(_G.code, _G.name).order_by(_G.code)
_GROUP = select(_G.name).where(_G.code == bindparam("code"))
_MEMBERS = select(_M.group_code, _M.party)
_INSERT_GROUP = insert(GROUPS)
_INSERT_MEMBER = insert(GROUP_MEMBERS)
_DELETE_GROUP = delete(GROUPS).where(_G.code == bindparam("which"))
_DELETE_MEMBERS = delete(GROUP_MEMBERS).where(_M.group_code == bindparam("which"))
_RULES = select(_R.position, _R.sender, _R.receiver, _R.effect, _R.note).order_by(_R.position)
_RULE = select(_R.position).where(_R.position == bindparam("position"))
_INSERT_RULE = insert(WRITING_RULES)
_DELETE_RULE = delete(WRITING_RULES).where(_R.position == bindparam("which"))


def read_groups(session: Session) -> dict[str, Group]:
    """Read all groups by their codes."""
    members: dict[str, set[PartyId]] = defaultdict(set)
    for code, party in session.rows(_MEMBERS):
        members[code].add(party)
    return {code: Group(code=code, name=name, members=frozenset(members[code])) for code, name in session.rows(_GROUPS)}


def read_rules(session: Session) -> tuple[Rule, ...]:
    """Read all rules in their order."""
    return tuple(
        Rule(position=position, sender=sender, receiver=receiver, ruling=Ruling(effect), note=text)
        for position, sender, receiver, effect, text in session.rows(_RULES)
    )


def write_group(session: Session, group: Group, own: str, by: Author) -> None:
    """Make a group or change it whole.

    Raises:
        Refused: `code-taken`, or `not-found` for a member.
    """
    refuse_own_code([group.code], own)
    if owner_of(session, group.code) is not None:
        raise Refused(CODE_TAKEN, f"{group.code} is the code of a party")
    _erase(session, group.code)
    session.rows(_INSERT_GROUP, code=group.code, name=group.name)
    for member in sorted(group.members):
        if not is_registered(session, member):
            raise Refused(NOT_FOUND, f"There is no party {member}", where="members")
        session.rows(_INSERT_MEMBER, group_code=group.code, party=member)
    note(session, AuditEvent.GROUP_CHANGED, group.code, f"{group.name}, {len(group.members)} members", by)


def erase_group(session: Session, code: str, by: Author) -> None:
    """Remove a group.

    Raises:
        Refused: `not-found`, or `group-in-use`.
    """
    found = session.rows(_GROUP, code=code)
    if not found:
        raise Refused(NOT_FOUND, f"There is no group {code}")
    naming = [str(rule.position) for rule in read_rules(session) if code in groups_of(rule)]
    if naming:
        raise Refused(GROUP_IN_USE, f"{code} is named by rule {', '.join(naming)}")
    _erase(session, code)
    note(session, AuditEvent.GROUP_REMOVED, code, found[0][0], by)


def write_rule(session: Session, rule: Rule, by: Author) -> None:
    """Put a rule at its position.

    Raises:
        Refused: `not-found`: a group that it names was removed meanwhile.
    """
    for code in groups_of(rule):
        if not session.rows(_GROUP, code=code):
            raise Refused(NOT_FOUND, f"There is no group {code}")
    session.rows(_DELETE_RULE, which=rule.position)
    values = {"sender": rule.sender, "receiver": rule.receiver, "effect": rule.ruling.value, "note": rule.note}
    session.rows(_INSERT_RULE, position=rule.position, **values)
    note(session, AuditEvent.RULE_CHANGED, f"rule {rule.position}", _told(rule), by)


def erase_rule(session: Session, position: int, by: Author) -> None:
    """Remove a rule.

    Raises:
        Refused: `not-found`.
    """
    if not session.rows(_RULE, position=position):
        raise Refused(NOT_FOUND, f"There is no rule {position}")
    gone = next(rule for rule in read_rules(session) if rule.position == position)
    session.rows(_DELETE_RULE, which=position)
    note(session, AuditEvent.RULE_REMOVED, f"rule {position}", _told(gone), by)


def _erase(session: Session, code: str) -> None:
    session.rows(_DELETE_GROUP, which=code)
    session.rows(_DELETE_MEMBERS, which=code)


def _told(rule: Rule) -> str:
    return f"{rule.ruling} {rule.sender} to {rule.receiver}" + (f": {rule.note}" if rule.note else "")
