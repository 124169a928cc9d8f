"""Taking a table of parties in: first everything is looked at and every fault is told, then all is written or nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import check_name, refuse_own_code
from exchange.core.ports import P, T
from exchange.core.registering import BAD_PARENT, check_parent, describe_party, with_aliases
from exchange.core.sheet import BadTable, Fault, Line, read_aliases, read_contacts, read_table
from exchange.core.snapshot import Snapshot
from exchange.errors import CODE_TAKEN, REQUEST
from trust_store.errors import Refused
from trust_store.identity import PartyKind, normalise

_CORRECT: Final = "Correct the cell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Say what an import will do: the parties that it registers or changes, decided on the directory of `revision`."""

    parties: tuple[Party, ...]
    registered: int
    unchanged: int
    revision: int

    @property
    def changed(self) -> int:
        """Count the known parties that change."""
        return len(self.parties) - self.registered


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """Hold what a row makes of a party, before its parent is looked up."""

    line: Line
    party: Party


def plan(data: bytes, snapshot: Snapshot, own: str) -> Plan:
    """Decide what a table changes; `own` is the hub's own code.

    Raises:
        Refused: `table-malformed`; `BadTable` holds every fault of every row.
    """
    return _Planner(snapshot, own).plan(read_table(data))


class _Planner:
    """Look at all rows, and gather their faults."""

    def __init__(self, snapshot: Snapshot, own: str) -> None:
        self._snapshot, self._own = snapshot, own
        self._faults: list[Fault] = []

    def plan(self, lines: Sequence[Line]) -> Plan:
        """Decide what the rows change."""
        drafts = self._once([draft for line in lines if (draft := self._draft(line)) is not None])
        owners = self._claim(drafts)
        written = frozenset(normalise(code) for line in lines for code in _codes_in(line))
        parties = self._place(drafts, owners, written)
        if self._faults:
            raise BadTable(sorted(self._faults, key=lambda fault: fault.row))
        known = self._snapshot.parties
        changed = tuple(party for party in parties if party != known.get(party.id))
        return Plan(
            parties=changed,
            registered=sum(party.id not in known for party in changed),
            unchanged=len(parties) - len(changed),
            revision=self._snapshot.revision,
        )

    def _draft(self, line: Line) -> _Draft | None:
        """Read everything of a row but the parent; None when something of it is wrong."""
        before = len(self._faults)
        code = line.cells["code"].strip()
        known = self._snapshot.resolve(code)
        party = known or self._attempt(line, "code", self._new, line, code)
        if party is None:
            return None
        for column, change in _CHANGES.items():
            if column in line.cells:
                party = self._attempt(line, column, change, party, line.cells) or party
        return _Draft(line=line, party=party) if len(self._faults) == before else None

    def _new(self, line: Line, code: str) -> Party | None:
        """Describe a new party; its name is put in with the other columns."""
        kind = line.cells.get("kind", "").strip()
        if kind not in list(PartyKind):
            self._fault(line, "kind", f"{code} is new and needs a kind", "Write agency or enterprise")
        if "name" not in line.cells:
            self._fault(line, "name", f"{code} is new and needs a name", "Add a column with the names")
        return describe_party(code, "-", PartyKind(kind)) if kind in list(PartyKind) else None

    def _once(self, drafts: Sequence[_Draft]) -> list[_Draft]:
        rows: dict[PartyId, int] = {}
        for draft in drafts:
            if draft.party.id in rows:
                what = f"{draft.party.id} is in row {rows[draft.party.id]} already"
                self._fault(draft.line, "code", what, "Keep one row for each party")
            rows.setdefault(draft.party.id, draft.line.row)
        return [draft for draft in drafts if rows[draft.party.id] == draft.line.row]

    def _claim(self, drafts: Sequence[_Draft]) -> Mapping[str, PartyId]:
        """Tell who will have which code; what two would have is a fault."""
        changing = {draft.party.id for draft in drafts}
        owners = {code: party for code, party in self._snapshot.owners.items() if party not in changing}
        for draft in drafts:
            for code in sorted(draft.party.codes):
                column = "code" if code == draft.party.id else "aliases"
                self._attempt(draft.line, column, self._take, code, draft.party, owners)
                owners.setdefault(normalise(code), draft.party.id)
        return owners

    def _take(self, code: str, party: Party, owners: Mapping[str, PartyId]) -> None:
        refuse_own_code([code], self._own)
        if owners.get(normalise(code), party.id) != party.id:
            raise Refused(CODE_TAKEN, f"{code} belongs to {owners[normalise(code)]}")
        if self._snapshot.group(code):
            raise Refused(CODE_TAKEN, f"{code} is the code of a group")

    def _place(self, drafts: Sequence[_Draft], owners: Mapping[str, PartyId], written: frozenset[str]) -> list[Party]:
        """Put every party under its parent, which may be any row; `written` are the codes of all rows, good or bad."""
        parties = [self._under(draft, owners, written) for draft in drafts]
        parents = {party.id: party.parent for party in (*self._snapshot.parties.values(), *parties)}
        for draft, party in zip(drafts, parties, strict=True):
            self._attempt(draft.line, "parent", check_parent, party.id, party.parent, parents.get)
        return parties

    def _under(self, draft: _Draft, owners: Mapping[str, PartyId], written: frozenset[str]) -> Party:
        if "parent" not in draft.line.cells:
            return draft.party
        code = normalise(draft.line.cells["parent"])
        if code and code not in owners and code not in written:
            self._fault(draft.line, "parent", f"{code} is not registered, and no row registers it", BAD_PARENT.fix)
        return dataclasses.replace(draft.party, parent=owners.get(code))

    def _attempt(self, line: Line, column: str, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
        try:
            return work(*args, **named)
        except Refused as refusal:
            self._fault(line, column, refusal.detail, _CORRECT if refusal.reason is REQUEST else refusal.reason.fix)
            return None

    def _fault(self, line: Line, column: str, what: str, fix: str) -> None:
        self._faults.append(Fault(row=line.row, column=column, what=what, fix=fix))


def _codes_in(line: Line) -> list[str]:
    """Give the codes in a row, whether it is good or bad, so that one fault is not told again of those that refer to it."""
    return [line.cells["code"], *(item.rpartition(":")[2] for item in line.cells.get("aliases", "").split())]


def _name(party: Party, cells: Mapping[str, str]) -> Party:
    return dataclasses.replace(party, name=check_name(cells["name"]))


def _kind(party: Party, cells: Mapping[str, str]) -> Party:
    if cells["kind"].strip() not in {"", party.kind}:
        raise Refused(REQUEST, f"{party.id} is of kind {party.kind}, which does not change")
    return party


def _status(party: Party, cells: Mapping[str, str]) -> Party:
    status = cells["status"].strip() or party.status
    if status not in list(PartyStatus):
        raise Refused(REQUEST, f"{status} is no status; write active or suspended")
    return dataclasses.replace(party, status=PartyStatus(status))


def _aliases(party: Party, cells: Mapping[str, str]) -> Party:
    return with_aliases(party, read_aliases(cells["aliases"]))


def _contacts(party: Party, cells: Mapping[str, str]) -> Party:
    return dataclasses.replace(party, contacts=read_contacts(cells["contacts"]))


_CHANGES: Final[Mapping[str, Callable[[Party, Mapping[str, str]], Party]]] = {
    "name": _name,
    "kind": _kind,
    "status": _status,
    "aliases": _aliases,
    "contacts": _contacts,
}
"""What each column changes; the codes of a party and its parent are looked at over all rows."""
