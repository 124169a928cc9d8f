"""Whose address a connection or a request comes from."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

from trust_store.errors import Refused, reason

UNKNOWN = "unknown"
BAD_PROXY = reason(
    "proxies-malformed",
    "The setting trusted_proxies cannot be read",
    "Write addresses or networks with commas between, such as 10.0.0.7, 10.1.0.0/16",
)
Proxies = tuple[IPv4Network | IPv6Network, ...]


def read_proxies(text: str) -> Proxies:
    """Read a list of addresses and networks with commas between.

    Raises:
        Refused: `proxies-malformed`.
    """
    items = [item.strip() for item in text.split(",") if item.strip()]
    try:
        return tuple(ip_network(item) for item in items)
    except ValueError as error:
        raise Refused(BAD_PROXY, str(error)) from None


def is_proxy(address: str, proxies: Proxies) -> bool:
    """Tell whether an address is one of the trusted proxies."""
    if not proxies:
        return False
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    parsed = (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
    return any(parsed in network for network in proxies)


@lru_cache(maxsize=4096)
def origin(address: str) -> str:
    """Write an address so that one client has one name: IPv6 by its /64, which one client holds whole."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ip_network((int(parsed), 64), strict=False))


def client_of(request: web.Request, proxies: Proxies) -> str:
    """Name the client of a request; a trusted proxy says for whom it asks in the last X-Forwarded-For."""
    peer = request.remote or ""
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ())) if is_proxy(peer, proxies) else ""
    named = [item.strip() for item in forwarded.split(",") if item.strip()]
    return origin(next((item for item in reversed(named) if not is_proxy(item, proxies)), peer))
