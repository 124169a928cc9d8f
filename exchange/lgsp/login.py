"""Give a system a pass for its secret: /v1/auth/login."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from exchange.auth import passes
from exchange.auth.passes import Audience
from exchange.errors import REQUEST
from exchange.lgsp.answers import welcome
from exchange.logs import note
from exchange.net.bodies import announced
from exchange.net.origin import client_of
from exchange.ngsp.bearers import Bearers
from trust_store.errors import Refused

PATH: Final = "/v1/auth/login"
MOST: Final = 8 * 1024


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What the body says; one-time passwords and types of objects are of other systems, and are not read."""

    username: str
    password: str


async def log_in(request: web.Request, bearers: Bearers) -> web.Response:
    """Answer with a pass for half an hour.

    Raises:
        Refused: `system-login`, `system-suspended`, `request-malformed` or `rate-limited`.
    """
    gate, hub = bearers.gate, bearers.reading.hub
    owner = f"address {client_of(request, gate.proxies)}"
    with gate.admission.slot() as slot:
        slot.claim(owner)
        gate.rates.count_request(owner)
        with gate.admission.room(owner, announced(request, MOST)):
            login = _read(await gate.receive(request, owner, MOST))
        bearer = await bearers.by_secret(request, login.username, login.password)
    system = bearer.system
    note(system=system.id)
    token = passes.issue(system.id, bearer.secret, Audience.LGSP, hub.clock.now(), hub.registrar.entropy)
    return welcome({"token": token, "id": system.id, "username": system.id, "name": system.name})


def _read(body: bytes) -> Login:
    try:
        return msgspec.json.decode(body, type=Login)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = 'The body is not {"username","password"} as JSON in UTF-8'
        raise Refused(REQUEST, text, where="body") from None
