"""Tell ahead when certificates end, and read notices."""

from __future__ import annotations

from datetime import datetime, timedelta

from aiohttp import web

from exchange.api.outlooks import NoticeView, OutlookView
from exchange.api.routes import LIMIT, Asked, Query, Route, answer, limit_of
from exchange.api.searching import point_on
from exchange.auth.permissions import Action
from exchange.core.forecast import Outlook, Term, foresee
from exchange.core.notices import Notice, NoticeId
from exchange.errors import NOT_FOUND, REQUEST
from trust_store.errors import Refused

MAX_DAYS = 36_500
WITHIN = Query(
    name="within",
    kind="integer",
    text=f"Of how many days ahead, up to {MAX_DAYS:,}; 90 unless told",
    rules={"minimum": 0, "maximum": MAX_DAYS},
)
AFTER_CERTIFICATE = Query(
    name="after",
    kind="string",
    text="`owner`, `role` and `certificate` of the last line of the page before, with spaces between",
)
AFTER_NOTICE = Query(name="after", kind="string", text="The id of the last notice of the page before")
UNREAD = Query(name="unread", kind="boolean", text="true: only what nobody marked as read")


async def forecast(asked: Asked) -> web.StreamResponse:
    """Tell when certificates end: a party of its own, an administrator of all."""
    hub, limit, after = asked.reading.hub, limit_of(asked.request), asked.request.query.get("after", "")
    now, within = hub.clock.now(), timedelta(days=_days(asked.request))
    terms = await _terms(asked, now + within)
    found = await hub.workers.run(len(terms) * 1000, foresee, terms, now, within)
    page = _behind(found, after)[:limit]
    last = _name(page[-1]) if page else ""
    return point_on(asked.request, answer([outlook_view(item) for item in page]), last, full=len(page) == limit)


async def notices(asked: Asked) -> web.StreamResponse:
    """List the notices to whoever asks."""
    unread, limit = asked.request.query.get("unread", "false"), limit_of(asked.request)
    if unread not in {"true", "false"}:
        raise Refused(REQUEST, "unread is true or false", where="query parameter unread")
    after = NoticeId(asked.request.query.get("after", ""))
    shelf = asked.reading.hub.store.notices
    found = await shelf.page(asked.party.id, unread=unread == "true", after=after or None, limit=limit)
    last = found[-1].id if found else ""
    return point_on(asked.request, answer([_notice(item) for item in found]), last, full=len(found) == limit)


async def read_notice(asked: Asked) -> web.StreamResponse:
    """Mark a notice as read."""
    hub, key = asked.reading.hub, NoticeId(asked.request.match_info["notice"])
    found = await hub.store.notices.read(asked.party.id, key, asked.principal.author(hub.clock.now()))
    if found is None:
        raise Refused(NOT_FOUND, "There is no such notice")
    return answer(_notice(found))


def outlook_view(outlook: Outlook) -> OutlookView:
    """Show a line of the forecast."""
    term = outlook.term
    return OutlookView(
        owner=term.owner,
        role=term.role,
        certificate=term.fingerprint,
        subject=term.subject,
        not_before=term.not_before,
        not_after=term.not_after,
        days=outlook.days,
        standing=outlook.standing,
        successor=outlook.successor,
        advice=outlook.advice,
    )


async def _terms(asked: Asked, before: datetime) -> list[Term]:
    store = asked.reading.hub.store
    if not asked.principal.administers:
        return list(await store.terms.of_party(asked.party.id))
    return [*await store.terms.own(), *await store.terms.ending(before)]


def _behind(found: list[Outlook], after: str) -> list[Outlook]:
    names = [_name(item) for item in found]
    if after and after not in names:
        raise Refused(REQUEST, "after names no line of this forecast", where="query parameter after")
    return found[names.index(after) + 1 :] if after else found


def _name(outlook: Outlook) -> str:
    return f"{outlook.term.owner} {outlook.term.role} {outlook.term.fingerprint}"


def _days(request: web.Request) -> int:
    text = request.query.get("within", "90")
    if not text.isascii() or not text.isdecimal() or len(text) > 5 or int(text) > MAX_DAYS:
        raise Refused(REQUEST, f"within is a number of days up to {MAX_DAYS:,}", where="query parameter within")
    return int(text)


def _notice(notice: Notice) -> NoticeView:
    return NoticeView(
        id=notice.id,
        kind=notice.kind,
        subject=notice.subject,
        stage=notice.stage,
        at=notice.at,
        title_vi=notice.title.vi,
        title_en=notice.title.en,
        text_vi=notice.text.vi,
        text_en=notice.text.en,
        read_at=notice.read_at,
        read_by=notice.read_by,
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/forecast",
        name="foreseeCertificates",
        text="Tell which certificates end, the earliest first: a party's own, or to an administrator all and the hub's own.",
        action=Action.FORESEE,
        handler=forecast,
        gives=OutlookView,
        many=True,
        queries=(WITHIN, AFTER_CERTIFICATE, LIMIT),
    ),
    Route(
        method="GET",
        path="/v1/notices",
        name="listNotices",
        text="List the notices to whoever asks, newest first.",
        action=Action.HEED,
        handler=notices,
        gives=NoticeView,
        many=True,
        queries=(UNREAD, AFTER_NOTICE, LIMIT),
    ),
    Route(
        method="POST",
        path="/v1/notices/{notice}/reading",
        name="readNotice",
        text="Mark a notice as read; again changes nothing.",
        action=Action.SETTLE,
        handler=read_notice,
        gives=NoticeView,
    ),
)
