"""What a sender should know of a receiver before it signs: what is too long for it, what cannot travel beside a letter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from exchange.api.views import PartyView
from trust_store.identity import same_code


def names_party(codes: Iterable[str], code: str) -> bool:
    """Tell whether one of a party's codes is this code, in whatever form."""
    return any(same_code(each, code) for each in codes)


def doubt_reach(named: str, size: int, party: PartyView, *, beside: bool) -> Iterator[str]:
    """Tell why a letter of so many bytes, signed or not yet, would not reach a party."""
    if beside and not party.files_beside:
        yield f"{named} is reached through a system that takes no files beside a letter"
    if 0 < party.max_bytes < size:
        yield f"{named} is reached with letters of at most {party.max_bytes:,} bytes; this one has {size:,} unsigned"
