"""Where the hub may connect to when somebody else wrote the address: public places, and those that the operator names.

Addresses that carry another inside (RFC 4291, 6052) are judged by the one that they lead to. What is public is asked of the
registries of special addresses (RFC 6890) here and not of the interpreter, whose answer differs between its versions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from yarl import URL

from trust_store.errors import Refused, reason

BAD_ALLOWED = reason(
    "fetch-allowed-malformed",
    "The setting fetch_allowed cannot be read",
    "Write networks or names of hosts with commas between, such as 10.1.0.0/16, ocsp.example.gov.vn",
)
BAD_URL = reason(
    "fetch-url",
    "An address in a certificate is not one that this hub fetches from",
    "Tell the authority: it must be http or https, without user and password, on port 80, 443 or above 1023",
)
FORBIDDEN = reason(
    "fetch-forbidden",
    "An address in a certificate leads to a place that is not public",
    "If this place is meant, as in a closed network, the operator of the hub names it in the setting fetch_allowed",
)
Address = IPv4Address | IPv6Address
MAX_URL: Final = 2048
_PORTS: Final = frozenset({80, 443})
_HOST: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
_CLOSED_4: Final = tuple(map(IPv4Network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)))  # fmt: skip
"""Special addresses that are not public, and the one at which a large cloud keeps the secrets of its machines."""
_OPEN_6: Final = IPv6Network("2000::/3")
_CLOSED_6: Final = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_CARRIER: Final = IPv6Network("64:ff9b::/96")
_LOW_32: Final = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """Hold what the operator allows beyond public places: networks, and hosts by name wherever these lead."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    def check(self, url: URL) -> None:
        """Ask of an address what can be asked before its name is looked up.

        Raises:
            Refused: `fetch-url`.
        """
        if url.scheme not in {"http", "https"} or not url.host:
            raise Refused(BAD_URL, "The address does not begin with http:// or https:// and a host", where=str(url))
        if url.user is not None or url.password is not None:
            raise Refused(BAD_URL, "The address holds a user or a password", where=str(url.with_user(None)))
        if not is_literal(url.host) and not is_name(url.raw_host or ""):
            raise Refused(BAD_URL, "The address names no host", where=str(url))
        port = url.port or 0
        if port not in _PORTS and port < 1024 and not self._names(url.host):
            raise Refused(BAD_URL, f"Port {port} is not for the Web", where=str(url))

    def check_addresses(self, host: str, addresses: Sequence[str]) -> None:
        """Ask that every address that a name leads to may be connected to: one that may not is a trick.

        Raises:
            Refused: `fetch-forbidden`; the addresses are not told, as they may be of the hub's own network.
        """
        if self._names(host):
            return
        for text in addresses:
            address = lead(ip_address(text.partition("%")[0]))
            if "%" in text or not (is_public(address) or any(address in network for network in self.networks)):
                raise Refused(FORBIDDEN, f"{host} is not at a public address, and is not on the list of allowed places")

    def _names(self, host: str) -> bool:
        return host.lower().rstrip(".") in self.hosts


def read_allowed(text: str) -> Allowed:
    """Read the setting: addresses, networks and names of hosts with commas between.

    Raises:
        Refused: `fetch-allowed-malformed`.
    """
    networks, hosts = [], set()
    for item in filter(None, (each.strip().lower() for each in text.split(","))):
        try:
            networks.append(ip_network(item))
        except ValueError:
            if not is_name(item):
                raise Refused(BAD_ALLOWED, f"{item} is neither a network nor the name of a host") from None
            hosts.add(item.rstrip("."))
    return Allowed(networks=tuple(networks), hosts=frozenset(hosts))


def read_url(text: str) -> URL:
    """Read an address as a certificate has it; whatever is behind `#` is dropped.

    Raises:
        Refused: `fetch-url`.
    """
    if len(text) > MAX_URL or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise Refused(BAD_URL, f"The address has more than {MAX_URL:,} characters, or some that none may have")
    try:
        url = URL(text).with_fragment(None)
        _ = url.port, url.raw_host
    except (ValueError, TypeError):
        raise Refused(BAD_URL, "The address cannot be read", where=text) from None
    return url


def is_literal(host: str) -> bool:
    """Tell whether a host is written as an address."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def is_name(host: str) -> bool:
    """Tell whether a host is written as a name; what ends in a number may be read as an address by some and not by others."""
    return _HOST.fullmatch(host) is not None and not host.rstrip(".").rpartition(".")[2][:1].isdigit()


def lead(address: Address) -> Address:
    """Give the address that one leads to: itself, or the one that it carries (IPv4-mapped, NAT64)."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & _LOW_32) if address in _CARRIER else address


def is_public(address: Address) -> bool:
    """Tell whether an address is reached over the public network; addresses of tunnels (6to4, Teredo) count as not."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_4)
    return address in _OPEN_6 and not any(address in network for network in _CLOSED_6)
