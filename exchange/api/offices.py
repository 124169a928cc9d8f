"""What the API sends and takes about the directory as its administrators see it: parties in full, groups, rules, imports."""

from __future__ import annotations

from typing import Literal

import msgspec


class AliasView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further code of a party, with its scheme."""

    code: str
    scheme: Literal["old", "qd20", "tax", "province", "other"] = "other"


class ContactView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person or a desk of a party; what is not known is empty."""

    name: str
    role: str = ""
    email: str = ""
    phone: str = ""


class PartyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to state of a party; a new one needs `name` and `kind`. An empty `parent` takes it from under its parent.

    `aliases` are the codes besides the primary one with their schemes; `codes` the same without, for whoever knows none.
    """

    name: str | None = None
    kind: Literal["agency", "enterprise"] | None = None
    codes: list[str] | None = None
    aliases: list[AliasView] | None = None
    status: Literal["active", "suspended"] | None = None
    parent: str | None = None
    contacts: list[ContactView] | None = None


class PartyDetailView(msgspec.Struct, frozen=True, kw_only=True):
    """A party with all that is known of it; `parent` is empty when nobody is above it."""

    id: str
    name: str
    kind: str
    codes: list[str]
    status: str
    aliases: list[AliasView]
    parent: str
    contacts: list[ContactView]


class ImportView(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, or, when `written` is false, would do, with the parties in the table."""

    written: bool
    registered: int
    changed: int
    unchanged: int


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """A group, and how many members it has."""

    code: str
    name: str
    size: int


class GroupDetailView(msgspec.Struct, frozen=True, kw_only=True):
    """A group with its members, by their primary codes."""

    code: str
    name: str
    members: list[str]


class GroupRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to state of a group; a new one needs `name`. `members` are all of them, by any of their codes."""

    name: str | None = None
    members: list[str] | None = None


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule on who may write to whom; of those that match, the one with the lowest position decides."""

    position: int
    sender: str
    receiver: str
    effect: str
    note: str


class RuleRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule: patterns of senders and receivers, and whether the former may write to the latter."""

    sender: str
    receiver: str
    effect: Literal["allow", "deny"]
    note: str = ""
