"""Taking a table of parties in: first everything is looked at and every fault is told, then all is written or nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import check_name
from exchange.core.ports import P, T
from exchange.core.registering import BAD_PARENT, check_parent, coded, describe_party
from exchange.core.sheet import BadTable, Fault, Line, read_aliases, read_contacts, read_table
from exchange.core.snapshot import Snapshot
from exchange.errors import CODE_TAKEN, REQUEST
from trust_store.errors import Refused
from trust_store.identity import PartyKind, normalise

_CORRECT: Final = "Correct the cell"
_KINDS: Final = frozenset(PartyKind)
_STATUSES: Final = frozenset(PartyStatus)


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
    """Hold what a row makes of a party, before its parent is looked up; `parent` is None where no column says it."""

    row: int
    party: Party
    parent: str | None


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
        self._bad: set[str] = set()
        self._taken = frozenset(code for code in (normalise(own), *snapshot.groups) if code)

    def plan(self, lines: Iterable[Line | Fault]) -> Plan:
        """Decide what the rows change; none of them is kept once it is read."""
        drafts = self._once([draft for line in lines if (draft := self._draft(line)) is not None])
        parties = self._place(drafts, self._claim(drafts))
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

    def _draft(self, line: Line | Fault) -> _Draft | None:
        """Read everything of a row but the parent; None when something of it is wrong."""
        if isinstance(line, Fault):
            self._faults.append(line)
            return None
        party = self._read(line)
        if party is None:
            self._bad.update(normalise(code) for code in _codes_in(line))
            return None
        return _Draft(row=line.row, party=party, parent=line.cells.get("parent"))

    def _read(self, line: Line) -> Party | None:
        before = len(self._faults)
        code = line.cells["code"].strip()
        known = self._snapshot.resolve(code)
        party = known or self._attempt(line.row, "code", self._new, line, code)
        if party is None:
            return None
        changes: dict[str, Any] = {}
        for column, change in _CHANGES.items():
            if column in line.cells:
                changes.update(self._attempt(line.row, column, change, party, line.cells) or {})
        if len(self._faults) > before:
            return None
        return dataclasses.replace(party, **changes) if changes else party

    def _new(self, line: Line, code: str) -> Party | None:
        """Describe a new party; its name is put in with the other columns."""
        kind = line.cells.get("kind", "").strip()
        if kind not in _KINDS:
            self._fault(line.row, "kind", f"{code} is new and needs a kind", "Write agency or enterprise")
        if "name" not in line.cells:
            self._fault(line.row, "name", f"{code} is new and needs a name", "Add a column with the names")
        return describe_party(code, "-", PartyKind(kind)) if kind in _KINDS else None

    def _once(self, drafts: Sequence[_Draft]) -> list[_Draft]:
        rows: dict[PartyId, int] = {}
        for draft in drafts:
            if draft.party.id in rows:
                what = f"{draft.party.id} is in row {rows[draft.party.id]} already"
                self._fault(draft.row, "code", what, "Keep one row for each party")
            rows.setdefault(draft.party.id, draft.row)
        return [draft for draft in drafts if rows[draft.party.id] == draft.row]

    def _claim(self, drafts: Sequence[_Draft]) -> Mapping[str, PartyId]:
        """Tell who will have which code; what two would have is a fault."""
        changing = {draft.party.id for draft in drafts}
        owners = {code: party for code, party in self._snapshot.owners.items() if party not in changing}
        for draft in drafts:
            for code in sorted(draft.party.codes):
                known = normalise(code)
                if owners.setdefault(known, draft.party.id) != draft.party.id or known in self._taken:
                    column = "code" if code == draft.party.id else "aliases"
                    self._fault(draft.row, column, self._holder(code, owners[known]), CODE_TAKEN.fix)
        return owners

    def _holder(self, code: str, owner: PartyId) -> str:
        """Say who has a code that cannot be taken."""
        if normalise(code) == normalise(self._own):
            return f"{code} is the hub's own code"
        return f"{code} is the code of a group" if self._snapshot.group(code) else f"{code} belongs to {owner}"

    def _place(self, drafts: Sequence[_Draft], owners: Mapping[str, PartyId]) -> list[Party]:
        """Put every party under its parent, which may be any row."""
        parties = [self._under(draft, owners) for draft in drafts]
        parents = {party.id: party.parent for party in (*self._snapshot.parties.values(), *parties)}
        placed = ((draft, party) for draft, party in zip(drafts, parties, strict=True) if party.parent is not None)
        for draft, party in placed:
            self._attempt(draft.row, "parent", check_parent, party.id, party.parent, parents.get)
        return parties

    def _under(self, draft: _Draft, owners: Mapping[str, PartyId]) -> Party:
        if draft.parent is None:
            return draft.party
        code = normalise(draft.parent)
        if not code and draft.party.parent is None:
            return draft.party
        if code and code not in owners and code not in self._bad:
            self._fault(draft.row, "parent", f"{code} is not registered, and no row registers it", BAD_PARENT.fix)
        return dataclasses.replace(draft.party, parent=owners.get(code))

    def _attempt(self, row: int, column: str, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
        try:
            return work(*args, **named)
        except Refused as refusal:
            fix = _CORRECT if refusal.reason is REQUEST else refusal.reason.fix
            self._fault(row, column, refusal.detail, fix)
            return None

    def _fault(self, row: int, column: str, what: str, fix: str) -> None:
        self._faults.append(Fault(row=row, column=column, what=what, fix=fix))


def _codes_in(line: Line) -> list[str]:
    """Give the codes in a bad row, so that one fault is not told again of those that refer to it."""
    return [line.cells["code"], *(item.rpartition(":")[2] for item in line.cells.get("aliases", "").split())]


def _name(_party: Party, cells: Mapping[str, str]) -> dict[str, Any]:
    return {"name": check_name(cells["name"])}


def _kind(party: Party, cells: Mapping[str, str]) -> dict[str, Any]:
    if cells["kind"].strip() not in {"", party.kind}:
        raise Refused(REQUEST, f"{party.id} is of kind {party.kind}, which does not change")
    return {}


def _status(party: Party, cells: Mapping[str, str]) -> dict[str, Any]:
    status = cells["status"].strip() or party.status
    if status not in _STATUSES:
        raise Refused(REQUEST, f"{status} is no status; write active or suspended")
    return {"status": PartyStatus(status)}


def _aliases(party: Party, cells: Mapping[str, str]) -> dict[str, Any]:
    return coded(party.id, read_aliases(cells["aliases"]))


def _contacts(_party: Party, cells: Mapping[str, str]) -> dict[str, Any]:
    return {"contacts": read_contacts(cells["contacts"])}


_CHANGES: Final[Mapping[str, Callable[[Party, Mapping[str, str]], dict[str, Any]]]] = {
    "name": _name,
    "kind": _kind,
    "status": _status,
    "aliases": _aliases,
    "contacts": _contacts,
}
"""What each column changes of a party; the codes of a party and its parent are looked at over all rows."""
