"""Finding parties in the directory: by kind, status, place and a part of a name or a code."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from exchange.core.model import Party
from exchange.core.snapshot import Snapshot
from exchange.core.words import fold, has_marks, normalise_text

_fold_name = lru_cache(262_144)(fold)
"""Names without diacritics, of twice as many parties as there are in the country: fewer would push each other out."""


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

    @property
    def is_page(self) -> bool:
        """Tell whether a few parties that follow each other are asked for, whatever they are."""
        return bool(self.limit) and not (self.kind or self.status or self.text or self.parent)


def find_parties(snapshot: Snapshot, search: PartySearch) -> list[Party]:
    """List parties by their ids."""
    first = bisect_right(snapshot.order, search.after) if search.after else 0
    found = (snapshot.parties[key] for key in islice(snapshot.order, first, None))
    return list(islice(_matching(found, snapshot, search), search.limit or None))


def _matching(parties: Iterator[Party], snapshot: Snapshot, search: PartySearch) -> Iterator[Party]:
    above = snapshot.resolve(search.parent) if search.parent else None
    wanted, spelt = normalise_text(search.text), has_marks(search.text)
    for party in parties:
        if (
            search.kind in {"", party.kind}
            and search.status in {"", party.status}
            and (not search.parent or (above is not None and party.parent == above.id))
            and (not wanted or _has(party, wanted, spelt=spelt))
        ):
            yield party


def _has(party: Party, wanted: str, *, spelt: bool) -> bool:
    """Ask for a text in the name, with diacritics where it is spelt with some, or in a code."""
    name = normalise_text(party.name) if spelt else _fold_name(party.name)
    return wanted in name or any(wanted in code.casefold() for code in party.codes)
