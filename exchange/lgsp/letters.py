"""Send documents and status messages, list what waits, and fetch it: sendEdoc, syncReceivedEdocList, getEdoc."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from envelopes.attachments import MEBIBYTE, Caps, unwrap
from envelopes.edxml import Attachment, Letter
from exchange.composing import read_document
from exchange.core.model import Delivery, Entry, Filed, Kind, Transport
from exchange.core.systems import Collect
from exchange.errors import NOT_FOUND, REQUEST, TOO_LARGE
from exchange.lgsp.answers import succeed
from exchange.lgsp.forms import read_form
from exchange.lgsp.operations import Asked, Operation, day_of, document_of, tell
from exchange.ngsp.operations import SERVICE, Call, message_type, read_page
from exchange.ngsp.receiving import WAITING, find_delivery
from exchange.ngsp.sending import find_sender
from trust_store.errors import Refused

FILE: Final = "edocFile"
KIND: Final = "messageType"
MAX_UNPACKED: Final = 64 * MEBIBYTE
"""How much the files of one letter may hold together when they are handed out unpacked."""


async def send(asked: Asked) -> Mapping[str, Any]:
    """Take a document on; what it is, and whom it is for, is said by the document alone."""
    call, hub = asked.call, asked.call.hub
    form = await hub.workers.run(len(call.body), read_form, asked.content_type, call.body)
    if FILE not in form:
        raise Refused(REQUEST, f"The form has no part {FILE}", where=FILE)
    kind_of(form.get(KIND, b"").decode("utf-8", "replace"))
    data = form[FILE]
    if len(data) > hub.sizes.bound:
        raise Refused(TOO_LARGE, f"The document has {len(data):,} bytes; {hub.sizes.bound:,} are allowed", where=FILE)
    filed, _ = await hub.submit(call.system.sending(find_sender(call, data)), data, call.system.credential)
    return {"docId": filed.key}


async def list_received(asked: Asked) -> Mapping[str, Any]:
    """List what waits for the agencies of the system, or with days everything that came on them."""
    offset, limit = read_page(asked.call.parameters)
    wanted = Collect(
        kind=kind_of(asked.fields.get(KIND, "")),
        since=day_of(asked.fields, "fromDate"),
        until=day_of(asked.fields, "toDate", after=True),
        offset=offset,
        limit=limit,
    )
    found = await asked.call.hub.store.systems.collect(asked.call.system.id, wanted)
    return {"count": len(found), "data": [_line(entry) for entry in found]}


async def get(asked: Asked) -> web.Response:
    """Hand out a document: the very bytes that the sender sent, and its files taken out of them.

    The bytes were judged when they were filed, and are compared with the digest of that moment before they are read.
    """
    call, key = asked.call, document_of(asked.fields.get("docId"))
    delivery = await find_delivery(call, key)
    data = await content_of(call, delivery)
    filed = await call.hub.store.messages.get(delivery.message)
    if filed is None:
        raise Refused(NOT_FOUND, "There is no such document", where="docId")
    sender = call.snapshot.parties.get(filed.sender)
    described = _described(filed, sender.name if sender else "", delivery)
    return await call.hub.workers.run(len(data), _handed_out, described, data)


async def content_of(call: Call, delivery: Delivery) -> bytes:
    """Return the bytes of what an agency of the system received; they are those that were judged and filed."""
    receiver = call.party(delivery.receiver)
    return await call.reading.content(receiver, delivery.message, f"system {call.system.id}")


def kind_of(text: str) -> Kind:
    """Read which kind of message is meant; letters unless told.

    Raises:
        Refused: `request-malformed`.
    """
    kind = {"": Kind.LETTER, "edoc": Kind.LETTER, "status": Kind.STATUS}.get(text.strip().lower())
    if kind is None:
        raise Refused(REQUEST, f"{KIND} is edoc or status", where=KIND)
    return kind


def _line(entry: Entry) -> dict[str, str]:
    delivery, message = entry.delivery, entry.message
    moments = (delivery.consigned_at, delivery.transport_at, delivery.handed_over_at)
    done = delivery.handed_over_at is not None
    return {
        "serviceType": SERVICE,
        "createdTime": tell(delivery.consigned_at),
        "updatedTime": tell(max(moment for moment in moments if moment is not None)),
        "messageType": message_type(message.kind),
        "docId": delivery.key,
        "from": message.sender,
        "to": delivery.receiver,
        "status": Transport.DONE.value if done else delivery.transport.value or WAITING,
        "statusDesc": delivery.transport_text,
    }


def _described(filed: Filed, sender: str, delivery: Delivery) -> dict[str, str]:
    return {
        "docId": delivery.key,
        "from": filed.sender,
        "fromName": sender,
        "edocCode": "/".join(filter(None, (filed.number, filed.notation))),
        "edocAbstract": filed.subject,
    }


def _handed_out(described: Mapping[str, str], data: bytes) -> web.Response:
    """Write the whole answer where it holds nobody else up: it is larger than the document."""
    edxml = base64.b64encode(data).decode()
    return succeed({"data": {**described, "edxml": edxml, "attachments": _files(data)}})


def _files(data: bytes) -> list[dict[str, str]]:
    """Take the files out of a letter, as long as they stay within `MAX_UNPACKED` together."""
    message, files, left = read_document(data), [], MAX_UNPACKED
    for attachment in message.attachments if isinstance(message, Letter) else ():
        content = _content(attachment, left)
        left = max(0, left - len(content))
        files.append({"fileName": attachment.name, "fileContent": base64.b64encode(content).decode()})
    return files


def _content(attachment: Attachment, most: int) -> bytes:
    """Give a file as a person reads it; what cannot be unpacked, or grows too much, is given as it came."""
    try:
        return unwrap(attachment, Caps(size=most)).data
    except Refused:
        return attachment.content


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/sendEdoc",
        text="Take a document or a status message on.",
        handler=send,
        body=None,
    ),
    Operation(
        method="GET", path="/v1/syncReceivedEdocList", text="List what waits, or what came.", handler=list_received
    ),
    Operation(method="GET", path="/v1/getEdoc", text="Hand out a document with its files.", handler=get),
)
