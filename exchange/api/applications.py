"""Apply for certificates in the name of a party, follow what becomes of it, and try a switch before making it."""

from __future__ import annotations

import base64
import binascii

from aiohttp import web

from exchange.api.accounts import CertificateView
from exchange.api.enrolment_views import (
    MAX_CERTIFICATES,
    MAX_REQUEST,
    ApplicationRequest,
    ApplicationView,
    ChallengeView,
    SwitchRequest,
    SwitchView,
    show_application,
    show_rehearsal,
)
from exchange.api.registration import read_json, show_certificate
from exchange.api.routes import Asked, Route, answer
from exchange.auth.permissions import Action
from exchange.auth.principal import Principal
from exchange.core.applications import Application, ApplicationId
from exchange.core.enrolling import Applicant, Enrolment
from exchange.core.proving import Renewal, Shown
from exchange.core.switching import rehearse
from exchange.errors import FORBIDDEN, NOT_FOUND, REQUEST
from trust_store.certificate import load_many
from trust_store.errors import Refused


async def apply(asked: Asked) -> web.StreamResponse:
    """Take an application on."""
    wanted, enrolment = read_json(asked.body, ApplicationRequest), _enrolment(asked)
    if bool(wanted.request) == bool(wanted.certificate):
        raise Refused(REQUEST, "Give a request or a certificate, and not both", where="request, certificate")
    asker, proof = applicant_of(asked.principal), _octets(wanted.proof)
    if wanted.request:
        renewal = Renewal(certificate=wanted.renews, signature=proof) if wanted.renews else None
        application = await enrolment.request(asker, _bounded(wanted.request, MAX_REQUEST), renewal)
    else:
        shown = Shown(challenge=wanted.challenge, signature=proof, signed=wanted.signed.encode())
        certificates = _bounded(wanted.certificate, MAX_CERTIFICATES)
        application = await enrolment.register(asker, certificates, shown)
    return await _shown(asked, application, 201)


async def list_applications(asked: Asked) -> web.StreamResponse:
    """List the applications of the party."""
    found = await _enrolment(asked).store.enrolments.of_party(asked.party.id)
    return answer([show_application(item) for item in found if is_open_to(item, asked.principal)])


async def show(asked: Asked) -> web.StreamResponse:
    """Show an application of the party."""
    return await _shown(asked, await _find(asked))


async def withdraw(asked: Asked) -> web.StreamResponse:
    """Withdraw an application of the party."""
    found, by = await _find(asked), asked.principal.author(asked.reading.hub.clock.now())
    return await _shown(asked, await _enrolment(asked).withdraw(found.id, by))


async def challenge(asked: Asked) -> web.StreamResponse:
    """Give something to sign."""
    enrolment = _enrolment(asked)
    text, until = await enrolment.challenge(asked.party.id)
    return answer(ChallengeView(challenge=text, hub=enrolment.code, party=asked.party.id, expires_at=until), 201)


async def list_own(asked: Asked) -> web.StreamResponse:
    """List the certificates of the party."""
    found = await asked.reading.hub.store.registry.certificates(asked.party.id)
    return answer([show_certificate(item) for item in found])


async def let_go(asked: Asked) -> web.StreamResponse:
    """End a certificate of the party."""
    hub, fingerprint = asked.reading.hub, asked.request.match_info["certificate"]
    if asked.principal.code is not None:
        raise Refused(FORBIDDEN, "A one-time code asks for a certificate; it ends none")
    by = asked.principal.author(hub.clock.now())
    return answer(show_certificate(await hub.store.enrolments.let_go(asked.party.id, fingerprint, by)))


async def rehearse_switch(asked: Asked) -> web.StreamResponse:
    """Say what would be said."""
    wanted, hub = read_json(asked.body, SwitchRequest), asked.reading.hub
    if bool(wanted.letter) == bool(wanted.certificate):
        raise Refused(REQUEST, "Give a certificate or a letter, and not both", where="certificate, letter")
    at = wanted.at or hub.clock.now()
    if at.tzinfo is None:
        raise Refused(REQUEST, "The moment has no time zone", where="at")
    if wanted.letter:
        await hub.rehearsal.rehearse(wanted.letter.encode())
    new = wanted.letter.encode() if wanted.letter else load_many(_bounded(wanted.certificate, MAX_CERTIFICATES))
    return answer(show_rehearsal(await rehearse(asked.party, new, at, hub.enrolment.judging, hub.workers)))


