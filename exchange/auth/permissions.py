"""Who may do what: one table, which docs/reference/permissions.md repeats and every route is held to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exchange.auth.principal import Principal
from exchange.core.access import Scope, describe_scopes
from exchange.errors import FORBIDDEN
from trust_store.errors import Refused


class Action(StrEnum):
    """Name what a route does; every route names one."""

    SUBMIT = "submit"
    TRACK = "track"
    TAKE = "take"
    LOOK = "look"
    ARRANGE = "arrange"
    FIND = "find"
    IDENTIFY = "identify"
    ROTATE = "rotate"
    ADMINISTER = "administer"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Allow an actor, who has a credential of this scope, an action on a resource."""

    actor: Scope
    action: Action
    resource: str


def _allow(action: Action, resource: str, *actors: Scope) -> tuple[Permission, ...]:
    return tuple(Permission(actor=actor, action=action, resource=resource) for actor in actors)


PERMISSIONS: Final[tuple[Permission, ...]] = (
    *_allow(Action.SUBMIT, "documents and files in the party's own name", Scope.SEND),
    *_allow(Action.TRACK, "the list of what the party sent", Scope.SEND, Scope.READ),
    *_allow(Action.TAKE, "deliveries in the party's own mailbox: lease, renew, release, acknowledge", Scope.RECEIVE),
    *_allow(
        Action.LOOK, "the party's own mailbox, and what is known of what it sent or received", Scope.RECEIVE, Scope.READ
    ),
    *_allow(Action.ARRANGE, "folders of the party's own mailbox", Scope.SEND, Scope.RECEIVE),
    *_allow(
        Action.FIND, "the directory of parties and groups", Scope.SEND, Scope.RECEIVE, Scope.READ, Scope.ADMINISTER
    ),
    *_allow(Action.IDENTIFY, "who the credential speaks for, and the tokens of that one", *Scope),
    *_allow(Action.ROTATE, "the token in use", *Scope),
    *_allow(
        Action.ADMINISTER,
        "parties, certificates, authorities, tokens, groups, rules, connected systems, and how the hub is",
        Scope.ADMINISTER,
    ),
    *_allow(Action.AUDIT, "the audit trail", Scope.AUDIT),
)
"""Whatever is not here is refused. A resource of somebody else is not there at all (404), whatever the scope."""


def scopes_for(action: Action) -> frozenset[Scope]:
    """Give the scopes of which any one allows an action."""
    return _SCOPES[action]


def permit(principal: Principal, action: Action) -> None:
    """Let a principal do an action.

    Raises:
        Refused: `forbidden`; it names the scopes of which one is missing.
    """
    needed = scopes_for(action)
    if principal.scopes.isdisjoint(needed):
        has = describe_scopes(principal.scopes) or "none"
        text = " or ".join(describe_scopes(frozenset({scope})) for scope in Scope if scope in needed)
        raise Refused(FORBIDDEN, f"To {action} needs the scope {text}; this {principal.credential} has {has}")


_SCOPES: Final = {action: frozenset(item.actor for item in PERMISSIONS if item.action is action) for action in Action}
