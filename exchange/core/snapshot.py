"""The directory as it was at one revision, whole and unchanging, for everything that is decided about one message."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from exchange.core.groups import Group
from exchange.core.layers import lay
from exchange.core.model import Party, PartyId
from exchange.core.rules import Rule
from exchange.core.systems import System, SystemId
from trust_store.identity import normalise


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Hold parties by id, who has a code (in its one form), for whom a certificate is registered, groups, rules, systems.

    `order` has the ids of the parties in order, so that a page of them is cut out without looking at the others. `rules` are
    in the order of their positions. `revision` counts the changes of the directory. `bound` has the parties that are reached
    through a connected system only, each with one such system; `served` those that a system speaks for.
    """

    revision: int = 0
    parties: Mapping[PartyId, Party] = field(default_factory=dict)
    order: tuple[PartyId, ...] = ()
    owners: Mapping[str, PartyId] = field(default_factory=dict)
    holders: Mapping[str, frozenset[PartyId]] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    systems: Mapping[SystemId, System] = field(default_factory=dict)
    bound: Mapping[PartyId, SystemId] = field(default_factory=dict)
    served: frozenset[PartyId] = frozenset()

    @classmethod
    def of(cls, parties: Iterable[Party], groups: Iterable[Group] = (), rules: Iterable[Rule] = ()) -> Self:
        """Put parties, groups and rules together."""
        found = {party.id: party for party in parties}
        return cls(
            parties=found,
            order=tuple(sorted(found)),
            owners={normalise(code): party.id for party in found.values() for code in party.codes},
            groups={group.code: group for group in groups},
            rules=tuple(sorted(rules, key=lambda rule: rule.position)),
        )

    def resolve(self, code: str) -> Party | None:
        """Find the party that has a code, in whatever form it is written."""
        owner = self.owners.get(normalise(code))
        return self.parties.get(owner) if owner is not None else None

    def group(self, code: str) -> Group | None:
        """Find a group by its code, in whatever form it is written."""
        return self.groups.get(normalise(code))

    def holder(self, fingerprint: str) -> Party | None:
        """Find the one party that a certificate is registered for; one of several is nobody's."""
        found = self.holders.get(fingerprint, frozenset())
        return self.parties.get(next(iter(found))) if len(found) == 1 else None

    def lineage(self, party: PartyId) -> Iterator[PartyId]:
        """Give a party and all that are above it, from below."""
        seen: set[PartyId] = set()
        above: PartyId | None = party
        while above is not None and above not in seen:
            seen.add(above)
            yield above
            found = self.parties.get(above)
            above = found.parent if found else None

    def with_systems(self, systems: Iterable[System]) -> Self:
        """Give the directory with these systems, in place of those that it has."""
        found = {system.id: system for system in systems}
        links = [(link, system.id) for system in found.values() for link in system.links]
        return dataclasses.replace(
            self,
            systems=found,
            bound={link.party: name for link, name in links if link.only},
            served=frozenset(link.party for link, _ in links),
        )

    def with_parties(self, parties: Sequence[Party]) -> Self:
        """Give the directory in which these parties are as they are here; the others stay."""
        before = [self.parties[party.id] for party in parties if party.id in self.parties]
        freed = [normalise(code) for party in before for code in party.codes]
        owners = {normalise(code): party.id for party in parties for code in party.codes}
        known = lay({party.id: party for party in parties}, (), self.parties)
        new = len(known) > len(self.order)
        return dataclasses.replace(
            self,
            parties=known,
            order=tuple(sorted(known)) if new else self.order,
            owners=lay(owners, freed, self.owners),
            holders=lay(_holders(before, parties, self.holders), (), self.holders),
        )


def _holders(
    old: Iterable[Party], new: Iterable[Party], known: Mapping[str, frozenset[PartyId]]
) -> dict[str, frozenset[PartyId]]:
    """Tell for whom the certificates of some parties are registered after they changed."""
    found: dict[str, frozenset[PartyId]] = {}
    for party in old:
        for each in party.fingerprints:
            found[each] = found.get(each, known.get(each, frozenset())) - {party.id}
    for party in new:
        for each in party.fingerprints:
            found[each] = found.get(each, known.get(each, frozenset())) | {party.id}
    return found
