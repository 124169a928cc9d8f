"""Say how far taking over has come: updateStatus. Business statuses are documents of their own, and go by sendEdoc."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exchange.core.model import Delivery, Transport
from exchange.errors import NOT_FOUND, REQUEST
from exchange.ngsp.operations import Call, Operation
from exchange.ngsp.receiving import find_delivery
from trust_store.errors import Refused, shorten

MAX_TEXT: Final = 500
_REPORTS: Final = {item.value: item for item in (Transport.PROCESSING, Transport.DONE, Transport.FAIL)}


async def update(call: Call) -> Mapping[str, Any]:
    """Record what the system reports; `done` is the hand-over, with its receipt."""
    status = _REPORTS.get(call.parameters.get("status").strip().lower())
    if status is None:
        raise Refused(REQUEST, "status is processing, done or fail", where="XroadVnpt-status")
    delivery = await _addressed(call)
    receiver, hub = call.party(delivery.receiver), call.hub
    if status is Transport.DONE:
        await hub.acknowledge(receiver, delivery.key)
    if delivery.handed_over_at is None or status is Transport.DONE:
        text = shorten(call.parameters.get("description").strip(), MAX_TEXT)
        await hub.store.mailboxes.report(delivery, status, text, hub.clock.now())
        hub.bell.ring(delivery.sender)
    return {}


async def _addressed(call: Call) -> Delivery:
    """Find the delivery that is meant: `docid` where an agency of the system received it, or else `docId`.

    Clients that go on using one object send both, one of them stale.
    """
    for name in ("docid", "docId"):
        key = call.parameters.exactly(name)
        if key:
            try:
                return await find_delivery(call, key)
            except Refused as refusal:
                if refusal.reason is not NOT_FOUND:
                    raise
    return await find_delivery(call, "")


OPERATIONS: Final = (
    Operation(name="updateStatus", text="Say how far taking a document over has come.", handler=update),
)
