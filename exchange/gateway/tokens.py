"""Give a system a pass for its key and secret: POST /token, the client credentials of OAuth 2 (RFC 6749, 4.4)."""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from exchange.auth import passes
from exchange.auth.passes import LIFETIMES, Audience
from exchange.errors import REQUEST
from exchange.gateway.faults import BAD_GRANT, respond
from exchange.ngsp.bearers import NO_PASS, Bearer, Bearers
from trust_store.errors import Refused

SCOPE: Final = "am_application_scope default"
MOST: Final = 8 * 1024


async def give_token(request: web.Request, bearers: Bearers) -> web.Response:
    """Answer with a pass for an hour.

    Raises:
        Refused: `pass-missing`, `system-login`, `system-suspended`, `grant-unsupported`, or `rate-limited`.
    """

    async def identify() -> Bearer:
        return await bearers.by_secret(request, *read_basic(request))

    async with bearers.let_in(request, identify, MOST) as (bearer, body):
        check_grant(body)
        hub = bearers.reading.hub
        now, entropy = hub.clock.now(), hub.registrar.entropy
        token = passes.issue(bearer.system.id, bearer.secret, Audience.GATEWAY, now, entropy)
        seconds = int(LIFETIMES[Audience.GATEWAY].total_seconds())
        return respond({"access_token": token, "scope": SCOPE, "token_type": "Bearer", "expires_in": seconds})


def read_basic(request: web.Request) -> tuple[str, str]:
    """Read key and secret from the one Authorization header (RFC 7617).

    Raises:
        Refused: `pass-missing`.
    """
    shown = request.headers.getall("Authorization", [])
    scheme, _, text = (shown[0] if len(shown) == 1 else "").partition(" ")
    try:
        plain = base64.b64decode(text.strip().encode("ascii"), validate=True).decode()
    except (binascii.Error, UnicodeError):
        plain = ""
    key, colon, secret = plain.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise Refused(NO_PASS, "Send 'Authorization: Basic' with base64 of systemid:secret")
    return key, secret


def check_grant(body: bytes) -> None:
    """Take client credentials and nothing else.

    Raises:
        Refused: `grant-unsupported` or `request-malformed`.
    """
    try:
        fields = parse_qsl(body.decode("ascii").strip(), keep_blank_values=True, max_num_fields=20)
    except (UnicodeDecodeError, ValueError):
        raise Refused(REQUEST, "The body is no form (application/x-www-form-urlencoded)", where="body") from None
    grants = [value for name, value in fields if name == "grant_type"]
    if len(grants) != 1:
        raise Refused(REQUEST, "The body has one grant_type", where="grant_type")
    if grants[0] != "client_credentials":
        raise Refused(BAD_GRANT, where="grant_type")
