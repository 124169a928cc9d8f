"""What the exchange knows of parties and trust, and how administrators change it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from exchange.core.audit import Author
from exchange.core.groups import Group
from exchange.core.model import Party, PartyId
from exchange.core.rules import Rule
from exchange.core.snapshot import Snapshot
from trust_store.certificate import Certificate
from trust_store.evidence import Evidence, Revocation


class Directory(Protocol):
    """Know the parties, their groups, and who may write to whom."""

    async def snapshot(self) -> Snapshot:
        """Return the directory as it is now; a change that was committed before, by any process, is in it."""
        ...

    async def get(self, party: PartyId) -> Party | None:
        """Return a party."""
        ...

    async def resolve(self, codes: Sequence[str]) -> Sequence[Party | None]:
        """Return, for each code in whatever form, the party that has it."""
        ...

    async def all(self) -> Sequence[Party]:
        """List the parties by id."""
        ...

    async def certificate_holder(self, fingerprint: str) -> Party | None:
        """Return the one party that a certificate with this SHA-256 (hex) is registered for."""
        ...


class TrustMaterial(Protocol):
    """Know the anchors, intermediates and the local revocation list."""

    async def evidence(self) -> Evidence:
        """Return what the judge may rely on now; a change by an administrator shows at the next call."""
        ...


class Registry(Protocol):
    """Change what the directory knows; for administrators. A change by an author is audited in its own transaction.

    With a `revision`, a change is made only if that is still the directory's; else `Refused` (directory-moved). Whatever
    was decided by what the directory says needs it: see `core.registering.decide`.
    """

    async def put(self, party: Party, by: Author | None = None, revision: int | None = None) -> None:
        """Register a party or change it whole, except for its certificates and tokens.

        `Refused`: code-taken when a code is another's, a group's or the hub's own, party-parent when the parent is not
        registered, the party itself or below it.
        """
        ...

    async def put_all(self, parties: Sequence[Party], revision: int, by: Author) -> None:
        """Register or change many, all or none; `Refused` as for one, or (directory-moved) if the revision is another now."""
        ...

    async def put_group(self, group: Group, by: Author, revision: int | None = None) -> None:
        """Make a group or change it whole; `Refused`: code-taken, or not-found for a member."""
        ...

    async def remove_group(self, code: str, by: Author) -> None:
        """Remove a group, named by the one form of its code; `Refused`: not-found, or group-in-use by a rule."""
        ...

    async def put_rule(self, rule: Rule, by: Author, revision: int | None = None) -> None:
        """Put a rule at its position, in place of the one there; `Refused` (not-found) when it names a group that is not."""
        ...

    async def remove_rule(self, position: int, by: Author) -> None:
        """Remove a rule; `Refused` (not-found) when there is none at this position."""
        ...

    async def add_certificate(
        self, party: PartyId, certificate: Certificate, now: datetime, by: Author | None = None
    ) -> None:
        """Register a certificate for a party; the same again changes nothing."""
        ...

    async def remove_certificate(self, party: PartyId, fingerprint: str, by: Author) -> None:
        """Let a certificate no longer speak for a party; `Refused` (not-found) when it does not."""
        ...

    async def certificates(self, party: PartyId) -> Sequence[Certificate]:
        """List the certificates registered for a party."""
        ...


class TrustRegistry(Protocol):
    """Change what the judge relies on; for administrators. A change by an author is audited in its own transaction."""

    async def trust(self, certificate: Certificate, role: str, now: datetime, by: Author | None = None) -> None:
        """Trust an authority as `anchor` or know it as `intermediate`; the same again changes nothing."""
        ...

    async def revoke(self, revocation: Revocation, by: Author | None = None) -> None:
        """Put a certificate on the local revocation list."""
        ...
