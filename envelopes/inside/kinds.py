"""Tell which files are looked into for signatures of their own."""

from __future__ import annotations

from typing import Final

from envelopes.inside.facts import FileKind

HEADER: Final = 1024
"""Within so many bytes readers look for the beginning of a PDF file (ISO 32000-1, annex H), and so do forgers."""
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def kind_of(beginning: bytes) -> FileKind:
    """Tell the kind of a file from its first bytes, 1024 of them or more; neither its name nor its stated type counts."""
    head = beginning[:HEADER]
    if b"%PDF-" in head:
        return FileKind.PDF
    mark = next((each for each in _MARKS if head.startswith(each)), b"")
    text = head[len(mark) :].replace(b"\0", b"").lstrip()
    return (
        FileKind.XML if text[:1] == b"<" and text[:2] not in {b"<%", b"<-"} and not _is_html(text) else FileKind.OTHER
    )


def _is_html(text: bytes) -> bool:
    return text[:14].lower().startswith((b"<!doctype html", b"<html"))
