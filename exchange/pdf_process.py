"""The program that looks into PDF files: it answers what it found of signatures, as JSON, and judges nobody."""

from __future__ import annotations

import msgspec

from envelopes.inside.pdf import read_pdf
from exchange.bounded_process import run


def look(data: bytes) -> bytes:
    """Look into a file."""
    return msgspec.json.encode(read_pdf(data))


if __name__ == "__main__":
    run(look)
