"""Read a mailbox: look, count, lease, acknowledge, put away."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import msgspec
from aiohttp import web

from exchange.api.routes import MAX_LIMIT, Asked, Route, answer
from exchange.api.searching import SEARCH, SENDER, point_on, search_of
from exchange.api.views import CountsView, DeliveryView, LeaseRequest, ReceiptView, ReleaseView, RenewalRequest
from exchange.auth.permissions import Action
from exchange.core.finding import Box
from exchange.core.model import DeliveryKey, Entry
from exchange.errors import REQUEST
from trust_store.errors import Refused

MAX_LEASE = 3600.0
MAX_WAIT = 60.0
_T = TypeVar("_T")


async def inbox(asked: Asked) -> web.StreamResponse:
    """List a mailbox without leasing anything."""
    search = search_of(asked.request, "sender", Box.WAITING)
    found = await asked.mailbox.inbox(asked.party, search)
    last = found[-1].delivery.key if found else ""
    return point_on(asked.request, answer([_view(item) for item in found]), last, full=len(found) == search.limit)


async def counts(asked: Asked) -> web.StreamResponse:
    """Count a mailbox."""
    return await _counted(asked)


async def lease(asked: Asked) -> web.StreamResponse:
    """Lease waiting deliveries to this reader."""
    wanted = _request(asked.body, LeaseRequest)
    _within("limit", wanted.limit, 1, MAX_LIMIT)
    _within("lease_seconds", wanted.lease_seconds, 1, MAX_LEASE)
    _within("wait_seconds", wanted.wait_seconds, 0, MAX_WAIT)
    found = await asked.reading.hub.deliver(
        asked.party,
        limit=wanted.limit,
        lease=timedelta(seconds=wanted.lease_seconds),
        wait=timedelta(seconds=wanted.wait_seconds),
        admit=asked.admit,
    )
    return answer([_view(item) for item in found])


async def renew(asked: Asked) -> web.StreamResponse:
    """Let a lease last longer."""
    wanted = _request(asked.body, RenewalRequest)
    _within("lease_seconds", wanted.lease_seconds, 1, MAX_LEASE)
    duration = timedelta(seconds=wanted.lease_seconds)
    held = await asked.mailbox.renew(asked.party, asked.request.match_info["lease"], duration)
    return answer([_view(item) for item in held])


async def release(asked: Asked) -> web.StreamResponse:
    """End a lease now."""
    released = await asked.mailbox.release(asked.party, asked.request.match_info["lease"])
    return answer(ReleaseView(released=released))


async def acknowledge(asked: Asked) -> web.StreamResponse:
    """Record that the receiver has a message safely."""
    receipt = await asked.reading.hub.acknowledge(asked.party, _key(asked))
    return answer(ReceiptView(receipt_id=receipt.id, receipt=receipt.xml.decode()))


async def archive(asked: Asked) -> web.StreamResponse:
    """Put an acknowledged delivery into the archive."""
    await asked.mailbox.archive(asked.party, _key(asked), away=True)
    return await _counted(asked)


async def restore(asked: Asked) -> web.StreamResponse:
    """Take a delivery out of the archive."""
    await asked.mailbox.archive(asked.party, _key(asked), away=False)
    return await _counted(asked)


async def _counted(asked: Asked) -> web.Response:
    found = await asked.mailbox.count(asked.party)
    return answer(
        CountsView(
            waiting=found.waiting,
            leased=found.leased,
            received=found.received,
            archived=found.archived,
            held=found.held,
            sent=found.sent,
        )
    )


def _key(asked: Asked) -> DeliveryKey:
    return DeliveryKey(asked.request.match_info["delivery"])


def _request(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except UnicodeDecodeError:
        raise Refused(REQUEST, "The body is not in UTF-8") from None
    except msgspec.DecodeError as error:
        raise Refused(REQUEST, f"The body is not such a request: {error}") from None


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise Refused(REQUEST, f"{name} must be from {least:g} to {most:g}", where=name)


def _view(entry: Entry) -> DeliveryView:
    delivery, filed = entry.delivery, entry.message
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
        lease=delivery.lease,
        leased_until=delivery.leased_until,
        fetched_at=delivery.fetched_at,
        fetched_by=delivery.fetched_by,
        archived_at=delivery.archived_at,
        status=delivery.status,
        state=delivery.state,
        transport=delivery.transport,
        transport_text=delivery.transport_text,
        held=delivery.held,
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/inbox",
        name="listInbox",
        action=Action.LOOK,
        text="List the party's mailbox, oldest first, without leasing anything; what waits, unless told.",
        handler=inbox,
        gives=DeliveryView,
        many=True,
        queries=(*SEARCH, SENDER),
    ),
    Route(
        method="GET",
        path="/v1/counts",
        name="countMailbox",
        action=Action.LOOK,
        text="Count what waits, is leased, was received, is archived, was sent.",
        handler=counts,
        gives=CountsView,
    ),
    Route(
        method="POST",
        path="/v1/inbox/leases",
        name="leaseDeliveries",
        action=Action.TAKE,
        text="Lease waiting deliveries to this reader; no other reader gets them before the lease ends.",
        handler=lease,
        takes=LeaseRequest,
        gives=DeliveryView,
        many=True,
        waits=MAX_WAIT,
    ),
    Route(
        method="POST",
        path="/v1/inbox/leases/{lease}/renewal",
        name="renewLease",
        action=Action.TAKE,
        text="Let a lease that has not ended last longer; the answer lists what it still holds.",
        handler=renew,
        takes=RenewalRequest,
        gives=DeliveryView,
        many=True,
    ),
    Route(
        method="DELETE",
        path="/v1/inbox/leases/{lease}",
        name="releaseLease",
        action=Action.TAKE,
        text="End a lease now, so that other readers get what it holds.",
        handler=release,
        gives=ReleaseView,
    ),
    Route(
        method="POST",
        path="/v1/inbox/{delivery}/acknowledgement",
        name="acknowledgeDelivery",
        action=Action.TAKE,
        text="Say that the message is safely received; the answer is the receipt, the same at every repetition.",
        handler=acknowledge,
        gives=ReceiptView,
    ),
    Route(
        method="PUT",
        path="/v1/inbox/{delivery}/archive",
        name="archiveDelivery",
        action=Action.ARRANGE,
        text="Put an acknowledged delivery into the archive.",
        handler=archive,
        gives=CountsView,
    ),
    Route(
        method="DELETE",
        path="/v1/inbox/{delivery}/archive",
        name="restoreDelivery",
        action=Action.ARRANGE,
        text="Take a delivery out of the archive.",
        handler=restore,
        gives=CountsView,
    ),
)
