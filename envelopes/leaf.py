"""The bytes that enter the transparency log: salted digests in chains, from which nothing about a document can be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

SALT_BYTES: Final = 16
ENTRY_BYTES: Final = 32
_LEAF: Final = b"congvan/leaf/v1\0"
_ENTRY: Final = b"congvan/entry/v1\0"
_NUMBER_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Chain an entry: its number in its mailbox (from 1), the entry before it there, and the one before about its message.

    Entries are 32 bytes; empty where there is none before.
    """

    number: int
    in_mailbox: bytes = b""
    of_message: bytes = b""


def commit(statement: bytes, salt: bytes) -> bytes:
    """Commit to a statement of evidence: SHA-256 over a domain name, the salt (16 random bytes) and the statement.

    Whoever holds the statement and its salt can show that this leaf is theirs; the leaf alone tells nothing.
    """
    return hashlib.sha256(_LEAF + salt + statement).digest()


def entry_of(leaf: bytes, links: Links) -> bytes:
    """Make the entry of the log (32 bytes) from a leaf and what it is chained to.

    SHA-256 over a domain name, the leaf, the number (8 bytes, the highest first) and the two entries before, each as 32
    zero bytes where there is none.
    """
    before = b"".join(each.rjust(ENTRY_BYTES, b"\0") for each in (links.in_mailbox, links.of_message))
    return hashlib.sha256(_ENTRY + leaf + links.number.to_bytes(_NUMBER_BYTES) + before).digest()
