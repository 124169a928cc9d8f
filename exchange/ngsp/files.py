"""The file in the body of sendEdoc: exactly the bytes that the client read from its disk, held to the digest it signed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import Final

from trust_store.errors import Refused, reason

HASH_FILE = reason(
    "hash-file-mismatch",
    "The file is not the one whose SHA-256 was signed",
    "Send the file again; hash-file is the SHA-256 of the file without the CRLF that the client adds",
)
CRLF: Final = b"\r\n"
_STARTS: Final = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]*")


def take_file(body: bytes, stated: str) -> bytes:
    """Take the file out of a body: without the one CRLF that the client adds, and out of base64 where a client wraps it so.

    Raises:
        Refused: `hash-file-mismatch`.
    """
    for content in _contents(body):
        plain = _unwrapped(content)
        if is_digest(stated, content):
            return content if plain is None else plain
        if plain is not None and is_digest(stated, plain):
            return plain
    raise Refused(HASH_FILE, where="XroadVnpt-hash-file")


def is_digest(stated: str, content: bytes) -> bool:
    """Compare a digest with a content, in 64 hex digits or as the official client writes it."""
    digest = hashlib.sha256(content).digest()
    shown = stated.strip().lower().encode("utf-8", "replace")
    forms = digest.hex(), stripped(digest)
    return hmac.compare_digest(shown, forms[0].encode()) | hmac.compare_digest(shown, forms[1].encode())


def stripped(digest: bytes) -> str:
    """Write a digest as the official client does: each byte in hex without a leading zero."""
    return "".join(f"{byte:x}" for byte in digest)


def _contents(body: bytes) -> Iterator[bytes]:
    if body.endswith(CRLF):
        yield body[: -len(CRLF)]
    yield body


def _unwrapped(content: bytes) -> bytes | None:
    """Decode what is a base64 text of XML; None for everything else."""
    if content.startswith(_STARTS) or not _BASE64.fullmatch(content[:256]):
        return None
    try:
        plain = base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        return None
    return plain if plain.lstrip().startswith(_STARTS) else None
