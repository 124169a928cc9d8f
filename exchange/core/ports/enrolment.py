"""What enrolment needs: a place for applications and one-time codes, and the authority that issues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from exchange.core.applications import Application, ApplicationId, ApplicationState, EnrolmentCode
from exchange.core.audit import Author
from exchange.core.model import Party, PartyId
from trust_store.certificate import Certificate
from trust_store.keys import KeyHolder


class Authority(Protocol):
    """Hold the key of the hub's own authority."""

    def holder(self) -> KeyHolder:
        """Return it, read anew; `Refused` (authority-missing) when this hub has none, or its key is not here now."""
        ...

    def certificates(self) -> tuple[Certificate, ...]:
        """Return its certificate and those above it, also while its key is away; `Refused` (authority-missing)."""
        ...


class Enrolments(Protocol):
    """Keep applications, challenges and one-time codes; every change by people is audited in its own transaction."""

    async def apply(self, application: Application, by: Author, challenge: bytes = b"") -> Application:
        """Keep a new application; the same again returns what became of it and changes nothing.

        With it the challenge (its SHA-256) and the code that it names are used up. `Refused`: application-key when the key is
        known of anybody else, or for an issue at all; applications-too-many; proof-challenge; unauthenticated when the
        code was used for another application meanwhile.
        """
        ...

    async def get(self, key: ApplicationId) -> Application | None:
        """Return an application."""
        ...

    async def of_party(self, party: PartyId) -> Sequence[Application]:
        """List the applications of a party, newest first; at most 200."""
        ...

    async def page(self, state: ApplicationState, after: str, limit: int) -> Sequence[Application]:
        """List applications in a state, oldest first, from behind one of them."""
        ...

    async def change(
        self, key: ApplicationId, change: Callable[[Application, Party | None], Application], by: Author
    ) -> Application:
        """Change an application by what it and its party are at this moment, and nobody else meanwhile.

        `Refused`: as `change`, or not-found.
        """
        ...

    async def complete(self, key: ApplicationId, certificate: Certificate, by: Author) -> Application:
        """Register the certificate of an approved application for its party, in one transaction; again changes nothing.

        `Refused`: not-found, or application-closed when it is not approved.
        """
        ...

    async def challenge(self, party: PartyId, digest: bytes, until: datetime, now: datetime) -> None:
        """Keep a challenge by its SHA-256; the oldest of a party give way, and those that ended are forgotten."""
        ...

    async def give_code(self, code: EnrolmentCode, digest: bytes, by: Author) -> None:
        """Keep a one-time code by its SHA-256."""
        ...

    async def holder(self, digest: bytes, now: datetime) -> tuple[EnrolmentCode, Party] | None:
        """Return the code with this SHA-256 and its party, unless it ended or was revoked."""
        ...

    async def revoke_code(self, party: PartyId, code: str, by: Author) -> EnrolmentCode:
        """End a code now, named by its id; `Refused` (not-found) when the party has none such."""
        ...

    async def let_go(self, party: PartyId, fingerprint: str, by: Author) -> Certificate:
        """End a certificate of a party from now on: no longer registered, and on the local revocation list, at once.

        `Refused`: not-found, or certificate-last when the party has no other in force.
        """
        ...
