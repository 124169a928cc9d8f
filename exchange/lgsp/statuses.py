"""Say how far a document has come: updateStatus, with reports on taking it over and with business codes.

A business code is a status message, a document that its sender answers for. A system whose messages must be signed is told
to sign one and send it. For a system that may send unsigned ones the hub writes it down: it would be the same unsigned
document, believed for the same reason, if the system had written it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from envelopes.drafting import draft_status
from envelopes.edxml import Letter, Organ, StatusCode, build
from envelopes.opened import VIETNAM
from envelopes.signature.classify import SignatureClass
from exchange.composing import read_document
from exchange.core.model import Delivery, DeliveryKey, Transport
from exchange.errors import REQUEST
from exchange.lgsp.letters import content_of
from exchange.lgsp.operations import Asked, Operation, document_of
from exchange.ngsp import statuses
from exchange.ngsp.headers import Parameters
from exchange.ngsp.operations import Call
from exchange.ngsp.receiving import find_delivery
from trust_store.errors import Refused, reason, shorten

STATUS_UNSIGNED = reason(
    "status-needs-signature",
    "A business status is a message that its sender must sign, and the hub signs for nobody",
    "Send a signed status message by sendEdoc with messageType=status",
)
REPORTS: Final = frozenset({Transport.PROCESSING.value, Transport.DONE.value, Transport.FAIL.value})
CODES: Final = frozenset(set(StatusCode) - {StatusCode.RECALL_REQUESTED})
"""What a receiver may say; 13 is for the sender of a document, which has no docId of its own here."""


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What the body says; whatever else is in it is not read."""

    docId: str  # noqa: N815 - the name on the wire
    status: str
    description: str = ""


async def update(asked: Asked) -> Mapping[str, Any]:
    """Record what the system reports, or send the business status that it gives."""
    wanted = read_update(asked.call.body)
    key, status = document_of(wanted.docId), wanted.status.strip().lower()
    if status in REPORTS:
        values = {"docid": key, "status": status, "description": wanted.description}
        await statuses.update(_saying(asked.call, values))
        return {}
    await _say(asked.call, key, code_of(status), shorten(wanted.description.strip(), statuses.MAX_TEXT))
    return {}


def read_update(body: bytes) -> Update:
    """Read the body.

    Raises:
        Refused: `request-malformed`.
    """
    try:
        return msgspec.json.decode(body, type=Update)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(REQUEST, f'The body is not {{"docId","status"}} as JSON: {error}', where="body") from None


def code_of(text: str) -> StatusCode:
    """Read a business code; one digit is one with a zero before it.

    Raises:
        Refused: `request-malformed`.
    """
    code = text.zfill(2) if text.isascii() and text.isdecimal() else ""
    if code not in CODES:
        shown = ", ".join(sorted(CODES))
        raise Refused(REQUEST, f"status is processing, done or fail, or a code of {shown}", where="status")
    return StatusCode(code)


async def _say(call: Call, key: DeliveryKey, code: StatusCode, text: str) -> None:
    delivery = await find_delivery(call, key)
    if SignatureClass.NONE not in call.system.admits:
        raise Refused(STATUS_UNSIGNED, f"{code} about {key} was not sent", where="status")
    if delivery.status == code:
        return
    notice = await _written(call, delivery, code, text)
    receiver = call.party(delivery.receiver)
    await call.hub.submit(call.system.sending(receiver), notice, call.system.credential)


async def _written(call: Call, delivery: Delivery, code: StatusCode, text: str) -> bytes:
    """Write the status message of the agency that received the document."""
    data = await content_of(call, delivery)
    letter = await call.hub.workers.run(len(data), read_document, data)
    if not isinstance(letter, Letter):
        raise Refused(REQUEST, "A status message has no status of its own", where="docId")
    at: datetime = call.hub.clock.now().astimezone(VIETNAM)
    notice = draft_status(sender=Organ(organ_id=delivery.receiver), letter=letter, code=code, at=at, text=text)
    return build(notice)


def _saying(call: Call, values: Mapping[str, str]) -> Call:
    return dataclasses.replace(call, parameters=Parameters(values=values), body=b"")


OPERATIONS: Final = (
    Operation(method="POST", path="/v1/updateStatus", text="Say how far a document has come.", handler=update),
)
