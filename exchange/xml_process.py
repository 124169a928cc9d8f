"""The program that looks into XML files: it answers what it found of signatures, as JSON, and judges nobody."""

from __future__ import annotations

import msgspec

from envelopes.inside.xml_file import read_xml
from exchange.bounded_process import run


def look(data: bytes) -> bytes:
    """Look into a file."""
    return msgspec.json.encode(read_xml(data))


if __name__ == "__main__":
    run(look)
