"""The way from the hub: lease, fetch, hand over, and only then acknowledge.

Every step is numbered. After each a comment says what a crash at that point leaves; the adapters' contract suite kills the
process there and looks.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from adapters.base import Desk, read
from adapters.spool import Handed
from exchange.client import DeliveryView, Event, Refused, StatusNotice, digest_of, reason

NOT_INTACT = reason(
    "content-not-intact",
    "What arrived is not what the hub announced",
    "The adapter fetches it again; if this goes on, tell the operator of the hub",
)


@dataclass(kw_only=True)
class Receiving:
    """Fetch what arrived at the hub."""

    desk: Desk

    async def resume(self) -> None:
        """Acknowledge what was handed over before a crash or a failure."""
        for handed in self.desk.spool.marked():
            await self._acknowledge(handed)

    async def receive(self, wait: float) -> None:
        """Take in what waits: all of it, or, staying up to `wait` seconds for the first, as much as comes at once."""
        while deliveries := await self._lease(wait):
            for delivery in deliveries:
                if self.desk.stop.is_set():
                    return
                await self._take_in(delivery)
            if wait:
                return

    async def _lease(self, wait: float) -> list[DeliveryView]:
        # 1 lease: nobody else gets these for a while. A crash leaves them to be leased again when that is over.
        desk = self.desk
        asked = asyncio.ensure_future(desk.client.lease(limit=desk.pace.batch, lease=desk.pace.lease, wait=wait))
        stopped = asyncio.ensure_future(desk.stop.wait())
        try:
            await asyncio.wait({asked, stopped}, return_when=asyncio.FIRST_COMPLETED)
            found = asked.result() if asked.done() else []
        finally:
            asked.cancel()
            stopped.cancel()
            await asyncio.gather(asked, stopped, return_exceptions=True)
        if found:
            desk.progress.passed("receive.1-lease")
        return found

    async def _take_in(self, delivery: DeliveryView) -> None:
        desk = self.desk
        with desk.tolerate():
            # 2 fetch: the very bytes that the sender signed. A crash leaves the lease to end.
            document = await desk.client.content(delivery.message)
            if digest_of(document) != delivery.digest:
                raise Refused(NOT_INTACT, f"The message {delivery.message} has other bytes than announced")
            handed = Handed(delivery=delivery, about=self._about(document))
            desk.progress.passed("receive.2-fetch")

            # 3 hand over: it lasts here. A crash leaves the lease to end; handing over again changes nothing.
            desk.local.hand_over(delivery, document, handed.about)
            desk.progress.passed("receive.3-hand-over")

            # 4 mark: it is known to be here. A crash leaves it to be acknowledged at the next start.
            desk.spool.mark(handed)
            desk.progress.passed("receive.4-mark")
            await self._acknowledge(handed)

    async def _acknowledge(self, handed: Handed) -> None:
        desk, delivery = self.desk, handed.delivery
        with desk.tolerate():
            # 5 acknowledge: the hub attests the hand-over. A crash leaves the mark; the receipt is the same again.
            view = await desk.client.acknowledge(delivery.delivery)
            receipt = view.receipt.encode()
            desk.trust.read_receipt(receipt, digest=delivery.digest, event=Event.CONTENT_HANDOVER, at=desk.now())
            desk.progress.passed("receive.5-acknowledge")

            # 6 record: the receipt goes to the local system. A crash leaves the mark, and the same again.
            desk.local.record_handover(delivery, receipt, handed.about)
            desk.progress.passed("receive.6-record")
            desk.spool.unmark(delivery.delivery)

    def _about(self, document: bytes) -> str:
        """Name the letter sent from here that a status notice is about, and look for the evidence that came with it."""
        message = read(document)
        if not isinstance(message, StatusNotice):
            return ""
        sent = self.desk.spool.find(message.response_for.document_id or "")
        if sent is None:
            return ""
        self.desk.watch(sent.message_id)
        return sent.name
