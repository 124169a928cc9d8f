"""Everything that watches one served hub."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass

from exchange.errors import NOT_FOUND, UNAUTHENTICATED
from exchange.net.gate import Gate
from exchange.operation.health import Health
from exchange.operation.metrics import Metrics
from exchange.operation.slots import EVERY, add_up
from exchange.operation.workers import Worker
from exchange.running import Exchange
from trust_store.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Hold the health and the figures of a hub, and who may see the figures; `worker` where several processes serve it."""

    exchange: Exchange
    gate: Gate
    health: Health
    metrics: Metrics
    worker: Worker | None = None

    @classmethod
    def over(cls, exchange: Exchange, gate: Gate, worker: Worker | None = None) -> Watch:
        """Watch a hub."""
        return cls(exchange=exchange, gate=gate, health=Health(exchange), metrics=Metrics(), worker=worker)

    async def figures(self, authorization: str) -> bytes:
        """Return the figures to whoever has the token of the setting `metrics_token`; without one they are for nobody.

        Raises:
            Refused: `not-found`, or `unauthenticated`.
        """
        expected = self.exchange.settings.metrics_token
        if not expected:
            raise Refused(NOT_FOUND, "This hub shows no figures; see the setting metrics_token")
        scheme, _, given = authorization.partition(" ")
        given_bytes = given.strip().encode(errors="surrogateescape")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given_bytes, expected.encode()):
            raise Refused(UNAUTHENTICATED, "The figures need the token of the setting metrics_token")
        own = await self.metrics.render(self.exchange, self.gate, self.health)
        return add_up(own, self.worker.slots.others(self.worker.index)) if self.worker else own

    async def share_forever(self, worker: Worker) -> None:
        """Show the other processes the figures of this one, every second."""
        while True:
            worker.slots.write(worker.index, self.metrics.render_own(self.exchange, self.gate))
            await asyncio.sleep(EVERY)
