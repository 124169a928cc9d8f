"""Stamp many receipts at once: a hash tree over them (RFC 6962, 2.1), one time-stamp over its root, and a path for each.

The proof of one receipt needs no other receipt, tells nothing about any, and is verified offline.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trust_store.errors import Misuse, Refused, reason

FORMAT: Final = "congvan-batch-stamp-1"
MAX_PROOF: Final = 256 * 1024
"""Bytes that a written proof may have; one over a million receipts has about 12,000."""
_MOST_STEPS: Final = 40

NOT_A_PROOF = reason(
    "batch-proof-malformed",
    "This is not the proof of a receipt's time-stamp",
    "Download it again with the receipt (congvan receipt), and give it unchanged",
)
OTHER_RECEIPT = reason(
    "batch-proof-other",
    "The proof is not about this receipt",
    "Give the proof that came with the receipt; its name begins with that of the receipt",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Prove that a receipt is in a batch: its place among `count` receipts, the path to the root, and the token over that."""

    index: int
    count: int
    path: tuple[bytes, ...]
    token: bytes


def leaf_of(receipt: bytes) -> bytes:
    """Digest a sealed receipt as a leaf of the tree."""
    return hashlib.sha256(b"\0" + receipt).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Digest the leaves of a batch into its root, which is the imprint of its time-stamp (SHA-256).

    Raises:
        Misuse: there is none.
    """
    if not leaves:
        raise Misuse("a batch without receipts has no root")
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return _node(root_of(leaves[:at]), root_of(leaves[at:]))


def path_of(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Give the path from a leaf to the root, nearest first (RFC 6962, 2.1.1)."""
    if len(leaves) == 1:
        return ()
    at = _split(len(leaves))
    if index < at:
        return (*path_of(leaves[:at], index), root_of(leaves[at:]))
    return (*path_of(leaves[at:], index - at), root_of(leaves[:at]))


def climb(leaf: bytes, proof: Proof) -> bytes:
    """Give the root that a path leads to (RFC 9162, 2.1.3.2).

    Raises:
        Refused: `batch-proof-malformed`: the path has not the length that its place asks for.
    """
    at, last, found = proof.index, proof.count - 1, leaf
    for step in proof.path:
        if last == 0:
            raise Refused(NOT_A_PROOF, "The path is longer than the tree is high")
        if at & 1 or at == last:
            found = _node(step, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, step)
        at, last = at >> 1, last >> 1
    if last:
        raise Refused(NOT_A_PROOF, "The path is shorter than the tree is high")
    return found


def write_proof(proof: Proof, receipt: bytes) -> bytes:
    """Write a proof as JSON that names its receipt by SHA-256."""
    written = {
        "format": FORMAT,
        "receipt": hashlib.sha256(receipt).hexdigest(),
        "index": proof.index,
        "count": proof.count,
        "path": [base64.b64encode(step).decode() for step in proof.path],
        "token": base64.b64encode(proof.token).decode(),
    }
    return json.dumps(written, indent=1).encode() + b"\n"


def read_proof(data: bytes, receipt: bytes) -> Proof:
    """Read the proof of a receipt.

    Raises:
        Refused: `batch-proof-malformed`, or `batch-proof-other`.
    """
    if len(data) > MAX_PROOF:
        raise Refused(NOT_A_PROOF, f"The proof has {len(data):,} bytes; {MAX_PROOF:,} are allowed")
    try:
        named, proof = _parse(json.loads(data))
    except (ValueError, TypeError, LookupError, RecursionError, binascii.Error):
        raise Refused(NOT_A_PROOF) from None
    if named != hashlib.sha256(receipt).hexdigest():
        raise Refused(OTHER_RECEIPT, f"The proof is about the receipt with the SHA-256 {str(named)[:64]}")
    return proof


def _parse(read: dict[str, object]) -> tuple[object, Proof]:
    index, count, path = read["index"], read["count"], read["path"]
    if type(index) is not int or type(count) is not int or not isinstance(path, list):
        raise TypeError
    if read["format"] != FORMAT or not 0 <= index < count or len(path) > _MOST_STEPS:
        raise ValueError
    steps = tuple(base64.b64decode(str(step), validate=True) for step in path)
    if any(len(step) != hashlib.sha256().digest_size for step in steps):
        raise ValueError
    token = base64.b64decode(str(read["token"]), validate=True)
    return read["receipt"], Proof(index=index, count=count, path=steps, token=token)


def _split(count: int) -> int:
    """Give the largest power of two that is smaller than the count."""
    return 1 << ((count - 1).bit_length() - 1)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
