"""Forms with files (multipart/form-data, RFC 7578), read strictly: a few parts, each with a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message
from typing import Final

from exchange.errors import REQUEST
from trust_store.errors import Refused

MAX_PARTS: Final = 10
MAX_HEAD: Final = 4096
FORM: Final = "multipart/form-data"
_PLAIN: Final = frozenset({"", "7bit", "8bit", "binary"})


def read_form(content_type: str, body: bytes) -> Mapping[str, bytes]:
    """Read the parts of a form by their names.

    Raises:
        Refused: `request-malformed`.
    """
    stated = Message()
    stated["Content-Type"] = content_type
    boundary = stated.get_param("boundary")
    if stated.get_content_type() != FORM or not isinstance(boundary, str) or not 1 <= len(boundary) <= 70:
        raise _malformed(f"The body is not {FORM} with a boundary")
    first, *pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"), MAX_PARTS + 2)
    if first.strip() or not pieces or not pieces[-1].startswith(b"--"):
        raise _malformed("The form does not begin and end with its boundary")
    if len(pieces) > MAX_PARTS + 1:
        raise _malformed(f"A form has at most {MAX_PARTS} parts")
    return _named(pieces[:-1])


def _named(pieces: list[bytes]) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for piece in pieces:
        name, content = _part(piece)
        if name in found:
            raise _malformed(f"The form has {name} twice")
        found[name] = content
    return found


def _part(piece: bytes) -> tuple[str, bytes]:
    """Take one part apart: its name, and its bytes as they came."""
    head, mark, content = piece.partition(b"\r\n\r\n")
    if not mark or not head.startswith(b"\r\n") or len(head) > MAX_HEAD:
        raise _malformed("A part of the form has no headers of its own")
    headers = Message()
    for line in head[2:].split(b"\r\n"):
        key, colon, value = line.decode("utf-8", "replace").partition(":")
        if not colon:
            raise _malformed("A header of a part is no header")
        headers[key.strip()] = value.strip()
    name = headers.get_param("name", header="Content-Disposition")
    if not isinstance(name, str) or not name or not name.isprintable():
        raise _malformed("A part of the form has no name")
    if headers.get("Content-Transfer-Encoding", "").lower() not in _PLAIN:
        raise _malformed(f"The part {name} is encoded; send its bytes as they are")
    return name, content


def _malformed(text: str) -> Refused:
    return Refused(REQUEST, text, where="body")
