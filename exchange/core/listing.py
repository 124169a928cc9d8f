"""Finding parties in the directory: by kind, status, place and a part of a name or a code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from exchange.core.model import Party
from exchange.core.snapshot import Snapshot
from exchange.core.words import fold, has_marks, normalise_text

_fold_name = lru_cache(65_536)(fold)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartySearch:
    """Say which parties are wanted; what is empty does not matter.

    `parent` is a code of the party right above; `after` the id behind which the list begins; `limit` 0 means all.
    """

    kind: str = ""
    status: str = ""
    text: str = ""
    parent: str = ""
    after: str = ""
    limit: int = 0


def find_parties(snapshot: Snapshot, search: PartySearch) -> list[Party]:
    """List parties by their ids."""
    found = (snapshot.parties[key] for key in sorted(snapshot.parties) if key > search.after)
    return list(islice(_matching(found, snapshot, search), search.limit or None))


def _matching(parties: Iterator[Party], snapshot: Snapshot, search: PartySearch) -> Iterator[Party]:
    above = snapshot.resolve(search.parent) if search.parent else None
    for party in parties:
        if (
            search.kind in {"", party.kind}
            and search.status in {"", party.status}
            and (not search.parent or (above is not None and party.parent == above.id))
            and (not search.text or _has(party, search.text))
        ):
            yield party


def _has(party: Party, text: str) -> bool:
    """Ask for a text in the name, with diacritics where it has some, or in a code."""
    wanted = normalise_text(text)
    name = normalise_text(party.name) if has_marks(text) else _fold_name(party.name)
    return wanted in name or any(wanted in code.casefold() for code in party.codes)
