"""Tiles (C2SP tlog-tiles): the hash tree in pieces of 256 hashes, their names, and proofs that are put together from them.

A tile of level L holds the roots of complete subtrees of 256^L leaves; a partial one has as many as the tree had then.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from envelopes.log.tree import EMPTY, MOST, node_hash, root_of
from trust_store.errors import Refused, reason

WIDTH: Final = 256
HEIGHT: Final = 8
HASH: Final = 32
MAX_LEVEL: Final = 7
_NAME: Final = re.compile(r"(entries|[0-7])/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")

NOT_A_TILE = reason("tile-unknown", "The log has no such tile", "Name tiles as C2SP tlog-tiles does: tile/0/x001/234")
TILE_WRONG = reason(
    "tile-wrong",
    "A tile of the log is not what its checkpoint says",
    "Keep the tile and the checkpoint: the log, or somebody on the way, changed one of them",
)

ReadTile = Callable[[int, int, int], Awaitable[bytes]]
"""Returns the first `width` hashes of a tile by its level, number and width; more bytes may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TileName:
    """Name a tile: its level (None for a bundle of entries), its number, and how many hashes or entries it has."""

    level: int | None
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Write the name as it stands in an address behind `tile/`."""
        groups = [f"{self.number % 1000:03}"]
        rest = self.number // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        level = "entries" if self.level is None else self.level
        return f"{level}/{'/'.join(groups)}" + (f".p/{self.width}" if self.width < WIDTH else "")


def read_name(path: str) -> TileName:
    """Read the name of a tile.

    Raises:
        Refused: `tile-unknown`.
    """
    found = _NAME.fullmatch(path)
    if found is None:
        raise Refused(NOT_A_TILE)
    level, higher, last, width = found.groups()
    number = int(higher.replace("x", "").replace("/", "") + last)
    name = TileName(level=None if level == "entries" else int(level), number=number, width=int(width or WIDTH))
    if name.path != path or number * WIDTH >= MOST:
        raise Refused(NOT_A_TILE)
    return name


def bundle(entries: Sequence[bytes]) -> bytes:
    """Write entries as a bundle: each with its length (2 bytes, the highest first) before it."""
    return b"".join(len(each).to_bytes(2) + each for each in entries)


def read_bundle(data: bytes) -> list[bytes]:
    """Read the entries of a bundle.

    Raises:
        Refused: `tile-wrong`.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2])
        if end > len(data) or len(entries) == WIDTH:
            raise Refused(TILE_WRONG, "A bundle of entries breaks off")
        entries.append(data[at + 2 : end])
        at = end
    return entries


async def root(read: ReadTile, size: int) -> bytes:
    """Return the root of the tree of this size."""
    return await _range(read, 0, size) if size else EMPTY


async def inclusion_proof(read: ReadTile, index: int, size: int) -> tuple[bytes, ...]:
    """Return the path from a leaf to the root of the tree of this size, nearest first (RFC 6962, 2.1.1)."""
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _half(end - start)
        if index < middle:
            path.append(await _range(read, middle, end))
            end = middle
        else:
            path.append(await _range(read, start, middle))
            start = middle
    return tuple(reversed(path))


async def consistency_proof(read: ReadTile, old: int, new: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of size `old` is the beginning of that of size `new` (RFC 6962, 2.1.2)."""
    if old in {0, new}:
        return ()
    path, start, end = [], 0, new
    while end != old:
        middle = start + _half(end - start)
        if old <= middle:
            path.append(await _range(read, middle, end))
            end = middle
        else:
            path.append(await _range(read, start, middle))
            start = middle
    if start:
        path.append(await _range(read, start, end))
    return tuple(reversed(path))


async def _range(read: ReadTile, start: int, end: int) -> bytes:
    """Hash the leaves from `start` to before `end`, where `start` is a whole number of subtrees of the size that fits."""
    found: bytes | None = None
    for height, place in reversed(_subtrees(start, end)):
        node = await _node(read, height, place)
        found = node if found is None else node_hash(node, found)
    return found or EMPTY


def _subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """List the complete subtrees (height, place) that make up a range, the largest first."""
    found = []
    while start < end:
        height = (end - start).bit_length() - 1
        found.append((height, start >> height))
        start += 1 << height
    return found


async def _node(read: ReadTile, height: int, place: int) -> bytes:
    """Hash a complete subtree from the tile that has its nodes of the next lower level."""
    level = height // HEIGHT
    count = 1 << (height - level * HEIGHT)
    first = place * count
    tile, offset = divmod(first, WIDTH)
    data = await read(level, tile, offset + count)
    hashes = [data[at : at + HASH] for at in range(offset * HASH, (offset + count) * HASH, HASH)]
    if any(len(each) != HASH for each in hashes):
        raise Refused(TILE_WRONG, f"Tile {TileName(level=level, number=tile).path} is too short")
    return root_of(hashes)


def _half(count: int) -> int:
    """Return the largest power of two that is smaller than the count."""
    return 1 << ((count - 1).bit_length() - 1)
