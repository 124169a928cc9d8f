"""Who receives a message, and may its sender write to them: once per party, however many codes name it."""

from __future__ import annotations

from dataclasses import dataclass

from envelopes.edxml import Letter, Message, ResponseFor, StatusCode, StatusNotice
from exchange.core.model import Filed, Kind, Party, PartyStatus
from exchange.core.ports import Store
from exchange.core.references import Link, follow
from exchange.errors import (
    AMBIGUOUS_ORIGINAL,
    NOT_ADDRESSEE,
    NOT_SENDER,
    RECEIVER_SUSPENDED,
    UNKNOWN_ORIGINAL,
    UNKNOWN_RECEIVER,
)
from trust_store.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Say which letter a status notice is about, and at which receiver."""

    original: Filed
    writer: Party
    receiver: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Name the parties that receive a message, for a status notice what it is about, for a letter what it refers to."""

    receivers: tuple[Party, ...]
    about: About | None = None
    links: tuple[Link, ...] = ()


async def address(message: Message, sender: Party, store: Store) -> Route:
    """Find the receivers of a message.

    Raises:
        Refused: a code is unknown, a party is suspended, or the notice's sender has no part in the document.
    """
    if isinstance(message, Letter):
        return await _letter(message, sender, store)
    return await _notice(message, sender, store)


async def _letter(letter: Letter, sender: Party, store: Store) -> Route:
    """Route by To; what revokes, updates or replaces a letter also reaches whoever else has that letter."""
    named = await _parties([organ.organ_id for organ in letter.receivers], store)
    links = await follow(letter, sender, store) if letter.responses or letter.business else ()
    receivers = {party.id: party for party in named}
    for delivery in (delivery for link in links for delivery in link.receivers):
        if delivery.receiver not in receivers:
            party = await store.directory.get(delivery.receiver)
            if party is not None and party.status is PartyStatus.ACTIVE:
                receivers[party.id] = party
    return Route(receivers=tuple(receivers.values()), links=links)


async def _notice(notice: StatusNotice, sender: Party, store: Store) -> Route:
    """Route by ResponseFor/OrganId, correlate by ResponseFor/DocumentId or else by its code (edXML status form)."""
    about = notice.response_for
    (other,) = await _parties([about.organ_id or ""], store)
    recall = notice.status_code is StatusCode.RECALL_REQUESTED
    writer, receiver = (sender, other) if recall else (other, sender)
    original = await _original(about, writer, store)
    deliveries = {item.receiver: item for item in await store.mailboxes.of_message(original.key)}
    if receiver.id not in deliveries:
        raise Refused(NOT_SENDER if recall else NOT_ADDRESSEE, f"{receiver.name} is not a receiver of that document")
    return Route(receivers=(other,), about=About(original=original, writer=writer, receiver=receiver))


async def _original(about: ResponseFor, writer: Party, store: Store) -> Filed:
    """Find the letter by its document id; only where none is given by its code, which must then name one letter."""
    if about.document_id:
        found = await store.messages.find(writer.id, about.document_id)
        letters = [found] if found is not None and found.kind is Kind.LETTER else []
    else:
        issued = about.promulgation_date.isoformat() if about.promulgation_date else ""
        letters = list(await store.messages.coded(writer.id, about.code or "", issued))
    if not letters:
        raise Refused(UNKNOWN_ORIGINAL, f"{writer.name} sent no document {about.document_id or about.code} here")
    if len(letters) > 1:
        raise Refused(AMBIGUOUS_ORIGINAL, f"{writer.name} sent several documents {about.code} here")
    return letters[0]


async def _parties(codes: list[str], store: Store) -> tuple[Party, ...]:
    found: dict[str, Party] = {}
    for code, party in zip(codes, await store.directory.resolve(codes), strict=True):
        if party is None:
            raise Refused(UNKNOWN_RECEIVER, f"{code} is not registered", where="To/OrganId")
        if party.status is PartyStatus.SUSPENDED:
            raise Refused(
                RECEIVER_SUSPENDED, f"{party.name} ({code}) is suspended and receives nothing", where="To/OrganId"
            )
        found.setdefault(party.id, party)
    return tuple(found.values())
