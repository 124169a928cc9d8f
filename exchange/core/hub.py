"""The path of a message, read top to bottom: submit, deliver, acknowledge.

Every step is numbered as in docs/explanation/path-of-a-message.md. After each one a comment says what a crash at that
point leaves; tests/faults kills the process there and looks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from envelopes.opened import Envelope, Opened, digest_of, open_signed
from envelopes.receipt import Event, seal
from envelopes.signature.classify import SignatureClass
from envelopes.signature.lasting import ClaimRule
from exchange.core import routing
from exchange.core.audit import AuditEntry, event_of
from exchange.core.enrolling import Enrolment
from exchange.core.filing import Registrar
from exchange.core.model import DeliveryKey, Entry, EvidenceId, Filed, MessageKey, Party, Remark, Statement
from exchange.core.ports import Asker, Bell, Blobs, Clock, Log, Progress, Rehearsal, Signers, Store, Workers
from exchange.core.reach import Sizes, check_reach
from exchange.core.uploads import Uploads
from exchange.errors import NOT_FOUND, OWN_FAULTS, Conflict, Later, Rejected, Unsealed
from trust_store.errors import Refused
from trust_store.judge import judge
from trust_store.keys import KeyHolder
from trust_store.policy import Policy
from trust_store.revocation.reasons import UNDECIDED
from trust_store.verdict import NotBelieved, vouched

RETRY_SECONDS: Final = 60
"""After how long a letter may come again when the revocation of its certificate could not be ruled out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Hold a sealed receipt: its id and the exact bytes that every retry gets again."""

    id: EvidenceId
    xml: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Take messages on, hand them over, and attest both."""

    store: Store
    blobs: Blobs
    uploads: Uploads
    bell: Bell
    clock: Clock
    workers: Workers
    rehearsal: Rehearsal
    asker: Asker
    progress: Progress
    registrar: Registrar
    log: Log
    keys: Signers
    policy: Policy
    claims: ClaimRule
    inline_bytes: int
    """The size up to which a message is kept with its record; larger ones are blobs."""
    sizes: Sizes
    enrolment: Enrolment

    async def submit(self, sender: Party, data: bytes, by: str = "") -> tuple[Filed, Sealed]:
        """Take a message on and return what was filed with its receipt (SubmissionAcceptance).

        `by` names what the sender was authenticated by; an unsigned message that is let in stands on that.
        The same bytes again give the very same receipt, whatever happened to certificates since.

        Raises:
            Rejected: a rule forbids it; the hub attests the refusal (SubmissionRejection).
        """
        digest = await self.workers.run(len(data), digest_of, data)
        filed = await self.store.messages.recognise(sender.id, digest)
        if filed is None:
            try:
                filed = await self._take_on(sender, data, by or f"the credentials of {sender.name}")
            except Refused as refusal:
                raise await self._reject(refusal, sender, digest, len(data)) from refusal

        # 6 sequence: the leaf gets its place in the log, under a signed checkpoint. A crash before this leaves a leaf that
        #   waits: whoever sequences next takes it up.
        await self.log.sequence(filed.receipt)
        self.progress.passed("submit.6-sequence")

        # 7 seal: the receipt is signed with its proof, stored and returned. A crash before this leaves a statement to seal:
        #   any retry, any reader and the sweep will do it.
        receipt = await self.seal(filed.receipt)
        self.progress.passed("submit.7-seal")

        # 8 ring: wake the receivers. A crash leaves everything in place: receivers poll.
        for delivery in await self.store.mailboxes.of_message(filed.key):
            self.bell.ring(delivery.receiver)
        self.progress.passed("submit.8-ring")
        return filed, receipt

    async def _take_on(self, sender: Party, data: bytes, by: str) -> Filed:
        # 1 open: parse once, verify the signature over these bytes. A crash leaves nothing; the sender retries.
        await self.rehearsal.rehearse(data)
        opened = await self.workers.run(len(data), open_signed, data)
        opened.admit(sender.admits)
        self.progress.passed("submit.1-open")

        # 2 believe: path, revocation, and is this certificate this party? A crash leaves nothing.
        envelope = await self._believe(opened, sender, by)
        self.progress.passed("submit.2-believe")

        # 3 address: who receives, may the sender write to them, can it reach them, and are its files beside the letter
        #   here? A crash leaves nothing.
        route = await routing.address(envelope.message, sender, self.store)
        check_reach(envelope, route.receivers, await self.store.directory.snapshot(), self.sizes)
        sizes = await self.uploads.require(envelope, sender)
        self.progress.passed("submit.3-address")

        # 4 keep: what is large content-addressed and fsynced; what is small waits for the commit. A crash leaves an orphan
        #   blob at most; the sweep finds it after a day.
        inline = data if len(data) <= self.inline_bytes else None
        if inline is None:
            await self.blobs.put(envelope.digest, data)
        self.progress.passed("submit.4-keep")

        # 5 commit: message, deliveries, statements and log leaves, in one transaction. A crash leaves everything but the
        #   signature on the receipt.
        compose, weight = self.registrar.compose, route.weight
        filing = await self.workers.run(weight, compose, envelope, sender, route, self.clock.now(), sizes, inline)
        filed = await self.store.messages.file(filing)
        self.progress.passed("submit.5-commit")
        return filed

    async def deliver(
        self,
        receiver: Party,
        *,
        limit: int,
        lease: timedelta,
        wait: timedelta = timedelta(),
        admit: Callable[[], Awaitable[object]] | None = None,
    ) -> Sequence[Entry]:
        """Lease waiting deliveries to one reader, oldest first; with `wait`, stay until the bell rings or time is over.

        Listens first, then looks, then waits, then looks again, so that nothing slips between. The bell is only a hint
        and rings for other news as well: an empty answer before the time is over means "ask again". Who may read when the
        waiting begins, may not when it ends: `admit` is asked in between, and raises.
        """
        with self.bell.listen(receiver.id) as listener:
            found = await self._lease(receiver, limit, lease)
            if found or not wait:
                return found
            await listener.wait(wait.total_seconds())
            if admit is not None:
                await admit()
            return await self._lease(receiver, limit, lease)

    async def acknowledge(self, receiver: Party, key: DeliveryKey) -> Sealed:
        """Record that the receiver has a message safely, and return the receipt (ContentHandover).

        A repetition returns the very same receipt and adds nothing.

        Raises:
            Refused: `not-found`: there is no such delivery in this receiver's own mailbox.
        """
        # 1 find: only in the receiver's own mailbox. A crash leaves nothing; the receiver retries.
        delivery = await self.store.mailboxes.get(receiver.id, key)
        filed = await self.store.messages.get(delivery.message) if delivery else None
        sender = await self.store.directory.get(filed.sender) if filed else None
        if delivery is None or filed is None or sender is None:
            raise Refused(NOT_FOUND, "There is no such delivery in this mailbox")
        self.progress.passed("acknowledge.1-find")

        # 2 commit: the hand-over, its statement and its leaf, in one transaction. A crash leaves a statement to seal.
        statement = self.registrar.state(
            filed, sender.actor, (receiver.actor,), Event.CONTENT_HANDOVER, self.clock.now(), refers_to=receiver.id
        )
        evidence = await self.store.mailboxes.hand_over(delivery, statement)
        self.progress.passed("acknowledge.2-commit")

        # 3 sequence, 4 seal: as in submit. A crash leaves everything.
        await self.log.sequence(evidence)
        self.progress.passed("acknowledge.3-sequence")
        receipt = await self.seal(evidence)
        self.progress.passed("acknowledge.4-seal")

        # 5 ring: the sender may be waiting to hear of it.
        self.bell.ring(filed.sender)
        self.progress.passed("acknowledge.5-ring")
        return receipt

    async def seal(self, key: EvidenceId) -> Sealed:
        """Return the sealed receipt of a statement, sealing it first if nobody has.

        Raises:
            Refused: `not-found`.
            Unsealed: the key cannot be used now; the sweep tries again.
        """
        statement = await self.store.evidence.get(key)
        if statement is None:
            raise Refused(NOT_FOUND, "There is no such evidence")
        if statement.sealed is not None:
            return Sealed(id=key, xml=statement.sealed)
        try:
            return Sealed(id=key, xml=await self._seal(statement))
        except Unsealed:
            raise
        except Refused as refusal:
            raise Unsealed(refusal) from refusal

    async def signer(self) -> KeyHolder:
        """Give the key that seals what is stated now."""
        return await self.keys.sealing(self.clock.now())

    async def _seal(self, statement: Statement) -> bytes:
        """Seal by the key of the statement's moment; what might come out otherwise again is kept before it is shown."""
        key, text = await self.keys.sealing(statement.at), statement.text
        proof = await self.log.prove(statement)
        if key.in_device:
            return await self.store.evidence.seal(statement.id, await self.workers.wait(seal, text, key, proof))
        sealed = await self.workers.run(len(text), seal, text, key, proof)
        self.store.evidence.keep(statement.id, sealed)
        return sealed

    async def _believe(self, opened: Opened, sender: Party, by: str) -> Envelope:
        evidence, at = await self.store.trust.evidence(), self.clock.now()
        if opened.signature_class is SignatureClass.VALID:
            verdict = judge(opened.chain, evidence, self.policy, at, sender.identity)
            if verdict.reason in UNDECIDED and await self.asker.learn(opened.chain, evidence):
                evidence, at = await self.store.trust.evidence(), self.clock.now()
                verdict = judge(opened.chain, evidence, self.policy, at, sender.identity)
            # Where nothing is known against the certificate and too little for it, nothing is attested against the letter.
            if verdict.reason is not None and verdict.reason in UNDECIDED:
                raise Later(verdict.reason, verdict.text, RETRY_SECONDS) from NotBelieved(verdict, verdict.reason)
            if verdict.reason is None:
                self.asker.notice(opened.chain, evidence)
            claim = self.claims.check(opened.claimed_time, at)
            verdict = replace(verdict, checks=(*verdict.checks, claim))
        else:
            verdict = vouched(sender.codes, by, at)
        return await self.workers.run(opened.size, opened.accept, verdict)

    async def _remark(self, refusal: Conflict, sender: Party, digest: str) -> None:
        """Let both sides of the first message see that another came under its id."""
        remark = Remark(
            sender=sender.id,
            message=MessageKey(refusal.message),
            id=digest,
            at=self.clock.now(),
            what=refusal.reason.code,
            text=f"Other bytes under the same id were refused; their SHA-256 is {digest}",
        )
        if await self.store.messages.remark(remark):
            for delivery in await self.store.mailboxes.of_message(remark.message):
                self.bell.ring(delivery.receiver)

    async def _lease(self, receiver: Party, limit: int, lease: timedelta) -> Sequence[Entry]:
        now, name = self.clock.now(), self.registrar.draw_name()
        return await self.store.mailboxes.lease(receiver.id, name, now, now + lease, limit)

    async def _reject(self, refusal: Refused, sender: Party, digest: str, size: int) -> Rejected:
        """Attest a refusal of the document, not a "later" nor a fault of the hub; it is sealed when somebody asks for it."""
        if refusal.reason in OWN_FAULTS or isinstance(refusal, Later):
            raise refusal
        if isinstance(refusal, Conflict):
            await self._remark(refusal, sender, digest)
        statement = self.registrar.reject(refusal, sender, digest, size, self.clock.now())
        event = event_of(refusal)
        who = (
            AuditEntry(event=event, actor=sender.id, subject=f"sha256 {digest}", detail=str(refusal)) if event else None
        )
        await self.store.evidence.add(statement, who)
        return Rejected(refusal, statement.id)