def applicant_of(principal: Principal) -> Applicant:
    """Say who asks."""
    code = principal.code
    actor = f"{principal.actor}, given by {code.given_by}" if code else principal.actor
    return Applicant(
        party=principal.party, actor=actor, code=code.id if code else "", certificate=principal.certificate
    )


def is_open_to(application: Application, principal: Principal) -> bool:
    """Tell whether an application is there for whoever asks; a code opens the one that it was used for."""
    own = application.party == principal.party.id
    return own and (principal.code is None or principal.code.application == application.id)


async def _find(asked: Asked) -> Application:
    found = await _enrolment(asked).find(ApplicationId(asked.request.match_info["application"]))
    if not is_open_to(found, asked.principal):
        raise Refused(NOT_FOUND, "There is no such application")
    return found


async def _shown(asked: Asked, application: Application, status: int = 200) -> web.StreamResponse:
    return answer(show_application(application, await _enrolment(asked).certificate_of(application)), status)


def _enrolment(asked: Asked) -> Enrolment:
    return asked.reading.hub.enrolment


def _bounded(text: str, most: int) -> bytes:
    """Refuse what is longer than described, before anything reads it."""
    if len(text) > most:
        raise Refused(REQUEST, f"It has {len(text):,} characters; {most:,} are allowed", where="request, certificate")
    return text.encode()


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(REQUEST, "The proof is not in base64", where="proof") from None


ROUTES = (
    Route(
        method="POST",
        path="/v1/applications",
        name="apply",
        text="Apply for a certificate, or for one to be registered; the same again gives the same application.",
        action=Action.APPLY,
        handler=apply,
        takes=ApplicationRequest,
        gives=ApplicationView,
        status=201,
    ),
    Route(
        method="GET",
        path="/v1/applications",
        name="listApplications",
        text="List the party's applications, newest first, 200 at most.",
        action=Action.FOLLOW,
        handler=list_applications,
        gives=ApplicationView,
        many=True,
    ),
    Route(
        method="GET",
        path="/v1/applications/{application}",
        name="getApplication",
        text="Show an application, and the certificate when there is one.",
        action=Action.FOLLOW,
        handler=show,
        gives=ApplicationView,
    ),
    Route(
        method="DELETE",
        path="/v1/applications/{application}",
        name="withdrawApplication",
        text="Withdraw an application that is pending; again changes nothing.",
        action=Action.APPLY,
        handler=withdraw,
        gives=ApplicationView,
    ),
    Route(
        method="POST",
        path="/v1/challenges",
        name="getChallenge",
        text="Get something to sign with the key of a certificate from elsewhere; it serves once, for 15 minutes.",
        action=Action.APPLY,
        handler=challenge,
        gives=ChallengeView,
        status=201,
    ),
    Route(
        method="GET",
        path="/v1/certificates",
        name="listOwnCertificates",
        text="List the certificates that speak for the party.",
        action=Action.FOLLOW,
        handler=list_own,
        gives=CertificateView,
        many=True,
    ),
    Route(
        method="DELETE",
        path="/v1/certificates/{certificate}",
        name="letCertificateGo",
        text="End a certificate of the party, named by its SHA-256, from now on; the last one in force stays.",
        action=Action.APPLY,
        handler=let_go,
        gives=CertificateView,
    ),
    Route(
        method="POST",
        path="/v1/rehearsals",
        name="rehearseSwitch",
        text="Say what would be said at a moment of a new certificate, or of a letter signed with its key; nothing is filed.",
        action=Action.FOLLOW,
        handler=rehearse_switch,
        takes=SwitchRequest,
        gives=SwitchView,
    ),
)
