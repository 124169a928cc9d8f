"""Collect what was received, and follow what was sent."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from exchange.core.model import Delivery, DeliveryKey, Entry, Kind, MessageKey, Transport
from exchange.core.systems import Collect
from exchange.errors import NOT_FOUND
from exchange.ngsp.answers import succeed
from exchange.ngsp.operations import SERVICE, Call, Operation, message_type, read_moment, read_page, tell
from trust_store.errors import Refused

WAITING: Final = "initial"
"""What the dialect says of a delivery that no system has begun to take over."""


async def list_received(call: Call) -> Mapping[str, Any]:
    """List what waits for the agencies of the system, or with dates everything that came within them."""
    found = await call.hub.store.systems.collect(call.system.id, _wanted(call))
    return {"data": [_received(entry) for entry in found]}


async def list_sent(call: Call) -> Mapping[str, Any]:
    """List what the agencies of the system sent, one line for each receiver, or one message by its docId."""
    key = call.parameters.get("docId").strip()
    found = await call.hub.store.systems.sent(call.system.id, _wanted(call), MessageKey(key) if key else None)
    return {"data": [_sent(entry) for entry in found]}


async def get(call: Call) -> web.Response:
    """Hand out a document in base64: the very bytes that the sender sent."""
    data = await _content(call)
    return await call.hub.workers.run(len(data), _wrap, data)


async def download(call: Call) -> web.Response:
    """Hand out the very bytes that the sender sent."""
    return web.Response(body=await _content(call), content_type="application/octet-stream")


async def count_letters(call: Call) -> Mapping[str, Any]:
    """Count the documents that wait."""
    return {"count": await call.hub.store.systems.waiting(call.system.id, Kind.LETTER)}


async def count_notices(call: Call) -> Mapping[str, Any]:
    """Count the status messages that wait."""
    return {"count": await call.hub.store.systems.waiting(call.system.id, Kind.STATUS)}


async def find_delivery(call: Call, key: str) -> Delivery:
    """Find a delivery to an agency of the system.

    Raises:
        Refused: `not-found`.
    """
    found = await call.hub.store.systems.find(call.system.id, DeliveryKey(key.strip())) if key else None
    if found is None:
        raise Refused(NOT_FOUND, "No agency of this system received such a docId", where="XroadVnpt-docId")
    return found


def _wrap(data: bytes) -> web.Response:
    return succeed({"data": base64.b64encode(data).decode()})


async def _content(call: Call) -> bytes:
    delivery = await find_delivery(call, call.parameters.get("docId"))
    party = call.party(delivery.receiver)
    return await call.reading.content(party, delivery.message, f"system {call.system.id}")


def _wanted(call: Call) -> Collect:
    offset, limit = read_page(call.parameters)
    return Collect(
        kind=call.kind,
        since=read_moment(call.parameters, "fromDate"),
        until=read_moment(call.parameters, "toDate"),
        offset=offset,
        limit=limit,
    )


def _received(entry: Entry) -> dict[str, str]:
    delivery, message = entry.delivery, entry.message
    moments = (delivery.consigned_at, delivery.transport_at, delivery.handed_over_at)
    return {
        "docId": delivery.key,
        "serviceType": SERVICE,
        "messageType": message_type(message.kind),
        "created_time": tell(delivery.consigned_at),
        "updated_time": tell(max(moment for moment in moments if moment is not None)),
        "from": message.sender,
        "to": delivery.receiver,
        "status": _transport(delivery),
        "status_desc": delivery.transport_text,
    }


def _sent(entry: Entry) -> dict[str, str]:
    delivery, message = entry.delivery, entry.message
    return {
        "serviceType": SERVICE,
        "messageType": message_type(message.kind),
        "senderDocId": message.key,
        "receiverDocId": delivery.key,
        "fromCode": message.sender,
        "toCode": delivery.receiver,
        "title": message.subject,
        "notation": "/".join(filter(None, (message.number, message.notation))),
        "sentTime": tell(message.submitted_at),
        "receivedTime": tell(delivery.handed_over_at),
        "sendStatus": Transport.DONE.value,
        "sendStatusDesc": "",
        "receiveStatus": delivery.status or _transport(delivery),
        "receiveStatusDesc": delivery.held.value or delivery.transport_text or delivery.state.value,
    }


def _transport(delivery: Delivery) -> str:
    if delivery.handed_over_at is not None:
        return Transport.DONE.value
    return delivery.transport.value or WAITING


_LIST: Final[Mapping[str, Any]] = {"data": []}
_COUNT: Final[Mapping[str, Any]] = {"count": 0}
OPERATIONS: Final = (
    Operation(
        name="getReceivedEdocList",
        text="List what waits to be taken over, or what came within a time.",
        handler=list_received,
        failing=_LIST,
    ),
    Operation(
        name="getSentEdocList",
        text="List what was sent, and how far each receiver has come.",
        handler=list_sent,
        failing=_LIST,
    ),
    Operation(name="getEdoc", text="Hand out a document in base64.", handler=get),
    Operation(name="downloadEdoc", text="Hand out the bytes of a document.", handler=download, method="GET"),
    Operation(name="countReceiveEdoc", text="Count the documents that wait.", handler=count_letters, failing=_COUNT),
    Operation(
        name="countReceiveStatus", text="Count the status messages that wait.", handler=count_notices, failing=_COUNT
    ),
)
