"""What the exchange needs to know when certificates end, to tell people, and to hold messages back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from exchange.core.audit import Author
from exchange.core.forecast import Term
from exchange.core.model import MessageKey, PartyId, Statement
from exchange.core.notices import Mail, Notice, NoticeId
from exchange.core.quarantine import Affected, Compromise, Declaration


class Terms(Protocol):
    """Know when certificates end: those registered for parties, those that signed a message, and the hub's own."""

    async def own(self) -> Sequence[Term]:
        """List what the hub's own people renew: its key, its authority, its TLS, and whom it trusts."""
        ...

    async def ending(self, before: datetime) -> Sequence[Term]:
        """List all certificates, not revoked, of active parties of which one ends before a moment."""
        ...

    async def of_party(self, party: PartyId) -> Sequence[Term]:
        """List the certificates of a party that are not revoked."""
        ...


class Notices(Protocol):
    """Keep notices and the mail that carries them."""

    async def add(self, notices: Sequence[Notice]) -> int:
        """Keep notices that are new, with a mail to each address of whom they are for; return how many were new.

        A notice is kept once, by its id. A warning is not kept when one of the same or a later stage was.
        """
        ...

    async def page(self, party: PartyId, *, unread: bool, after: NoticeId | None, limit: int) -> Sequence[Notice]:
        """List the notices to a party, newest first, from behind one of them."""
        ...

    async def read(self, party: PartyId, key: NoticeId, by: Author) -> Notice | None:
        """Mark a notice as read; again changes nothing. None: the party has no such notice."""
        ...

    async def claim(self, now: datetime, until: datetime, limit: int) -> Sequence[Mail]:
        """Take the mail that is due, one for each address; nobody else gets it before `until`."""
        ...

    async def settle(self, mail: Mail, error: str, again: datetime | None) -> None:
        """Record what came of a mail: sent if `error` is empty, to be tried `again` then, or given up."""
        ...


class Quarantine(Protocol):
    """Hold messages back whose key was declared compromised."""

    async def preview(self, wanted: Declaration) -> Compromise:
        """Tell what a declaration would do; `Refused` (not-found) when the party has no such certificate."""
        ...

    async def declare(self, wanted: Declaration, by: Author) -> Compromise:
        """Revoke the certificate, hold back what it signed since, mark what was handed over, and tell all concerned.

        All of it in one transaction or nothing. The same again changes nothing and tells nobody; an earlier moment holds
        more back. What an administrator released or withdrew is left alone.
        """
        ...

    async def page(self, after: MessageKey | None, limit: int) -> Sequence[Affected]:
        """List deliveries that are quarantined, by message, from behind a message."""
        ...

    async def release(self, message: MessageKey, why: str, by: Author) -> Sequence[Affected]:
        """Let a message go on: hand it out again, take the marks away, tell those concerned.

        `Refused` (not-found) when nothing of it is quarantined or marked.
        """
        ...

    async def withdraw(
        self, message: MessageKey, why: str, by: Author, statements: Mapping[PartyId, Statement]
    ) -> Sequence[Affected]:
        """Never hand a quarantined message out: state so for each receiver, and tell those concerned.

        `Refused` (not-found) when nothing of it is quarantined.
        """
        ...
