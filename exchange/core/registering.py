"""How a party is described before it is registered or changed: its codes, its place under another, its contacts."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from exchange.core.model import Party, PartyId
from exchange.core.particulars import (
    BAD_CODE,
    BAD_TAX_CODE,
    MAX_ALIASES,
    Alias,
    CodeScheme,
    check_alias,
    check_code,
    check_name,
)
from exchange.core.ports import Directory, T
from exchange.core.snapshot import Snapshot
from exchange.errors import DIRECTORY_MOVED
from trust_store.errors import Refused, reason
from trust_store.identity import PartyKind, normalise, tax_code

BAD_PARENT = reason(
    "party-parent",
    "This cannot be the parent of the party",
    "Name a registered party that is not the party itself and not below it",
)
ATTEMPTS: Final = 20


async def decide(directory: Directory, change: Callable[[Snapshot], Awaitable[T]]) -> T:
    """Change what the directory says by what it says, and decide anew when somebody else changed it meanwhile.

    `change` writes with the revision of the snapshot that it is given.

    Raises:
        Refused: as `change`; `directory-moved` when others are faster again and again.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return await change(await directory.snapshot())
        except Refused as refusal:
            if refusal.reason is not DIRECTORY_MOVED:
                raise
    return await change(await directory.snapshot())


def describe_party(code: str, name: str, kind: PartyKind) -> Party:
    """Describe a new party by its primary code; an enterprise is reached by its tax code with and without `02`.

    Raises:
        Refused: `tax-code-malformed`, or `request-malformed` for what is no code or no name.
    """
    number = check_code(code) if kind is PartyKind.AGENCY else tax_code(code)
    if number is None:
        raise Refused(BAD_TAX_CODE, f"{code} is not a tax code")
    known = None if kind is PartyKind.AGENCY else number
    return Party(id=PartyId(number), name=check_name(name), kind=kind, codes=frozenset({number}), tax_code=known)


def with_aliases(party: Party, aliases: Iterable[Alias]) -> Party:
    """Give a party these further codes, in place of those that it has; of two forms of one code the last is taken.

    Raises:
        Refused: a code is not of its scheme, or there are too many.
    """
    return dataclasses.replace(party, **coded(party.id, aliases))


def coded(party: PartyId, aliases: Iterable[Alias]) -> dict[str, Any]:
    """Give what these further codes make of a party's `codes` and `schemes`.

    Raises:
        Refused: as `with_aliases`.
    """
    found = {normalise(alias.code): check_alias(alias) for alias in aliases}
    found.pop(normalise(party), None)
    if len(found) > MAX_ALIASES:
        raise Refused(BAD_CODE, f"There are {len(found)} further codes; {MAX_ALIASES} are allowed", where="aliases")
    return {
        "codes": frozenset({party, *(alias.code for alias in found.values())}),
        "schemes": frozenset(
            (item.code, item.scheme) for item in found.values() if item.scheme is not CodeScheme.OTHER
        ),
    }


def keep_schemes(party: Party, codes: Sequence[str]) -> list[Alias]:
    """Give plain codes the schemes under which the party has them, and else `other`."""
    known = {normalise(alias.code): alias.scheme for alias in party.aliases}
    return [Alias(code=code, scheme=known.get(normalise(code), CodeScheme.OTHER)) for code in codes]


def check_parent(party: PartyId, parent: PartyId | None, parent_of: Callable[[PartyId], PartyId | None]) -> None:
    """Refuse a parent that is the party itself or below it; `parent_of` tells what the parent of a party will be.

    Raises:
        Refused: `party-parent`.
    """
    seen: set[PartyId] = set()
    while parent is not None and parent not in seen:
        if parent == party:
            raise Refused(BAD_PARENT, f"{party} would be above itself", where="parent")
        seen.add(parent)
        parent = parent_of(parent)
