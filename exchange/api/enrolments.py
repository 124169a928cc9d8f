"""Decide on applications for certificates, and give out one-time codes; for administrators."""

from __future__ import annotations

from aiohttp import web

from exchange.api.enrolment_views import (
    ApplicationView,
    CodeView,
    NewCodeView,
    RefusalRequest,
    show_application,
    show_code,
)
from exchange.api.registration import find_party, read_json
from exchange.api.routes import LIMIT, Asked, Query, Route, answer, limit_of
from exchange.auth import codes
from exchange.auth.permissions import Action
from exchange.core.applications import Application, ApplicationId, ApplicationState
from exchange.core.audit import Author
from exchange.errors import REQUEST
from trust_store.errors import Refused

STATE = Query(
    name="state",
    kind="string",
    text="Which applications; those that are pending unless told",
    rules={"enum": list(ApplicationState)},
)
BEHIND = Query(name="after", kind="string", text="The last application of the page before")


async def list_all(asked: Asked) -> web.StreamResponse:
    """List applications of all parties."""
    query = asked.request.query
    wanted = query.get("state", ApplicationState.PENDING)
    if wanted not in list(ApplicationState):
        raise Refused(REQUEST, f"There is no state {wanted}", where="query parameter state")
    kept = asked.reading.hub.store.enrolments
    found = await kept.page(ApplicationState(wanted), query.get("after", ""), limit_of(asked.request))
    return answer([show_application(item) for item in found])


async def show(asked: Asked) -> web.StreamResponse:
    """Show an application of any party."""
    return await _shown(asked, await asked.reading.hub.enrolment.find(_key(asked)))


async def approve(asked: Asked) -> web.StreamResponse:
    """Approve an application for one person."""
    enrolment = asked.reading.hub.enrolment
    return await _shown(asked, await enrolment.approve(_key(asked), asked.principal.person, _by(asked)))


async def refuse(asked: Asked) -> web.StreamResponse:
    """Refuse an application."""
    enrolment, wanted = asked.reading.hub.enrolment, read_json(asked.body, RefusalRequest)
    return await _shown(asked, await enrolment.refuse(_key(asked), asked.principal.person, wanted.why, _by(asked)))


async def give_code(asked: Asked) -> web.StreamResponse:
    """Give a party a one-time code."""
    hub, party = asked.reading.hub, await find_party(asked)
    secret, code = await codes.give(
        hub.store.enrolments, hub.registrar.entropy, _by(asked), party.id, hub.enrolment.terms.code_life
    )
    return answer(NewCodeView(secret=secret, code=show_code(code)), 201)


async def revoke_code(asked: Asked) -> web.StreamResponse:
    """End a one-time code."""
    party = await find_party(asked)
    kept, code = asked.reading.hub.store.enrolments, asked.request.match_info["code"]
    return answer(show_code(await kept.revoke_code(party.id, code, _by(asked))))


async def _shown(asked: Asked, application: Application) -> web.StreamResponse:
    return answer(show_application(application, await asked.reading.hub.enrolment.certificate_of(application)))


def _key(asked: Asked) -> ApplicationId:
    return ApplicationId(asked.request.match_info["enrolment"])


def _by(asked: Asked) -> Author:
    return asked.principal.author(asked.reading.hub.clock.now())


ROUTES = (
    Route(
        method="GET",
        path="/v1/enrolments",
        name="listEnrolments",
        text="List the applications of all parties in a state, oldest first.",
        action=Action.ADMINISTER,
        handler=list_all,
        gives=ApplicationView,
        many=True,
        queries=(STATE, BEHIND, LIMIT),
    ),
    Route(
        method="GET",
        path="/v1/enrolments/{enrolment}",
        name="getEnrolment",
        text="Show an application of any party: subject, key, who asked, what was checked, who decided.",
        action=Action.ADMINISTER,
        handler=show,
        gives=ApplicationView,
    ),
    Route(
        method="POST",
        path="/v1/enrolments/{enrolment}/approval",
        name="approveEnrolment",
        text="Approve an application for one person; with the last approval needed the certificate is there.",
        action=Action.ADMINISTER,
        handler=approve,
        gives=ApplicationView,
    ),
    Route(
        method="POST",
        path="/v1/enrolments/{enrolment}/refusal",
        name="refuseEnrolment",
        text="Refuse an application, with a reason that its party reads.",
        action=Action.ADMINISTER,
        handler=refuse,
        takes=RefusalRequest,
        gives=ApplicationView,
    ),
    Route(
        method="POST",
        path="/v1/parties/{party}/enrolment-codes",
        name="giveEnrolmentCode",
        text="Give a party a one-time code to enrol with, shown now and never again.",
        action=Action.ADMINISTER,
        handler=give_code,
        gives=NewCodeView,
        status=201,
    ),
    Route(
        method="DELETE",
        path="/v1/parties/{party}/enrolment-codes/{code}",
        name="revokeEnrolmentCode",
        text="End a one-time code now, named by its id; again changes nothing.",
        action=Action.ADMINISTER,
        handler=revoke_code,
        gives=CodeView,
    ),
)
