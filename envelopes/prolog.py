"""What can be told from the bytes alone, before any parser sees them: encoding, version, DOCTYPE, and how much there is.

Every step moves forward through the bytes once, so that no beginning of a document costs more than its length.
"""

from __future__ import annotations

import re
from typing import Final

from envelopes.limits import LIMITS, Limits
from trust_store.errors import Refused, reason

DOCTYPE = reason(
    "xml-doctype", "The document has a DOCTYPE", "Send the document without a DOCTYPE; entities are never expanded"
)
ENCODING = reason(
    "xml-encoding", "The encoding is not accepted", "Write the document in UTF-8 (UTF-16 is read as well)"
)
VERSION = reason("xml-version", "Only XML 1.0 is accepted", "Write the document as XML 1.0")

ENCODINGS: Final = frozenset({"utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii"})
_DECLARATION_SIZE: Final = 256
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_VERSION: Final = re.compile(rb"""version[ \t\r\n]*=[ \t\r\n]*["']([^"']*)["']""")
_ENCODING: Final = re.compile(rb"""encoding[ \t\r\n]*=[ \t\r\n]*["']([^"']*)["']""")
_SKIPPED: Final = ((b"<!--", b"-->"), (b"<?", b"?>"))


def check_prolog(data: bytes, limits: Limits) -> None:
    """Refuse what must not reach the parser.

    Raises:
        Refused: another encoding or version than XML 1.0 in UTF-8 or UTF-16, a DOCTYPE, or more marks than a document
            within the limits has.
    """
    narrow = _as_ascii(data)
    _check_amount(narrow, limits)
    if narrow.startswith(b"<?xml"):
        _check_declaration(narrow[: narrow.find(b"?>") + 2])
    if _first_markup(narrow).startswith(b"<!DOCTYPE"):
        raise Refused(DOCTYPE)


def _as_ascii(data: bytes) -> bytes:
    """Give the bytes with markup as in ASCII: UTF-16 is written anew, a byte order mark taken off."""
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or (
        b"\0" in data[:4] and data[:2] not in {b"\xff\xfe", b"\xfe\xff"}
    ):
        raise Refused(ENCODING, "The document is neither in UTF-8 nor in UTF-16 with a byte order mark")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").encode("utf-8", "replace")
    return data.removeprefix(b"\xef\xbb\xbf")


def _check_amount(data: bytes, limits: Limits) -> None:
    """Count marks, which is quick, so that the parser never builds a tree that the limits would refuse at once."""
    if data.count(b"<") > 4 * limits.elements:
        raise Refused(LIMITS, f"There are more than {limits.elements:,} elements, comments or instructions")
    if data.count(b'"') + data.count(b"'") > 20 * limits.attributes:
        raise Refused(LIMITS, f"There are more than {limits.attributes:,} attributes, or too many quotation marks")


def _check_declaration(declaration: bytes) -> None:
    if len(declaration) > _DECLARATION_SIZE:
        raise Refused(ENCODING, "The XML declaration is longer than any there is")
    version, encoding = _VERSION.search(declaration), _ENCODING.search(declaration)
    if version and version[1] != b"1.0":
        raise Refused(VERSION, f"The document says it is XML {version[1].decode('latin-1')!r}")
    if encoding and encoding[1].decode("latin-1").lower() not in ENCODINGS:
        raise Refused(ENCODING, f"The document says it is written in {encoding[1].decode('latin-1')!r}")


def _first_markup(data: bytes) -> bytes:
    """Give the beginning of the first thing that is neither white space nor a comment nor an instruction."""
    position = 0
    while True:
        space = _SPACE.match(data, position)
        position = space.end() if space else position
        end = next((close for start, close in _SKIPPED if data.startswith(start, position)), None)
        found = data.find(end, position) if end else -1
        if end is None or found < 0:
            return data[position : position + 16]
        position = found + len(end)
