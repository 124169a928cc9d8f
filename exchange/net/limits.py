"""How much of the hub anyone on the network may use; every number is a setting, and 0 switches a rate off."""

from __future__ import annotations

from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Rate = Annotated[float, msgspec.Meta(ge=0)]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bound connections, requests, bodies and rates; each is described in docs/reference/settings.md."""

    max_connections: Count = 4096
    connections_per_address: Count = 256
    trusted_proxies: str = ""
    header_seconds: Seconds = 10
    idle_seconds: Seconds = 75
    body_seconds: Seconds = 300
    stall_seconds: Seconds = 30
    request_seconds: Seconds = 120
    bodies_in_flight_bytes: Count = 256 * 1024 * 1024
    requests_in_flight: Count = 2048
    requests_per_second: Rate = 200
    requests_burst: Rate = 1000
    bytes_per_minute: Rate = 2 * 1024 * 1024 * 1024
    failures_per_minute: Rate = 20

    def share(self, count: int) -> Limits:
        """Give one of so many processes its share of connections, requests and memory; rates hold in each."""
        return msgspec.structs.replace(
            self,
            max_connections=max(1, self.max_connections // count),
            requests_in_flight=max(1, self.requests_in_flight // count),
            bodies_in_flight_bytes=max(1, self.bodies_in_flight_bytes // count),
        )
