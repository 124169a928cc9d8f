"""List groups of parties, and administer them and the rules on who may write to whom."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from exchange.api.offices import GroupDetailView, GroupRequest, GroupView, RuleRequest, RuleView
from exchange.api.registration import read_json
from exchange.api.routes import Asked, Route, answer
from exchange.auth.permissions import Action
from exchange.core.groups import Group, describe_group
from exchange.core.model import PartyId
from exchange.core.registering import decide
from exchange.core.rules import Rule, Ruling
from exchange.core.snapshot import Snapshot
from exchange.core.writing import describe_rule
from exchange.errors import NOT_FOUND, REQUEST
from trust_store.errors import Refused


async def list_groups(asked: Asked) -> web.StreamResponse:
    """List the groups."""
    groups = (await asked.reading.hub.store.directory.snapshot()).groups
    return answer([GroupView(code=key, name=groups[key].name, size=len(groups[key].members)) for key in sorted(groups)])


async def show_group(asked: Asked) -> web.StreamResponse:
    """Show a group with its members."""
    return answer(_group(_found(asked, await asked.reading.hub.store.directory.snapshot())))


async def put_group(asked: Asked) -> web.StreamResponse:
    """Make a group, or change what is stated of it."""
    wanted, hub = read_json(asked.body, GroupRequest), asked.reading.hub
    code = asked.request.match_info["group"]

    async def change(snapshot: Snapshot) -> Group:
        group = _stated(code, wanted, snapshot)
        await hub.store.registry.put_group(group, asked.principal.author(hub.clock.now()), snapshot.revision)
        return group

    return answer(_group(await decide(hub.store.directory, change)))


async def remove_group(asked: Asked) -> web.StreamResponse:
    """Remove a group."""
    hub = asked.reading.hub
    group = _found(asked, await hub.store.directory.snapshot())
    await hub.store.registry.remove_group(group.code, asked.principal.author(hub.clock.now()))
    return answer(_group(group))


async def list_rules(asked: Asked) -> web.StreamResponse:
    """List the rules in their order."""
    return answer([_rule(rule) for rule in (await asked.reading.hub.store.directory.snapshot()).rules])


async def show_rule(asked: Asked) -> web.StreamResponse:
    """Show a rule."""
    return answer(_rule(await _rule_at(asked)))


async def add_rule(asked: Asked) -> web.StreamResponse:
    """Put a rule behind the others."""
    return answer(_rule(await _write_rule(asked, 0)), 201)


async def put_rule(asked: Asked) -> web.StreamResponse:
    """Put a rule at its position."""
    return answer(_rule(await _write_rule(asked, _position(asked))))


async def remove_rule(asked: Asked) -> web.StreamResponse:
    """Remove a rule."""
    hub, rule = asked.reading.hub, await _rule_at(asked)
    await hub.store.registry.remove_rule(rule.position, asked.principal.author(hub.clock.now()))
    return answer(_rule(rule))


def _found(asked: Asked, snapshot: Snapshot) -> Group:
    group = snapshot.group(asked.request.match_info["group"])
    if group is None:
        raise Refused(NOT_FOUND, "There is no such group")
    return group


def _stated(code: str, wanted: GroupRequest, snapshot: Snapshot) -> Group:
    known = snapshot.group(code)
    name = wanted.name if wanted.name is not None or known is None else known.name
    if name is None:
        raise Refused(REQUEST, "There is no such group yet; a new one needs a name", where="name")
    members = known.members if known and wanted.members is None else _members(wanted.members or (), snapshot)
    return describe_group(code, name, members)


def _members(codes: Iterable[str], snapshot: Snapshot) -> frozenset[PartyId]:
    found = {code: snapshot.resolve(code) for code in codes}
    for code, party in found.items():
        if party is None:
            raise Refused(NOT_FOUND, f"There is no party {code}", where="members")
    return frozenset(party.id for party in found.values() if party is not None)


async def _write_rule(asked: Asked, position: int) -> Rule:
    wanted, hub = read_json(asked.body, RuleRequest), asked.reading.hub
    stated = Rule(
        position=position,
        sender=wanted.sender,
        receiver=wanted.receiver,
        ruling=Ruling(wanted.effect),
        note=wanted.note,
    )

    async def change(snapshot: Snapshot) -> Rule:
        rule = describe_rule(stated, snapshot)
        await hub.store.registry.put_rule(rule, asked.principal.author(hub.clock.now()), snapshot.revision)
        return rule

    return await decide(hub.store.directory, change)


async def _rule_at(asked: Asked) -> Rule:
    position = _position(asked)
    for rule in (await asked.reading.hub.store.directory.snapshot()).rules:
        if rule.position == position:
            return rule
    raise Refused(NOT_FOUND, "There is no such rule")


def _position(asked: Asked) -> int:
    text = asked.request.match_info["rule"]
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not int(text):
        raise Refused(REQUEST, "A rule is named by its position, a number from 1 on")
    return int(text)


def _group(group: Group) -> GroupDetailView:
    return GroupDetailView(code=group.code, name=group.name, members=sorted(group.members))


def _rule(rule: Rule) -> RuleView:
    return RuleView(
        position=rule.position, sender=rule.sender, receiver=rule.receiver, effect=rule.ruling, note=rule.note
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/groups",
        name="listGroups",
        text="List the groups of parties that can be written to by one code.",
        action=Action.FIND,
        handler=list_groups,
        gives=GroupView,
        many=True,
    ),
    Route(
        method="GET",
        path="/v1/groups/{group}",
        name="getGroup",
        text="Show a group with its members.",
        action=Action.FIND,
        handler=show_group,
        gives=GroupDetailView,
    ),
    Route(
        method="PUT",
        path="/v1/groups/{group}",
        name="putGroup",
        text="Make a group, or change what is stated of it; what is not stated stays.",
        action=Action.ADMINISTER,
        handler=put_group,
        takes=GroupRequest,
        gives=GroupDetailView,
    ),
    Route(
        method="DELETE",
        path="/v1/groups/{group}",
        name="removeGroup",
        text="Remove a group; one that a rule names stays.",
        action=Action.ADMINISTER,
        handler=remove_group,
        gives=GroupDetailView,
    ),
    Route(
        method="GET",
        path="/v1/rules",
        name="listRules",
        text="List the rules on who may write to whom, in their order.",
        action=Action.ADMINISTER,
        handler=list_rules,
        gives=RuleView,
        many=True,
    ),
    Route(
        method="POST",
        path="/v1/rules",
        name="addRule",
        text="Put a rule behind the others.",
        action=Action.ADMINISTER,
        handler=add_rule,
        takes=RuleRequest,
        gives=RuleView,
        status=201,
    ),
    Route(
        method="GET",
        path="/v1/rules/{rule}",
        name="getRule",
        text="Show the rule at a position.",
        action=Action.ADMINISTER,
        handler=show_rule,
        gives=RuleView,
    ),
    Route(
        method="PUT",
        path="/v1/rules/{rule}",
        name="putRule",
        text="Put a rule at a position, in place of the one there.",
        action=Action.ADMINISTER,
        handler=put_rule,
        takes=RuleRequest,
        gives=RuleView,
    ),
    Route(
        method="DELETE",
        path="/v1/rules/{rule}",
        name="removeRule",
        text="Remove the rule at a position.",
        action=Action.ADMINISTER,
        handler=remove_rule,
        gives=RuleView,
    ),
)
