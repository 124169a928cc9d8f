"""Send messages, and read what was sent and received."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiohttp import web

from exchange.api.routes import XML, Asked, Route, answer
from exchange.api.searching import RECEIVER, SEARCH, point_on, search_of
from exchange.api.views import (
    EffectView,
    MessageView,
    MomentView,
    ReceiverView,
    RelationView,
    RevokedView,
    SubmissionView,
    ThreadView,
)
from exchange.auth.permissions import Action
from exchange.core.afterwards import Revoked, revoked_later
from exchange.core.finding import Box
from exchange.core.model import Delivery, Effect, Filed, Kind, MessageKey, Relation


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
    search = search_of(asked.request, "receiver", Box.ALL, Kind.LETTER)
    found = await asked.mailbox.sent(asked.party, search)
    views = [await _own(asked, item) for item in found]
    return point_on(asked.request, answer(views), found[-1].key if found else "", full=len(found) == search.limit)


async def message(asked: Asked) -> web.StreamResponse:
    """Show one message."""
    filed, deliveries = await asked.reading.message(asked.party, _key(asked))
    return answer(_view(filed, deliveries, await revoked_later(asked.reading.hub, filed)))


async def content(asked: Asked) -> web.StreamResponse:
    """Hand out the very bytes that the sender signed."""
    data = await asked.reading.content(asked.party, _key(asked), asked.by)
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


async def effects(asked: Asked) -> web.StreamResponse:
    """Tell what was asked about a message and what it asks."""
    return answer([_effect(item) for item in await asked.reading.effects(asked.party, _key(asked))])


async def thread(asked: Asked) -> web.StreamResponse:
    """Follow a message to what it refers to and what refers to it."""
    found, relations = await asked.reading.thread(asked.party, _key(asked))
    messages = [await _own(asked, item) for item in found]
    return answer(ThreadView(messages=messages, relations=[_relation(item) for item in relations]))


async def archive(asked: Asked) -> web.StreamResponse:
    """Put a sent message into the archive."""
    return await _put_away(asked, away=True)


async def restore(asked: Asked) -> web.StreamResponse:
    """Take a sent message out of the archive."""
    return await _put_away(asked, away=False)


async def _put_away(asked: Asked, *, away: bool) -> web.StreamResponse:
    await asked.mailbox.archive_sent(asked.party, _key(asked), away=away)
    filed, deliveries = await asked.reading.message(asked.party, _key(asked))
    return answer(_view(filed, deliveries, await revoked_later(asked.reading.hub, filed)))


def _key(asked: Asked) -> MessageKey:
    return MessageKey(asked.request.match_info["message"])


async def _own(asked: Asked, filed: Filed) -> MessageView:
    """Show a message with the deliveries that the party may know of."""
    deliveries = await asked.reading.hub.store.mailboxes.of_message(filed.key)
    own = [item for item in deliveries if asked.party.id in (item.sender, item.receiver)]
    return _view(filed, own, await revoked_later(asked.reading.hub, filed))


def _view(filed: Filed, deliveries: Sequence[Delivery], revoked: Revoked | None) -> MessageView:
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
        archived_at=filed.archived_at,
        receivers=[_receiver(item) for item in deliveries],
        revoked_later=RevokedView(since=revoked.since, text=revoked.text) if revoked else None,
    )


def _effect(effect: Effect) -> EffectView:
    return EffectView(
        original=effect.original,
        by_message=effect.message,
        receiver=effect.receiver,
        asked=effect.asked,
        at=effect.at,
        fetched_at=effect.fetched_at,
        fetched_by=effect.fetched_by,
        handed_over_at=effect.handed_over_at,
        answer=effect.answer,
        answered_at=effect.answered_at,
    )


def _relation(relation: Relation) -> RelationView:
    return RelationView(
        message=relation.message,
        kind=relation.kind,
        target=relation.target,
        organ=relation.organ,
        document_id=relation.document_id,
        code=relation.code,
    )


def _receiver(delivery: Delivery) -> ReceiverView:
    return ReceiverView(
        receiver=delivery.receiver,
        delivery=delivery.key,
        consigned_at=delivery.consigned_at,
        handed_over_at=delivery.handed_over_at,
        fetched_at=delivery.fetched_at,
        fetched_by=delivery.fetched_by,
        status=delivery.status,
        state=delivery.state,
        transport=delivery.transport,
        transport_text=delivery.transport_text,
        held=delivery.held,
    )


ROUTES = (
    Route(
        method="POST",
        path="/v1/messages",
        name="submitMessage",
        action=Action.SUBMIT,
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
        action=Action.TRACK,
        text="List the documents that the party sent, newest first.",
        handler=sent,
        gives=MessageView,
        many=True,
        queries=(*SEARCH, RECEIVER),
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}",
        name="getMessage",
        action=Action.LOOK,
        text="Show a message that the party sent or received, with what was checked when it came in.",
        handler=message,
        gives=MessageView,
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}/content",
        name="getContent",
        action=Action.LOOK,
        text="Download the very bytes that the sender signed.",
        handler=content,
        gives=None,
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}/timeline",
        name="getTimeline",
        action=Action.LOOK,
        text="Tell what happened to a message so far: all of it to its sender, its own part to a receiver.",
        handler=timeline,
        gives=MomentView,
        many=True,
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}/effects",
        name="getEffects",
        action=Action.LOOK,
        text="Tell what was asked about a message and what it asks, for each receiver: read before, by whom, answered how.",
        handler=effects,
        gives=EffectView,
        many=True,
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}/thread",
        name="getThread",
        action=Action.LOOK,
        text="Follow a message to those that it answers, revokes, updates or replaces, and to those that do so to it.",
        handler=thread,
        gives=ThreadView,
    ),
    Route(
        method="PUT",
        path="/v1/messages/{message}/archive",
        name="archiveMessage",
        action=Action.ARRANGE,
        text="Put a sent message into the archive.",
        handler=archive,
        gives=MessageView,
    ),
    Route(
        method="DELETE",
        path="/v1/messages/{message}/archive",
        name="restoreMessage",
        action=Action.ARRANGE,
        text="Take a sent message out of the archive.",
        handler=restore,
        gives=MessageView,
    ),
)
