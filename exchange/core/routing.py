"""Who receives a message, and may its sender write to them: once per party, however many codes name it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from envelopes.edxml import Letter, Message, ResponseFor, StatusCode, StatusNotice
from exchange.core.addressing import addressed, check_crowd, expand
from exchange.core.model import Filed, Kind, Party, PartyId
from exchange.core.ports import Store
from exchange.core.references import Link, follow
from exchange.core.snapshot import Snapshot
from exchange.core.writing import denied, forbid
from exchange.errors import AMBIGUOUS_ORIGINAL, NOT_ADDRESSEE, NOT_SENDER, UNKNOWN_ORIGINAL
from trust_store.errors import Refused

_NAME_BYTES: Final = 128


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

    @property
    def weight(self) -> int:
        """Estimate the bytes of the evidence: that of each receiver names all of them."""
        return len(self.receivers) ** 2 * _NAME_BYTES


async def address(message: Message, sender: Party, store: Store) -> Route:
    """Find the receivers of a message.

    Raises:
        Refused: a code is unknown, a party is suspended, a rule forbids it, they are too many, or the notice's sender has no
            part in the document.
    """
    if isinstance(message, Letter):
        return await _letter(message, sender, store)
    return await _notice(message, sender, store)


async def _letter(letter: Letter, sender: Party, store: Store) -> Route:
    """Route by To; what revokes, updates or replaces a letter also reaches whoever else has that letter.

    Who is suspended gets it too, and finds it when it is resumed: it has the letter, and the sender cannot leave it out.
    """
    snapshot = await store.directory.snapshot()
    named = expand([organ.organ_id for organ in letter.receivers], sender, snapshot)
    links = await follow(letter, sender, store) if letter.responses or letter.business else ()
    await _permit(sender, named, links, snapshot, store)
    receivers = {party.id: party for party in named}
    for delivery in (delivery for link in links for delivery in link.receivers):
        party = snapshot.parties.get(delivery.receiver)
        if party is not None:
            receivers.setdefault(party.id, party)
    check_crowd(len(receivers), "everybody who has what it revokes, updates or replaces")
    return Route(receivers=tuple(receivers.values()), links=links)


async def _permit(
    sender: Party, named: Sequence[Party], links: Sequence[Link], snapshot: Snapshot, store: Store
) -> None:
    """Hold a letter to the rules on who may write to whom; whoever has what it refers to can always be answered."""
    found = denied(sender, named, snapshot)
    if not found:
        return
    involved: set[PartyId] = set()
    for target in (link.target for link in links if link.target is not None):
        involved |= {target.sender, *(item.receiver for item in await store.mailboxes.of_message(target.key))}
    for receiver, rule in found:
        if receiver.id not in involved:
            raise forbid(receiver, rule)


async def _notice(notice: StatusNotice, sender: Party, store: Store) -> Route:
    """Route by ResponseFor/OrganId, correlate by ResponseFor/DocumentId or else by its code (edXML status form)."""
    about = notice.response_for
    other = addressed(about.organ_id or "", await store.directory.snapshot())
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
