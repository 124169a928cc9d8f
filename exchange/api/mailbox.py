"""Read a mailbox: look, lease, acknowledge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from aiohttp import web

from exchange.api.routes import AFTER, LIMIT, MAX_LIMIT, WAITING, Asked, Route, answer, flag_of, limit_of
from exchange.api.views import DeliveryView, LeaseRequest, ReceiptView
from exchange.core.model import Delivery, DeliveryKey, Filed
from exchange.errors import REQUEST
from trust_store.errors import Refused

MAX_LEASE = 3600.0
MAX_WAIT = 60.0


async def inbox(asked: Asked) -> web.StreamResponse:
    """List a mailbox without leasing anything."""
    request = asked.request
    found = await asked.reading.hub.store.mailboxes.inbox(
        asked.party.id,
        waiting=flag_of(request, "waiting", default=True),
        after=request.query.get("after", ""),
        limit=limit_of(request),
    )
    return answer(await _views(asked, found))


async def lease(asked: Asked) -> web.StreamResponse:
    """Lease waiting deliveries to this reader."""
    wanted = _lease_request(asked.body)
    found = await asked.reading.hub.deliver(
        asked.party,
        limit=wanted.limit,
        lease=timedelta(seconds=wanted.lease_seconds),
        wait=timedelta(seconds=wanted.wait_seconds),
    )
    return answer(await _views(asked, found))


async def acknowledge(asked: Asked) -> web.StreamResponse:
    """Record that the receiver has a message safely."""
    key = DeliveryKey(asked.request.match_info["delivery"])
    receipt = await asked.reading.hub.acknowledge(asked.party, key)
    return answer(ReceiptView(receipt_id=receipt.id, receipt=receipt.xml.decode()))


def _lease_request(body: bytes) -> LeaseRequest:
    try:
        wanted = msgspec.json.decode(body or b"{}", type=LeaseRequest)
    except UnicodeDecodeError:
        raise Refused(REQUEST, "The body is not in UTF-8") from None
    except msgspec.DecodeError as error:
        raise Refused(REQUEST, f"The body is not such a request: {error}") from None
    for name, value, least, most in (
        ("limit", wanted.limit, 1, MAX_LIMIT),
        ("lease_seconds", wanted.lease_seconds, 1, MAX_LEASE),
        ("wait_seconds", wanted.wait_seconds, 0, MAX_WAIT),
    ):
        if not least <= value <= most:
            raise Refused(REQUEST, f"{name} must be from {least:g} to {most:g}", where=name)
    return wanted


async def _views(asked: Asked, found: Sequence[Delivery]) -> list[DeliveryView]:
    messages = asked.reading.hub.store.messages
    pairs = [(item, await messages.get(item.message)) for item in found]
    return [_view(item, filed) for item, filed in pairs if filed is not None]


def _view(delivery: Delivery, filed: Filed) -> DeliveryView:
    return DeliveryView(
        delivery=delivery.key,
        message=filed.key,
        message_id=filed.message_id,
        kind=filed.kind,
        business=filed.business,
        sender=filed.sender,
        subject=filed.subject,
        number=filed.number,
        notation=filed.notation,
        promulgated=filed.promulgated,
        size=filed.size,
        digest=filed.digest,
        consigned_at=delivery.consigned_at,
        handed_over_at=delivery.handed_over_at,
        leased_until=delivery.leased_until,
        status=delivery.status,
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/inbox",
        name="listInbox",
        text="List the party's mailbox, oldest first, without leasing anything.",
        handler=inbox,
        gives=DeliveryView,
        many=True,
        queries=(WAITING, AFTER, LIMIT),
    ),
    Route(
        method="POST",
        path="/v1/inbox/leases",
        name="leaseDeliveries",
        text="Lease waiting deliveries to this reader; no other reader gets them before the lease ends.",
        handler=lease,
        takes=LeaseRequest,
        gives=DeliveryView,
        many=True,
    ),
    Route(
        method="POST",
        path="/v1/inbox/{delivery}/acknowledgement",
        name="acknowledgeDelivery",
        text="Say that the message is safely received; the answer is the receipt, the same at every repetition.",
        handler=acknowledge,
        gives=ReceiptView,
    ),
)
