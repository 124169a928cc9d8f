"""What a letter refers to: the letters that it answers, and those that it revokes, updates or replaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from envelopes.edxml import BusinessType, Letter, ResponseFor
from exchange.core.lifecycle import ASKED_BY, GONE, Asked
from exchange.core.model import Delivery, Filed, Kind, Party, RelationKind
from exchange.core.ports import Store
from exchange.errors import NOT_SENDER
from trust_store.errors import Refused

MAX_LINKS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Name one earlier letter as the sender wrote it; `target` is that letter when it was exchanged here.

    `asked` is what the letter asks of those in `receivers`, the deliveries of the target that it concerns.
    """

    kind: RelationKind
    target: Filed | None
    organ: str = ""
    document_id: str = ""
    code: str = ""
    asked: Asked | None = None
    receivers: tuple[Delivery, ...] = ()


async def follow(letter: Letter, sender: Party, store: Store) -> tuple[Link, ...]:
    """Find what a letter refers to; what was not exchanged here stays a name.

    Raises:
        Refused: `not-sender`: it revokes a letter of somebody else.
    """
    links = [await _answer(item, letter, sender, store) for item in letter.responses[:MAX_LINKS]]
    business = letter.business
    if business and business.business_type is BusinessType.UPDATE and business.document_id:
        links.append(await _own(business.document_id, (), Asked.UPDATE, sender, store))
    if business and business.business_type is BusinessType.REPLACE:
        for item in business.replacements[:MAX_LINKS]:
            links.append(await _own(item.document_id, item.organ_ids, Asked.REPLACE, sender, store))
    return tuple(links)


async def _answer(response: ResponseFor, letter: Letter, sender: Party, store: Store) -> Link:
    asked = Asked.REVOKE if letter.business_type is BusinessType.REVOKE else None
    writer = await _writer(response, sender, store)
    target = await find(response, writer, store) if writer else None
    if asked and target is None and writer != sender:
        target = await find(response, sender, store)  # OrganId may name the receiver who is asked, as in a recall
    deliveries = await store.mailboxes.of_message(target.key) if target else ()
    if target is not None and sender.id not in {target.sender, *(item.receiver for item in deliveries)}:
        target, deliveries = None, ()  # whoever had no part in a letter does not learn that it exists
    if asked and target is not None and target.sender != sender.id:
        raise Refused(NOT_SENDER, f"The document named is of {target.sender}", where="ResponseFor/OrganId")
    return Link(
        kind=RelationKind.REVOKE if asked else RelationKind.REPLY,
        target=target,
        organ=response.organ_id or "",
        document_id=response.document_id or "",
        code=response.code or "",
        asked=asked,
        receivers=_concerned(deliveries) if asked else (),
    )


async def _writer(response: ResponseFor, sender: Party, store: Store) -> Party | None:
    if not response.organ_id:
        return sender
    (writer,) = await store.directory.resolve([response.organ_id])
    return writer


async def find(response: ResponseFor, writer: Party, store: Store) -> Filed | None:
    """Find the one letter of a writer that is named; None when there is none, or several."""
    if response.document_id:
        found = await store.messages.find(writer.id, response.document_id)
        return found if found is not None and found.kind is Kind.LETTER else None
    issued = response.promulgation_date.isoformat() if response.promulgation_date else ""
    letters = await store.messages.coded(writer.id, response.code, issued) if response.code else ()
    return letters[0] if len(letters) == 1 else None


async def _own(document_id: str, organs: Sequence[str], asked: Asked, sender: Party, store: Store) -> Link:
    target = await store.messages.find(sender.id, document_id)
    deliveries = _concerned(await store.mailboxes.of_message(target.key)) if target else ()
    if organs and target:
        named = {party.id for party in await store.directory.resolve(organs) if party is not None}
        deliveries = tuple(item for item in deliveries if item.receiver in named)
    return Link(kind=RelationKind(asked), target=target, document_id=document_id, asked=asked, receivers=deliveries)


def _concerned(deliveries: Sequence[Delivery]) -> tuple[Delivery, ...]:
    return tuple(item for item in deliveries if item.state not in GONE)


def asks(letter: Letter) -> bool:
    """Tell whether a letter asks something about earlier ones."""
    return letter.business_type in ASKED_BY
