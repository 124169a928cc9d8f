"""Send messages, and read what was sent and received."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from aiohttp import web

from exchange.api.routes import BEFORE, LIMIT, XML, Asked, Route, answer, limit_of
from exchange.api.views import MessageView, MomentView, ReceiverView, SubmissionView
from exchange.core.model import Delivery, Filed, MessageKey
from exchange.errors import REQUEST
from trust_store.errors import Refused


async def submit(asked: Asked) -> web.StreamResponse:
    """Take a signed edXML document on."""
    filed, receipt = await asked.reading.hub.submit(asked.party, asked.body)
    view = SubmissionView(
        message=filed.key,
        message_id=filed.message_id,
        digest=filed.digest,
        submitted_at=filed.submitted_at,
        receipt_id=receipt.id,
        receipt=receipt.xml.decode(),
    )
    response = answer(view, 201)
    response.headers["Location"] = f"/v1/messages/{filed.key}"
    return response


async def sent(asked: Asked) -> web.StreamResponse:
    """List what the party sent."""
    store = asked.reading.hub.store
    filed = await store.messages.sent(asked.party.id, _before(asked.request), limit_of(asked.request))
    return answer([_view(item, await store.mailboxes.of_message(item.key)) for item in filed])


async def message(asked: Asked) -> web.StreamResponse:
    """Show one message."""
    filed, deliveries = await asked.reading.message(asked.party, _key(asked))
    return answer(_view(filed, deliveries))


async def content(asked: Asked) -> web.StreamResponse:
    """Hand out the very bytes that the sender signed."""
    data = await asked.reading.content(asked.party, _key(asked))
    return web.Response(body=data, content_type=XML)


async def timeline(asked: Asked) -> web.StreamResponse:
    """Tell what happened to a message."""
    moments = await asked.reading.timeline(asked.party, _key(asked))
    return answer(
        [
            MomentView(
                at=item.at,
                what=item.what,
                receiver=item.receiver,
                text=item.text,
                evidence=item.evidence,
                notice=item.notice,
                irregular=item.irregular,
            )
            for item in moments
        ]
    )


def _key(asked: Asked) -> MessageKey:
    return MessageKey(asked.request.match_info["message"])


def _before(request: web.Request) -> datetime | None:
    text = request.query.get("before")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused(REQUEST, "before must be a moment with a time zone", where="query parameter before")
    return moment


def _view(filed: Filed, deliveries: Sequence[Delivery]) -> MessageView:
    return MessageView(
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
        submitted_at=filed.submitted_at,
        signature_class=filed.signature_class,
        verdict=msgspec.Raw(filed.verdict.encode()),
        receipt_id=filed.receipt,
        receivers=[_receiver(item) for item in deliveries],
    )


def _receiver(delivery: Delivery) -> ReceiverView:
    return ReceiverView(
        receiver=delivery.receiver,
        delivery=delivery.key,
        consigned_at=delivery.consigned_at,
        handed_over_at=delivery.handed_over_at,
        status=delivery.status,
    )


ROUTES = (
    Route(
        method="POST",
        path="/v1/messages",
        name="submitMessage",
        text="Send a signed edXML document; the answer holds the receipt. The same bytes again give the same receipt.",
        handler=submit,
        takes_xml=True,
        gives=SubmissionView,
        status=201,
    ),
    Route(
        method="GET",
        path="/v1/messages",
        name="listSent",
        text="List the documents that the party sent, newest first.",
        handler=sent,
        gives=MessageView,
        many=True,
        queries=(BEFORE, LIMIT),
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}",
        name="getMessage",
        text="Show a message that the party sent or received, with what was checked when it came in.",
        handler=message,
        gives=MessageView,
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}/content",
        name="getContent",
        text="Download the very bytes that the sender signed.",
        handler=content,
        gives=None,
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}/timeline",
        name="getTimeline",
        text="Tell what happened to a message so far: all of it to its sender, its own part to a receiver.",
        handler=timeline,
        gives=MomentView,
        many=True,
    ),
)
