"""Let a log grow by a batch of entries, and prove each of them in the tree that comes of it, without reading the old tree.

What a proof for a new leaf needs of the old tree are roots of its complete subtrees, and these are its edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from envelopes.log.tree import Edge, leaf_hash, node_hash

Nodes = dict[tuple[int, int], bytes]
"""Complete subtrees by their height and their place among those of this height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Hold a tree that grew: its new edge, the subtrees that are new or were at the old edge, and those at its right end.

    `ends` has for each height the hash over what stands at the very right, complete or not.
    """

    edge: Edge
    made: Nodes
    ends: tuple[bytes, ...]

    def path(self, index: int) -> tuple[bytes, ...]:
        """Return the inclusion proof (RFC 6962, 2.1.1; 32 bytes a step, nearest first) of a leaf of this batch."""
        path, at, last = [], index, self.edge.size - 1
        for height, end in enumerate(self.ends[:-1]):
            if at & 1:
                path.append(self.made[height, at - 1])
            elif at < last:
                path.append(self.made[height, at + 1] if at + 1 < last else end)
            at, last = at >> 1, last >> 1
        return tuple(path)


def grow(edge: Edge, entries: Sequence[bytes]) -> Growth:
    """Add entries (bytes of any length, at least one) to the tree with this edge; the given edge is left as it is."""
    grown, made = Edge(edge.size, list(edge.roots)), _at_edge(edge)
    for entry in entries:
        place = grown.size
        for height, node in enumerate(grown.append(leaf_hash(entry))):
            made[height, place >> height] = node
    return Growth(edge=grown, made=made, ends=_ends(grown.size, made))


def _at_edge(edge: Edge) -> Nodes:
    """Name the roots of an edge by where they stand."""
    heights = [height for height in reversed(range(edge.size.bit_length())) if edge.size >> height & 1]
    return {(height, (edge.size >> height) - 1): root for height, root in zip(heights, edge.roots, strict=True)}


def _ends(size: int, made: Nodes) -> tuple[bytes, ...]:
    last = size - 1
    ends = [made[0, last]]
    for height in range(last.bit_length()):
        at = last >> height
        ends.append(node_hash(made[height, at - 1], ends[-1]) if at & 1 else ends[-1])
    return tuple(ends)
