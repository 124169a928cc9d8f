"""The bytes that enter the transparency log: a salted digest, from which nothing about a document can be read."""

from __future__ import annotations

import hashlib
from typing import Final

SALT_BYTES: Final = 16
_DOMAIN: Final = b"congvan/leaf/v1\0"


def commit(statement: bytes, salt: bytes) -> bytes:
    """Commit to a statement of evidence: SHA-256 over a domain name, the salt (16 random bytes) and the statement.

    Whoever holds the statement and its salt can show that this leaf is theirs; the leaf alone tells nothing.
    """
    return hashlib.sha256(_DOMAIN + salt + statement).digest()
