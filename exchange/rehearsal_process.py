"""The program that rehearses: it opens a document, and says nothing for "opened", or why not, in JSON."""

from __future__ import annotations

import msgspec

from envelopes.opened import open_signed
from exchange.bounded_process import run
from trust_store.errors import Refused


def write_refusal(refusal: Refused) -> bytes:
    """Write a refusal for the parent."""
    return msgspec.json.encode((refusal.reason.code, refusal.detail, refusal.where))


def rehearse(data: bytes) -> bytes:
    """Open a document, and say what came of it."""
    try:
        open_signed(data)
    except Refused as refusal:
        return write_refusal(refusal)
    return b""


if __name__ == "__main__":
    run(rehearse)
