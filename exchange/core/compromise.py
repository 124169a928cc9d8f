"""Declare a key compromised, and decide about what is held back since; the steps are killed one by one in tests/faults."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from envelopes.receipt import Cause, Event
from exchange.core.audit import Author
from exchange.core.holding import WITHDRAWN as WITHDRAWN_REASON
from exchange.core.hub import Hub
from exchange.core.model import MessageKey, PartyId
from exchange.core.quarantine import MAX_WHY, Affected, Compromise, Declaration
from exchange.errors import NOT_FOUND, REQUEST
from trust_store.errors import Refused


async def preview(hub: Hub, wanted: Declaration) -> Compromise:
    """Tell what a declaration would do, and do nothing.

    Raises:
        Refused: `not-found`, or `request-malformed` for a moment that is still to come or a reason that is none.
    """
    _check(hub, wanted)
    return await hub.store.quarantine.preview(wanted)


async def declare(hub: Hub, wanted: Declaration, by: Author) -> Compromise:
    """Revoke a certificate, hold back what it signed since, and tell everyone concerned; the same again changes nothing.

    Raises:
        Refused: as `preview`.
    """
    # 1 check: the moment and the reason. A crash leaves nothing.
    _check(hub, wanted)
    hub.progress.passed("declare.1-check")

    # 2 commit: revocation, quarantine, marks, notices, mail and audit, in one transaction. A crash leaves all of it.
    found = await hub.store.quarantine.declare(wanted, by)
    hub.progress.passed("declare.2-commit")

    # 3 ring: whoever is connected may look at once. A crash leaves everything; readers poll.
    _ring(hub, found.concerned)
    hub.progress.passed("declare.3-ring")
    return found


async def release(hub: Hub, message: MessageKey, why: str, by: Author) -> Sequence[Affected]:
    """Let a message go on that an administrator has looked into.

    Raises:
        Refused: `not-found`, or `request-malformed`.
    """
    found = await hub.store.quarantine.release(message, check_why(why), by)
    _ring(hub, {party for each in found for party in (each.sender, each.receiver)})
    return found


async def withdraw(hub: Hub, message: MessageKey, why: str, by: Author) -> Sequence[Affected]:
    """Never hand a quarantined message out, and attest it (EN 319 522-1, 6: ContentHandoverFailure).

    Raises:
        Refused: `not-found`, or `request-malformed`.
    """
    check_why(why)
    filed = await hub.store.messages.get(message)
    sender = await hub.store.directory.get(filed.sender) if filed else None
    if filed is None or sender is None:
        raise Refused(NOT_FOUND, "There is no such message in quarantine")
    statements = {}
    for delivery in await hub.store.mailboxes.of_message(message):
        receiver = await hub.store.directory.get(delivery.receiver)
        if receiver is not None:
            statements[receiver.id] = hub.registrar.state(
                filed,
                sender.actor,
                (receiver.actor,),
                Event.CONTENT_HANDOVER_FAILURE,
                by.at,
                refers_to=receiver.id,
                causes=(Cause(code=WITHDRAWN_REASON.code, text=f"{WITHDRAWN_REASON.title}: {why}"),),
            )
    found = await hub.store.quarantine.withdraw(message, why, by, statements)
    _ring(hub, {party for each in found for party in (each.sender, each.receiver)})
    return found


def check_why(why: str) -> str:
    """Return what can be a reason that people are told.

    Raises:
        Refused: `request-malformed`.
    """
    if not why.strip() or len(why) > MAX_WHY or not why.isprintable():
        raise Refused(REQUEST, f"A reason has 1 to {MAX_WHY} printable characters on one line", where="why")
    return why


def _check(hub: Hub, wanted: Declaration) -> None:
    check_why(wanted.why)
    if wanted.since > hub.clock.now():
        raise Refused(REQUEST, "A key is declared compromised since a moment that has passed", where="since")


def _ring(hub: Hub, parties: Iterable[PartyId]) -> None:
    for party in parties:
        hub.bell.ring(party)
