"""Read edXML files on this machine."""

from __future__ import annotations

from envelopes import edxml, xml
from envelopes.signature.classify import SignatureClass, classify
from envelopes.signature.verify import strip_comments
from trust_store.errors import reason

NOT_A_LETTER = reason("not-a-letter", "This is a status notice, not a letter", "Name the letter itself")


def read_message(data: bytes) -> tuple[edxml.Message, SignatureClass]:
    """Read edXML from what was signed, or, where nothing valid was, as it is; the class tells which."""
    tree, undeclared = xml.parse_tolerant(data)
    found = classify(tree, undeclared)
    root = found.signed.element if found.signed else tree.getroot()
    strip_comments(root)
    return edxml.parse(root), found.kind
