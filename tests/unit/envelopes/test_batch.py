"""The proof of one receipt leads to the root of its batch, and of no other; a proof that is wrong is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envelopes.batch import Proof, climb, leaf_of, path_of, read_proof, root_of, write_proof
from trust_store.errors import Misuse, Refused


def leaves(count: int) -> list[bytes]:
    return [leaf_of(b"receipt %d" % number) for number in range(count)]


@pytest.mark.parametrize("count", [*range(1, 34), 100])
def test_every_receipt_of_a_batch_leads_to_its_root(count: int) -> None:
    tree = leaves(count)
    root = root_of(tree)
    for index, leaf in enumerate(tree):
        proof = Proof(index=index, count=count, path=path_of(tree, index), token=b"t")
        assert climb(leaf, proof) == root


@given(count=st.integers(1, 40), index=st.integers(0, 39), other=st.integers(0, 39), claimed=st.integers(1, 41))
def test_a_path_proves_its_own_place_alone(count: int, index: int, other: int, claimed: int) -> None:
    tree, index = leaves(count), index % count
    path = path_of(tree, index)
    told = Proof(index=other % claimed, count=claimed, path=path, token=b"t")
    try:
        found = climb(tree[index], told)
    except Refused:
        return
    same_sides = path_of(leaves(claimed), told.index)
    assert found != root_of(tree) or len(same_sides) == len(path)
    assert climb(leaf_of(b"another"), told) != root_of(tree)


def test_an_empty_batch_is_nothing() -> None:
    with pytest.raises(Misuse):
        root_of([])


def test_the_known_tree_of_rfc_6962() -> None:
    """Root of the one entry "" and of the entries of the reference implementation's test, in its words."""
    assert leaf_of(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    entries = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43", bytes(range(0x50, 0x58))]
    entries.append(bytes(range(0x60, 0x70)))
    tree = [leaf_of(each) for each in entries]
    assert root_of(tree).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_a_proof_is_written_and_read_for_its_receipt_alone() -> None:
    proof = Proof(index=1, count=3, path=(bytes(32), b"x" * 32), token=b"token")
    written = write_proof(proof, b"receipt")
    assert read_proof(written, b"receipt") == proof
    with pytest.raises(Refused) as caught:
        read_proof(written, b"another")
    assert caught.value.reason.code == "batch-proof-other"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"index": 3},
        {"index": -1},
        {"index": True},
        {"count": "3"},
        {"path": "x"},
        {"path": ["AA=="]},
        {"path": ["*"]},
        {"path": ["A" * 44] * 41},
        {"token": "*"},
    ],
)
def test_a_proof_that_is_wrong_is_refused(changes: dict[str, object]) -> None:
    written = json.loads(write_proof(Proof(index=1, count=3, path=(bytes(32),), token=b"t"), b"receipt"))
    with pytest.raises(Refused) as caught:
        read_proof(json.dumps(written | changes).encode(), b"receipt")
    assert caught.value.reason.code == "batch-proof-malformed"


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[" * 100_000, b"{" + b" " * 300_000 + b"}", b"\xff"])
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        read_proof(data, b"receipt")
