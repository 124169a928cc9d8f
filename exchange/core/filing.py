"""Write down what one submission commits: the message, its deliveries, the statements of evidence and their leaves."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from envelopes.edxml import BusinessType, Letter, StatusCode
from envelopes.leaf import SALT_BYTES, commit
from envelopes.opened import Envelope
from envelopes.receipt import Actor, Cause, Event, Receipt, state
from exchange.core.forecast import term_of
from exchange.core.lifecycle import Asked, State, begin
from exchange.core.model import (
    Attachment,
    Delivery,
    Effect,
    EvidenceId,
    Filed,
    Filing,
    Kind,
    MessageKey,
    Party,
    PartyId,
    Relation,
    RelationKind,
    Statement,
    StatusChange,
    delivery_key,
    evidence_id,
    message_key,
)
from exchange.core.ports import Entropy
from exchange.core.references import Link
from exchange.core.routing import About, Route
from trust_store.errors import Refused
from trust_store.explain import as_record

NAME_BYTES: Final = 15
_ANSWERS = {StatusCode.ACCEPTED: Event.CONSIGNMENT_ACCEPTANCE, StatusCode.REFUSED: Event.CONSIGNMENT_REJECTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """Compose filings and statements in the name of one hub."""

    issuer: Actor
    entropy: Entropy

    def compose(
        self,
        envelope: Envelope,
        sender: Party,
        route: Route,
        at: datetime,
        sizes: Mapping[str, int],
        inline: bytes | None = None,
    ) -> Filing:
        """Compose everything that follows from a believed and addressed message.

        `sizes` are those of its files by digest, `inline` its bytes when they are kept with the record.
        """
        filed = _filed(envelope, sender, at)
        deliveries = tuple(_delivery(filed, receiver) for receiver in route.receivers)
        change = _change(envelope, filed, route.about, at)
        names = tuple(receiver.actor for receiver in route.receivers)
        accepted = self.state(filed, sender.actor, names, Event.SUBMISSION_ACCEPTANCE, at)
        consigned = [
            self.state(filed, sender.actor, names, Event.CONTENT_CONSIGNMENT, at, refers_to=item.id)
            for item in route.receivers
        ]
        answered = self._answer(envelope, route.about, at)
        return Filing(
            message=filed,
            deliveries=deliveries,
            statements=(accepted, *consigned, *answered),
            change=change,
            effects=(*_effects(filed, route.links, at), *_recall(change)),
            relations=_relations(filed, route),
            attachments=_attachments(envelope, filed, sizes),
            inline=inline,
            signer=term_of(envelope.signer, sender.id) if envelope.signer else None,
        )

    def state(
        self,
        filed: Filed,
        sender: Actor,
        receivers: tuple[Actor, ...],
        event: Event,
        at: datetime,
        *,
        refers_to: str = "",
        causes: tuple[Cause, ...] = (),
    ) -> Statement:
        """State an event about a filed message."""
        receipt = Receipt(
            id=evidence_id(event, filed.key, refers_to),
            event=event,
            at=at,
            issuer=self.issuer,
            sender=sender,
            receivers=receivers,
            message_id=filed.message_id,
            digest=filed.digest,
            size=filed.size,
            submitted_at=filed.submitted_at,
            refers_to=refers_to,
            causes=causes,
        )
        return self._statement(receipt, filed.sender, filed.key)

    def reject(self, refusal: Refused, sender: Party, digest: str, size: int, at: datetime) -> Statement:
        """State that a submission was refused. Its content was not believed, so its digest is its only name."""
        message = MessageKey(digest)
        receipt = Receipt(
            id=evidence_id(Event.SUBMISSION_REJECTION, f"{sender.id} {digest}", refusal.reason.code),
            event=Event.SUBMISSION_REJECTION,
            at=at,
            issuer=self.issuer,
            sender=sender.actor,
            receivers=(),
            message_id=f"sha256:{digest}",
            digest=digest,
            size=size,
            submitted_at=at,
            causes=(Cause(code=refusal.reason.code, text=refusal.text),),
        )
        return self._statement(receipt, sender.id, message)

    def draw_name(self) -> str:
        """Draw a name that nobody can guess."""
        return base64.b32encode(self.entropy.draw(NAME_BYTES)).decode().rstrip("=").lower()

    def _answer(self, envelope: Envelope, about: About | None, at: datetime) -> list[Statement]:
        notice = envelope.message
        if about is None or isinstance(notice, Letter) or notice.status_code not in _ANSWERS:
            return []
        cause = Cause(code=f"status-{notice.status_code}", text=notice.description or notice.status_code.name.lower())
        event = _ANSWERS[notice.status_code]
        receiver = about.receiver.actor
        return [
            self.state(
                about.original, about.writer.actor, (receiver,), event, at, refers_to=receiver.code, causes=(cause,)
            )
        ]

    def _statement(self, receipt: Receipt, owner: PartyId, message: MessageKey) -> Statement:
        text, salt = state(receipt), self.entropy.draw(SALT_BYTES)
        return Statement(
            id=EvidenceId(receipt.id),
            owner=owner,
            message=message,
            event=receipt.event,
            receiver=receipt.refers_to,
            at=receipt.at,
            text=text,
            salt=salt,
            leaf=commit(text, salt),
        )


def _filed(envelope: Envelope, sender: Party, at: datetime) -> Filed:
    message = envelope.message
    letter = message if isinstance(message, Letter) else None
    message_id = letter.document_id if letter else f"status:{envelope.digest}"
    key = message_key(sender.id, message_id)
    code = letter.code if letter else None
    promulgated = letter.promulgation.date if letter and letter.promulgation else None
    return Filed(
        key=key,
        sender=sender.id,
        message_id=message_id,
        digest=envelope.digest,
        size=envelope.size,
        kind=Kind.LETTER if letter else Kind.STATUS,
        business=int(letter.business_type) if letter else 0,
        subject=letter.subject if letter else "",
        number=(code.number or "") if code else "",
        notation=(code.notation or "") if code else "",
        promulgated=promulgated.isoformat() if promulgated else "",
        submitted_at=at,
        signature_class=envelope.signature_class,
        verdict=json.dumps(as_record(envelope.verdict), ensure_ascii=False),
        receipt=evidence_id(Event.SUBMISSION_ACCEPTANCE, key),
        certificate=envelope.signer.fingerprint if envelope.signer else "",
    )


def _delivery(filed: Filed, receiver: Party) -> Delivery:
    return Delivery(
        key=delivery_key(filed.key, receiver.id),
        receiver=receiver.id,
        message=filed.key,
        sender=filed.sender,
        consigned_at=filed.submitted_at,
        state=begin(BusinessType(filed.business)) if filed.kind is Kind.LETTER else State.SENT,
    )


def _attachments(envelope: Envelope, filed: Filed, sizes: Mapping[str, int]) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(
            sender=filed.sender,
            message=filed.key,
            ordinal=ordinal,
            content_id=item.content_id,
            name=item.name or item.content_id,
            media_type=item.content_type or "",
            digest=item.digest,
            size=sizes[item.digest],
        )
        for ordinal, item in enumerate(envelope.detached, start=1)
    )


def _change(envelope: Envelope, filed: Filed, about: About | None, at: datetime) -> StatusChange | None:
    notice = envelope.message
    if about is None or isinstance(notice, Letter):
        return None
    return StatusChange(
        original=about.original.key,
        sender=about.original.sender,
        receiver=about.receiver.id,
        code=notice.status_code,
        text=notice.description or "",
        at=at,
        notice=filed.key,
    )


def _effects(filed: Filed, links: Sequence[Link], at: datetime) -> list[Effect]:
    """Record what is asked of each receiver of each letter that this one revokes, updates or replaces, once each."""
    found: dict[tuple[str, str], Effect] = {}
    for link in links:
        for item in link.receivers:
            if link.asked is not None and link.target is not None:
                effect = Effect(
                    original=link.target.key,
                    sender=filed.sender,
                    receiver=item.receiver,
                    message=filed.key,
                    asked=link.asked,
                    at=at,
                )
                found.setdefault((effect.original, effect.receiver), effect)
    return list(found.values())


def _recall(change: StatusChange | None) -> list[Effect]:
    """Record that a notice of code 13 asks one receiver to give a letter back."""
    if change is None or change.code is not StatusCode.RECALL_REQUESTED:
        return []
    return [
        Effect(
            original=change.original,
            sender=change.sender,
            receiver=change.receiver,
            message=change.notice,
            asked=Asked.RECALL,
            at=change.at,
        )
    ]


def _relations(filed: Filed, route: Route) -> tuple[Relation, ...]:
    links = list(route.links)
    if route.about is not None:
        original = route.about.original
        links.append(Link(kind=RelationKind.STATUS, target=original, document_id=original.message_id))
    return tuple(
        Relation(
            sender=filed.sender,
            message=filed.key,
            kind=link.kind,
            target=link.target.key if link.target else "",
            organ=link.organ,
            document_id=link.document_id,
            code=link.code,
        )
        for link in links
    )
