"""The hash tree of RFC 6962, 2.1: hashes of leaves and nodes, growing at its right edge, and proofs that lead to a root.

All hashes are SHA-256 (32 bytes). A tree is known by its size, the number of its leaves, and its root.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from trust_store.errors import Misuse, Refused, reason

EMPTY: Final = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""
MOST: Final = 1 << 62
"""No tree is larger: its size fits into what a database keeps."""

NOT_INCLUDED = reason(
    "log-inclusion-wrong",
    "The proof does not lead from this entry to the root of the log",
    "Keep the file: the entry, the proof or the checkpoint was changed, or the hub gave evidence that it cannot prove",
)
NOT_CONSISTENT = reason(
    "log-not-consistent",
    "A later state of the log does not contain the earlier one",
    "Keep both checkpoints: together they prove that the log was rewritten or shown differently to different people",
)


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry into a leaf."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two nodes into the one above."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Hash leaves into their root; `EMPTY` when there are none."""
    edge = Edge()
    for each in hashes:
        edge.append(each)
    return edge.root


@dataclass(slots=True)
class Edge:
    """Hold the right edge of a tree: the roots of its complete subtrees, the largest first, as the bits of its size say.

    That is all that is needed to make the tree grow.
    """

    size: int = 0
    roots: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse what cannot be the edge of a tree of this size."""
        if not 0 <= self.size < MOST or len(self.roots) != self.size.bit_count():
            raise Misuse("an edge has one root for each bit of the size")

    def append(self, leaf: bytes) -> list[bytes]:
        """Add a leaf; return the nodes that became complete by it, the leaf first, each one level above the one before."""
        made, rest = [leaf], self.size
        while rest & 1:
            made.append(node_hash(self.roots.pop(), made[-1]))
            rest >>= 1
        self.roots.append(made[-1])
        self.size += 1
        return made

    @property
    def root(self) -> bytes:
        """Return the root of the whole tree."""
        if not self.roots:
            return EMPTY
        found = self.roots[-1]
        for each in reversed(self.roots[:-1]):
            found = node_hash(each, found)
        return found


def check_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf is at its place in the tree with this size and root (RFC 9162, 2.1.3.2).

    Raises:
        Refused: `log-inclusion-wrong`.
    """
    if not 0 <= index < size:
        raise Refused(NOT_INCLUDED, f"The log has {size} entries, and this would be at place {index}")
    at, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise Refused(NOT_INCLUDED, "The path is longer than the tree is high")
        if at & 1 or at == last:
            found = node_hash(step, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    if last or found != root:
        raise Refused(NOT_INCLUDED, "The path leads to another root" if not last else "The path ends below the root")


def check_consistency(old_size: int, new_size: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that a tree is the beginning of a larger one (RFC 9162, 2.1.4.2).

    Raises:
        Refused: `log-not-consistent`.
    """
    if not 0 <= old_size <= new_size:
        raise Refused(NOT_CONSISTENT, f"The log had {old_size} entries and now has {new_size}")
    if old_size in {0, new_size}:
        expected = EMPTY if old_size == 0 else new_root
        if path or old_root != expected:
            raise Refused(NOT_CONSISTENT, f"Two roots, or a proof that should be empty, at {old_size} entries")
        return
    _climb_both(old_size, new_size, path, old_root, new_root)


def _climb_both(old_size: int, new_size: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    steps = list(path) if old_size & (old_size - 1) else [old_root, *path]
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not steps:
        raise Refused(NOT_CONSISTENT, "The proof is empty")
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise Refused(NOT_CONSISTENT, "The proof is longer than the tree is high")
        if at & 1 or at == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, step)
        at, last = at >> 1, last >> 1
    if last or old != old_root or new != new_root:
        raise Refused(NOT_CONSISTENT, f"The proof does not lead from {old_size} entries to {new_size}")
