"""Files that travel beside an edXML letter: the signature names each by `cid:` (RFC 2392) and covers its digest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from envelopes.signature.grammar import DETACHED, MAX_DETACHED, Reference
from envelopes.signature.reasons import DIGEST, REFERENCE, TRANSFORM
from trust_store.errors import Refused

SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
MAX_NAME: Final = 255
_ESCAPED: Final = re.compile(r"(?:[0-9A-Za-z._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_HEX: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detached:
    """Name one file that the signature covers and the document does not hold: its content id and SHA-256 (hex)."""

    content_id: str
    digest: str


def read(references: Sequence[Reference], *, allowed: bool) -> tuple[Detached, ...]:
    """Read the references to files beside the document, in their order; `allowed` says whether this kind has any.

    Raises:
        Refused: not allowed here, a name that is none, another digest than SHA-256, a transform, or one name twice.
    """
    found = tuple(_read(reference) for reference in references if reference.uri.startswith(DETACHED))
    if found and not allowed:
        raise Refused(REFERENCE, "A Reference by cid: is for edXML letters alone")
    names = {item.content_id for item in found}
    if len(names) != len(found):
        raise Refused(REFERENCE, "A file beside the document is referenced twice")
    return found


def to_uris(detached: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Give the address and the digest of each file, from its content id and its SHA-256 (hex).

    Raises:
        Refused: a name that `read` would refuse, a digest that is none, or too many.
    """
    if len(detached) > MAX_DETACHED:
        raise Refused(REFERENCE, f"{len(detached)} files beside the letter; {MAX_DETACHED} are allowed")
    for content_id, digest in detached.items():
        _check_name(content_id)
        if not _HEX.fullmatch(digest):
            raise Refused(DIGEST, f"The digest of {content_id!r} is not SHA-256 in lower-case hex")
    return [(DETACHED + quote(name, safe="@,:"), bytes.fromhex(digest)) for name, digest in detached.items()]


def _read(reference: Reference) -> Detached:
    if reference.transforms:
        raise Refused(TRANSFORM, "A file beside the letter is digested as it is", where=_where(reference))
    if reference.type:
        raise Refused(REFERENCE, "A Reference by cid: has no Type", where=_where(reference))
    if reference.digest_algorithm != SHA256 or len(reference.digest) != 32:
        raise Refused(DIGEST, "A file beside the letter has a digest by SHA-256", where=_where(reference))
    return Detached(content_id=_name(reference), digest=reference.digest.hex())


def _name(reference: Reference) -> str:
    escaped = reference.uri.removeprefix(DETACHED)
    if not _ESCAPED.fullmatch(escaped):
        raise Refused(REFERENCE, "A name by cid: is not escaped as RFC 2392 says", where=_where(reference))
    try:
        name = unquote_to_bytes(escaped).decode()
    except UnicodeDecodeError:
        raise Refused(REFERENCE, "A name by cid: is not UTF-8", where=_where(reference)) from None
    _check_name(name)
    return name


def _check_name(name: str) -> None:
    """Refuse what nobody can see or tell apart: nothing at all, control and direction characters, outer white space."""
    if not 0 < len(name) <= MAX_NAME:
        raise Refused(REFERENCE, f"A name by cid: has {len(name)} characters; 1 to {MAX_NAME} are allowed")
    if not name.isprintable() or name != name.strip() or name.startswith(DETACHED):
        raise Refused(REFERENCE, f"{name!r} is not a name for a file by cid:")


def _where(reference: Reference) -> str:
    return f"Reference {reference.uri[:100]!r}"
