"""The tree is that of RFC 6962 as its text defines it, however it grows, and its proofs prove nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envelopes.log import tiles
from envelopes.log.growth import grow
from envelopes.log.tree import EMPTY, Edge, check_consistency, check_inclusion, leaf_hash, node_hash, root_of
from trust_store.errors import Misuse, Refused

LEAVES = [leaf_hash(b"%d" % number) for number in range(1200)]
SIZES = st.integers(1, 1200)


def defined(leaves: list[bytes]) -> bytes:
    """Hash as RFC 6962, 2.1 writes it down."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(defined(leaves[:half]), defined(leaves[half:]))


async def read(level: int, number: int, width: int) -> bytes:
    step = 256**level
    first = number * 256 * step
    return b"".join(root_of(LEAVES[at : at + step]) for at in range(first, first + width * step, step))


def test_hashes_are_those_of_the_standard() -> None:
    assert leaf_hash(b"") == bytes.fromhex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
    assert bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") == EMPTY
    entries = [bytes.fromhex(each) for each in ("", "00", "10", "2021", "3031", "40414243")]
    root = root_of([leaf_hash(each) for each in entries])
    assert root == bytes.fromhex("76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef")


@given(SIZES)
def test_the_root_is_the_defined_one(size: int) -> None:
    assert root_of(LEAVES[:size]) == defined(LEAVES[:size])


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_a_batch_is_proved_from_the_edge_alone(counts: list[int]) -> None:
    edge, start = Edge(), 0
    for count in counts:
        entries = [b"%d" % number for number in range(start, start + count)]
        growth = grow(edge, entries)
        root = defined(LEAVES[: start + count])
        assert (growth.edge.size, growth.edge.root, growth.ends[-1]) == (start + count, root, root)
        for index in range(start, start + count):
            check_inclusion(index, start + count, LEAVES[index], growth.path(index), root)
        assert edge.size == start
        edge, start = growth.edge, start + count


@given(SIZES, st.data())
async def test_proofs_from_tiles_hold(size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    root = defined(LEAVES[:size])
    assert await tiles.root(read, size) == root
    check_inclusion(index, size, LEAVES[index], await tiles.inclusion_proof(read, index, size), root)
    path = await tiles.consistency_proof(read, old, size)
    check_consistency(old, size, path, defined(LEAVES[:old]), root)


@given(SIZES, st.data())
async def test_a_proof_proves_nothing_else(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = list(await tiles.inclusion_proof(read, index, size))
    root = defined(LEAVES[:size])
    wrong = [
        (index, size, LEAVES[index - 1] if size > 1 else bytes(32), path, root),
        (index + 1, size, LEAVES[index], path, root),
        (index, size, LEAVES[index], [*path, bytes(32)], root),
        (index, size, LEAVES[index], path, bytes(32)),
        (size, size, LEAVES[index], path, root),
        (-1, size, LEAVES[index], path, root),
    ]
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        wrong += [
            (index, size, LEAVES[index], path[:-1], root),
            (index, size, LEAVES[index], [*path[:at], bytes(32), *path[at + 1 :]], root),
        ]
    for case in wrong:
        with pytest.raises(Refused) as refused:
            check_inclusion(*case)
        assert refused.value.reason.code == "log-inclusion-wrong"


@given(st.integers(2, 1200), st.data())
async def test_a_consistency_proof_proves_nothing_else(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size - 1))
    path = list(await tiles.consistency_proof(read, old, size))
    old_root, root = defined(LEAVES[:old]), defined(LEAVES[:size])
    wrong = [
        (old, size, path, bytes(32), root),
        (old, size, path, old_root, bytes(32)),
        (old, size, [*path, bytes(32)], old_root, root),
        (old, size, path[:-1], old_root, root),
        (size, old, path, root, old_root),
        (0, size, path, EMPTY, root),
        (size, size, (), old_root, root),
    ]
    for case in wrong:
        with pytest.raises(Refused) as refused:
            check_consistency(*case)
        assert refused.value.reason.code == "log-not-consistent"


def test_an_edge_fits_its_size() -> None:
    for size, roots in ((1, []), (3, [bytes(32)]), (-1, []), (1 << 62, [bytes(32)])):
        with pytest.raises(Misuse):
            Edge(size, roots)
