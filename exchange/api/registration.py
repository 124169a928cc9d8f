"""Register the certificates of parties."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from aiohttp import web

from exchange.api.accounts import CertificateView
from exchange.api.routes import Asked, Route, answer
from exchange.auth.permissions import Action
from exchange.core.model import Party
from exchange.errors import NOT_FOUND, REQUEST
from trust_store.certificate import Certificate, load_many
from trust_store.errors import Refused

_View = TypeVar("_View", bound=msgspec.Struct)


async def add_certificate(asked: Asked) -> web.StreamResponse:
    """Register a certificate for a party."""
    hub, party = asked.reading.hub, await find_party(asked)
    certificates = load_many(asked.body)
    by = asked.principal.author(hub.clock.now())
    await hub.store.registry.add_certificate(party.id, certificates[0], by.at, by)
    return answer(show_certificate(certificates[0]), 201)


async def list_certificates(asked: Asked) -> web.StreamResponse:
    """List the certificates of a party."""
    party = await find_party(asked)
    return answer([show_certificate(item) for item in await asked.reading.hub.store.registry.certificates(party.id)])


async def remove_certificate(asked: Asked) -> web.StreamResponse:
    """Let a certificate no longer speak for a party."""
    hub, party = asked.reading.hub, await find_party(asked)
    fingerprint = asked.request.match_info["certificate"]
    found = [item for item in await hub.store.registry.certificates(party.id) if item.fingerprint == fingerprint]
    await hub.store.registry.remove_certificate(party.id, fingerprint, asked.principal.author(hub.clock.now()))
    return answer(show_certificate(found[0]))


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


def show_certificate(certificate: Certificate) -> CertificateView:
    """Show a certificate."""
    return CertificateView(
        fingerprint=certificate.fingerprint,
        subject=certificate.subject,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
    )


ROUTES = (
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
