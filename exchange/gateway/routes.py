"""Which API is behind which address, and who may call it: read from the settings, never from a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from exchange.core.particulars import CODE
from exchange.errors import NOT_FOUND, REQUEST
from trust_store.errors import Refused, reason

BAD_ROUTES = reason(
    "gateway-routes-malformed",
    "The settings of the gateway cannot be read",
    "Write gateway_routes as dmdc=http://127.0.0.1:9101, other=https://HOST and gateway_subscriptions as dmdc=SYSTEM SYSTEM",
)
NOT_SUBSCRIBED = reason(
    "gateway-not-subscribed",
    "This system may not call this API",
    "Ask the operator of the hub for gateway_subscriptions",
)
BAD_PATH = reason(
    "gateway-path",
    "The path of the call is not taken",
    "Write every segment of the path plainly: no empty ones, no dots alone, no encoded slashes or percent signs",
)
_API: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_PLAIN: Final = re.compile(r"[!-~]+")
MAX_PATH: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Say where an API is; `systems` are those that may call it, None for every active one."""

    api: str
    base: str
    systems: frozenset[str] | None = None


def read_routes(routes: str, subscriptions: str = "", reserved: Iterable[str] = ()) -> Mapping[str, Route]:
    """Read the two settings; `reserved` are first segments that are served otherwise.

    Raises:
        Refused: `gateway-routes-malformed`.
    """
    found: dict[str, Route] = {}
    for api, address in _pairs(routes):
        if not _API.fullmatch(api) or api in found or api in set(reserved):
            raise Refused(
                BAD_ROUTES, f"{api} is no name of an API, is taken, or is there twice", where="gateway_routes"
            )
        found[api] = Route(api=api, base=_address(address))
    for api, names in _pairs(subscriptions):
        systems = frozenset(names.split())
        if api not in found or found[api].systems is not None or not all(CODE.fullmatch(name) for name in systems):
            text = f"{api} has no route or is there twice, or what follows is no list of systems"
            raise Refused(BAD_ROUTES, text, where="gateway_subscriptions")
        found[api] = Route(api=api, base=found[api].base, systems=systems)
    return found


def find_route(routes: Mapping[str, Route], api: str, system: str) -> Route:
    """Find the route of an API for a system.

    Raises:
        Refused: `not-found` or `gateway-not-subscribed`.
    """
    route = routes.get(api)
    if route is None:
        raise Refused(NOT_FOUND, "There is no such API here", where="path")
    if route.systems is not None and system not in route.systems:
        raise Refused(NOT_SUBSCRIBED, f"{system} is not subscribed to {api}")
    return route


def check_target(target: str) -> str:
    """Return the target of a request, path and query as they came, if nothing in it can lead elsewhere than it says.

    Raises:
        Refused: `gateway-path` or `request-malformed`.
    """
    path, _, _ = target.partition("?")
    if len(target) > MAX_PATH or not _PLAIN.fullmatch(target) or "#" in target:
        raise Refused(REQUEST, f"A path with its query has at most {MAX_PATH} visible ASCII characters", where="path")
    first, *segments = path.split("/")
    if first or not segments or not all(_is_plain(segment) for segment in segments):
        raise Refused(BAD_PATH, where="path")
    return target


def _is_plain(segment: str) -> bool:
    text = unquote_to_bytes(segment)
    if not text or text in {b".", b".."} or b";" in text:
        return False
    return not any(byte < 0x20 or byte == 0x7F or byte in b"/\\%" for byte in text)


def _pairs(text: str) -> list[tuple[str, str]]:
    items = [item.partition("=") for item in text.split(",") if item.strip()]
    return [(name.strip(), value.strip()) for name, _, value in items]


def _address(text: str) -> str:
    """Return the address of a service: a scheme, a host, perhaps a port and a path; nothing else."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not _PLAIN.fullmatch(text) or any(mark in text for mark in "@?#\\"):
        raise Refused(
            BAD_ROUTES, f"{text or 'nothing'} is no address such as http://127.0.0.1:9101", where="gateway_routes"
        )
    return text.rstrip("/")
