"""The way to the hub: take, translate, sign, keep, submit, record; and later what became of it.

Every step is numbered. After each a comment says what a crash at that point leaves; the adapters' contract suite kills the
process there and looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from adapters.base import Desk, Failure, read
from adapters.spool import Sent, key_of
from exchange.client import (
    UNREACHABLE,
    Event,
    HubRefused,
    KeyFails,
    Letter,
    MomentView,
    Refused,
    SubmissionView,
    digest_of,
)

FINAL = frozenset({400, 409, 413, 422})
"""The answers that are about the document itself; after every other one the same bytes are sent again."""
FAULTS = 500
"""From this status on the hub tells of itself, even where it attests it."""

KNOWN = frozenset(each.value for each in Event)
"""The events that can be verified here; a newer hub may attest others."""


@dataclass(kw_only=True)
class Sending:
    """Send what the local system wants to send."""

    desk: Desk
    _sender: str = ""

    async def send(self) -> None:
        """Finish what is kept before anything new is taken: the same bytes, until an outcome is recorded."""
        desk = self.desk
        for name in desk.spool.kept():
            await self._submit(name)
        waiting: tuple[str, ...] = ()
        with desk.tolerate():
            waiting = tuple(desk.local.outgoing())
        for name in waiting:
            if desk.stop.is_set():
                return
            if not desk.spool.holds(name):
                await self._compose(name)
                if desk.spool.holds(name):
                    await self._submit(name)

    async def follow(self) -> None:
        """Ask what became of the letters that were sent: often while they are young, then less."""
        desk = self.desk
        now = desk.now()
        for key in desk.spool.watched():
            if desk.stop.is_set():
                return
            if desk.due.get(key, now) <= now:
                with desk.tolerate():
                    await self._ask_about(desk.spool.sent(key), now)

    async def _compose(self, name: str) -> None:
        desk = self.desk
        self._sender = self._sender or (await desk.client.whoami()).id
        with desk.tolerate():
            # 1 compose: translate and sign, once. A crash leaves the original where it was.
            try:
                document = desk.local.compose(name, self._sender)
            except KeyFails:
                raise
            except Refused as refusal:
                desk.local.record_failure(name, Failure(refusal=refusal))
                return
            desk.progress.passed("send.1-compose")

            # 2 keep: the signed bytes last before anybody else sees them. A crash leaves them to be submitted.
            desk.spool.keep(name, document)
            desk.progress.passed("send.2-keep")

    async def _submit(self, name: str) -> None:
        desk = self.desk
        with desk.tolerate():
            document = desk.spool.document(name)

            # 3 submit: the same bytes give the same receipt, so a crash or a lost answer is mended by another try.
            try:
                view = await desk.client.submit(document)
            except HubRefused as refusal:
                if not _is_final(refusal):
                    raise
                await self._fail(name, document, refusal)
                return
            self._believe(view.receipt.encode(), digest_of(document), Event.SUBMISSION_ACCEPTANCE)
            desk.progress.passed("send.3-submit")

            # 4 note: news of it will be looked for. A crash leaves the kept bytes: submitted again, noted again.
            self._note(name, document, view)
            desk.progress.passed("send.4-note")

            # 5 record: the receipt goes to the local system. A crash leaves the kept bytes, and the same again.
            desk.local.record_receipt(name, document, view)
            desk.progress.passed("send.5-record")
            desk.spool.drop(name)

    async def _fail(self, name: str, document: bytes, refusal: HubRefused) -> None:
        """Record a final refusal with the hub's own evidence of it; a crash leaves the kept bytes, refused again."""
        rejection = b""
        if refusal.evidence:
            rejection = await self.desk.client.evidence(refusal.evidence)
            self._believe(rejection, digest_of(document), Event.SUBMISSION_REJECTION)
        self.desk.local.record_failure(name, Failure(refusal=refusal, document=document, rejection=rejection))
        self.desk.spool.drop(name)

    def _note(self, name: str, document: bytes, view: SubmissionView) -> None:
        """Note a letter once, and watch it every time: a crash may have come between the two."""
        if not isinstance(read(document), Letter):
            return
        if self.desk.spool.find(view.message_id) is None:
            self.desk.spool.note(
                Sent(
                    name=name,
                    message=view.message,
                    message_id=view.message_id,
                    digest=view.digest,
                    submitted_at=view.submitted_at,
                )
            )
        self.desk.watch(view.message_id)

    async def _ask_about(self, sent: Sent, now: datetime) -> None:
        """Tell each event once; when every receiver has the letter, or never will, only a status notice brings more."""
        desk = self.desk
        moments = await desk.client.timeline(sent.message)
        for moment in moments:
            if moment.evidence is None or moment.evidence in sent.told or moment.what not in KNOWN:
                continue
            if moment.what != Event.SUBMISSION_ACCEPTANCE:
                receipt = await desk.client.evidence(moment.evidence)
                self._believe(receipt, sent.digest, Event(moment.what))
                desk.local.record_event(sent.name, moment, receipt)
            sent = msgspec.structs.replace(sent, told=(*sent.told, moment.evidence))
            desk.spool.note(sent)
        if _all_have_it(moments):
            desk.forget(sent.message_id)
        else:
            age = (now - sent.submitted_at).total_seconds()
            wait = min(max(age / 8, desk.pace.news), desk.pace.seldom)
            desk.due[key_of(sent.message_id)] = now + timedelta(seconds=wait)

    def _believe(self, receipt: bytes, digest: str, event: Event) -> None:
        self.desk.trust.read_receipt(receipt, digest=digest, event=event, at=self.desk.now())


def _is_final(refusal: HubRefused) -> bool:
    """Tell whether a refusal is about the document: a hub that attests it has looked at the document, whatever the status."""
    attested = bool(refusal.evidence) and refusal.status < FAULTS
    return refusal.reason.code != UNREACHABLE.code and (attested or refusal.status in FINAL)


def _all_have_it(moments: list[MomentView]) -> bool:
    having = {
        item.receiver for item in moments if item.what in {Event.CONTENT_HANDOVER, Event.CONTENT_HANDOVER_FAILURE}
    }
    return having >= {item.receiver for item in moments if item.what == Event.CONTENT_CONSIGNMENT}
