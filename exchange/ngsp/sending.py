"""Send documents and status messages: sendEdoc."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from exchange.core.model import Party
from exchange.errors import TOO_LARGE
from exchange.logs import note
from exchange.ngsp.files import take_file
from exchange.ngsp.operations import NOT_OF_SYSTEM, Call, Operation
from trust_store.errors import Refused

_PEEK: Final = 64 * 1024
_FROM = re.compile(rb"<(?:[\w.-]{1,32}:)?From\s*>")
_ORGAN = re.compile(rb"<(?:[\w.-]{1,32}:)?OrganId\s*>\s*([^<\s]{1,64})\s*<")


async def send(call: Call) -> Mapping[str, Any]:
    """Take a document on; what it is, and whom it is for, is said by the document alone."""
    stated = call.parameters.get("hash-file")
    data = await call.hub.workers.run(len(call.body), take_file, call.body, stated)
    if len(data) > call.hub.sizes.bound:
        raise Refused(TOO_LARGE, f"The document has {len(data):,} bytes; {call.hub.sizes.bound:,} are allowed")
    sender = find_sender(call, data)
    filed, _ = await call.hub.submit(call.system.sending(sender), data, call.system.credential)
    return {"DocId": filed.key}


def find_sender(call: Call, data: bytes) -> Party:
    """Find the party of the system that sends: the one in From/OrganId, or else in the header `from`.

    Where From/OrganId stands is only looked for here; the hub reads it properly, and refuses what names another party.

    Raises:
        Refused: `system-sender`.
    """
    header = call.parameters.get("from").strip()
    stated = _stated(data)
    for code in filter(None, (header, stated)):
        if call.own(code) is None:
            raise _foreign(call, code)
    sender = call.own(stated or header)
    if sender is None:
        raise _foreign(call, "(khong ghi)")
    if header and call.own(header) != sender:
        note(header_from=header)
    return call.party(sender.id)


def _stated(data: bytes) -> str:
    """Look for the first From/OrganId; what is written in another way than usual is found by the header."""
    sender = _FROM.search(data, 0, _PEEK)
    organ = _ORGAN.search(data, sender.end(), sender.end() + 4096) if sender else None
    return organ[1].decode("utf-8", "replace") if organ else ""


def _foreign(call: Call, code: str) -> Refused:
    """Make the refusal in the words that operators of such clients know."""
    known = ", ".join(sorted(call.system.parties)[:5]) + (", ..." if len(call.system.links) > 5 else "")
    text = f"Don vi gui {code} khong dung voi ma da dang ky: {known or '(chua co)'}"
    return Refused(NOT_OF_SYSTEM, text, where="From/OrganId")


OPERATIONS: Final = (
    Operation(
        name="sendEdoc",
        text="Take a document or a status message on.",
        handler=send,
        failing={"DocId": ""},
        body=None,
    ),
)
