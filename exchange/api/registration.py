"""Register parties and their certificates."""

from __future__ import annotations

import dataclasses
import re
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from exchange.api.accounts import CertificateView, PartyRequest
from exchange.api.routes import Asked, Route, answer
from exchange.api.views import PartyView
from exchange.auth.permissions import Action
from exchange.core.model import Party, PartyStatus
from exchange.enrolment import describe_party
from exchange.errors import CODE_TAKEN, NOT_FOUND, REQUEST
from trust_store.certificate import Certificate, load_many
from trust_store.errors import Refused
from trust_store.identity import PartyKind

CODE: Final = re.compile(r"\w[\w.-]{0,63}", re.ASCII)
MAX_NAME: Final = 200
_View = TypeVar("_View", bound=msgspec.Struct)


async def put_party(asked: Asked) -> web.StreamResponse:
    """Register a party, or change its name, its further codes or its status."""
    wanted, hub = read_json(asked.body, PartyRequest), asked.reading.hub
    code = asked.request.match_info["party"]
    (known,) = await hub.store.directory.resolve([code])
    party = _changed(known, wanted) if known else _described(code, wanted)
    if hub.registrar.issuer.code in {party.id, *party.codes}:
        raise Refused(CODE_TAKEN, f"{hub.registrar.issuer.code} is the hub's own code")
    await hub.store.registry.put(party, asked.principal.author(hub.clock.now()))
    shown = PartyView(id=party.id, name=party.name, kind=party.kind, codes=sorted(party.codes), status=party.status)
    return answer(shown)


async def add_certificate(asked: Asked) -> web.StreamResponse:
    """Register a certificate for a party."""
    hub, party = asked.reading.hub, await find_party(asked)
    certificates = load_many(asked.body)
    by = asked.principal.author(hub.clock.now())
    await hub.store.registry.add_certificate(party.id, certificates[0], by.at, by)
    return answer(_certificate(certificates[0]), 201)


async def list_certificates(asked: Asked) -> web.StreamResponse:
    """List the certificates of a party."""
    party = await find_party(asked)
    return answer([_certificate(item) for item in await asked.reading.hub.store.registry.certificates(party.id)])


async def remove_certificate(asked: Asked) -> web.StreamResponse:
    """Let a certificate no longer speak for a party."""
    hub, party = asked.reading.hub, await find_party(asked)
    fingerprint = asked.request.match_info["certificate"]
    found = [item for item in await hub.store.registry.certificates(party.id) if item.fingerprint == fingerprint]
    await hub.store.registry.remove_certificate(party.id, fingerprint, asked.principal.author(hub.clock.now()))
    return answer(_certificate(found[0]))


async def find_party(asked: Asked) -> Party:
    """Find the party that the address of a request names, by any of its codes.

    Raises:
        Refused: `not-found`.
    """
    (found,) = await asked.reading.hub.store.directory.resolve([asked.request.match_info["party"]])
    if found is None:
        raise Refused(NOT_FOUND, "There is no such party")
    return found


def read_json(body: bytes, kind: type[_View]) -> _View:
    """Read a body as a view; none is an empty object.

    Raises:
        Refused: `request-malformed`.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except UnicodeDecodeError:
        raise Refused(REQUEST, "The body is not in UTF-8") from None
    except msgspec.DecodeError as error:
        raise Refused(REQUEST, f"The body is not such a request: {error}") from None


def _described(code: str, wanted: PartyRequest) -> Party:
    if wanted.name is None or wanted.kind is None:
        raise Refused(REQUEST, "There is no such party yet; a new one needs name and kind", where="name, kind")
    aliases = frozenset(_code(item) for item in wanted.codes or ())
    party = describe_party(_code(code), _name(wanted.name), PartyKind(wanted.kind), aliases)
    return dataclasses.replace(party, status=PartyStatus(wanted.status or PartyStatus.ACTIVE))


def _changed(known: Party, wanted: PartyRequest) -> Party:
    """Change what is stated; the kind of a party is for ever."""
    if wanted.kind not in {None, known.kind}:
        raise Refused(REQUEST, f"{known.id} is of kind {known.kind}, which does not change", where="kind")
    codes = known.codes if wanted.codes is None else frozenset({known.id, *(_code(item) for item in wanted.codes)})
    name = known.name if wanted.name is None else _name(wanted.name)
    return dataclasses.replace(known, name=name, codes=codes, status=PartyStatus(wanted.status or known.status))


def _code(text: str) -> str:
    if not CODE.fullmatch(text):
        raise Refused(REQUEST, "A code has 1 to 64 letters, digits, dots and hyphens", where="codes")
    return text


def _name(text: str) -> str:
    if not 1 <= len(text) <= MAX_NAME or not text.isprintable():
        raise Refused(REQUEST, f"A name has 1 to {MAX_NAME} printable characters", where="name")
    return text


def _certificate(certificate: Certificate) -> CertificateView:
    return CertificateView(
        fingerprint=certificate.fingerprint,
        subject=certificate.subject,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
    )


ROUTES = (
    Route(
        method="PUT",
        path="/v1/parties/{party}",
        name="putParty",
        text="Register a party, or change its name, its further codes or its status; what is not stated stays.",
        action=Action.ADMINISTER,
        handler=put_party,
        takes=PartyRequest,
        gives=PartyView,
    ),
    Route(
        method="GET",
        path="/v1/parties/{party}/certificates",
        name="listCertificates",
        text="List the certificates that speak for a party.",
        action=Action.ADMINISTER,
        handler=list_certificates,
        gives=CertificateView,
        many=True,
    ),
    Route(
        method="POST",
        path="/v1/parties/{party}/certificates",
        name="addCertificate",
        text="Let a certificate (PEM) speak for a party; of several, the first.",
        action=Action.ADMINISTER,
        handler=add_certificate,
        gives=CertificateView,
        status=201,
    ),
    Route(
        method="DELETE",
        path="/v1/parties/{party}/certificates/{certificate}",
        name="removeCertificate",
        text="Let a certificate, named by its SHA-256, no longer speak for a party.",
        action=Action.ADMINISTER,
        handler=remove_certificate,
        gives=CertificateView,
    ),
)
