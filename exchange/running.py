"""A running hub with everything around it; `wiring` builds it."""

from __future__ import annotations

import getpass
import hashlib
from dataclasses import dataclass

import msgspec

from exchange.config import Home, Settings
from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.hub import Hub
from exchange.core.ports import AuditTrail, Entropy, HubKeys, Registry, Systems, Tokens, TrustRegistry
from exchange.core.reading import Reading
from exchange.core.retention import Retention
from exchange.core.stamping import TimeAuthorities
from exchange.delivery.bell import LocalBell
from exchange.delivery.mail import Postman
from exchange.net.fetching import Fetcher
from exchange.operation.asking import Inquiries
from exchange.storage.hub_keys import HubKeyStore
from exchange.storage.sqlite import SqliteDatabase
from exchange.storage.stamps import StampStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Hold a running hub with everything around it."""

    hub: Hub
    reading: Reading
    registry: Registry
    trust: TrustRegistry
    bell: LocalBell
    settings: Settings
    home: Home
    entropy: Entropy
    database: SqliteDatabase
    retention: Retention
    stamps: StampStore
    clocks: TimeAuthorities
    postman: Postman | None
    inquiries: Inquiries

    @property
    def fetcher(self) -> Fetcher:
        """Give what fetches from addresses that others wrote."""
        return self.inquiries.desk.fetcher

    @property
    def tokens(self) -> Tokens:
        """Give what keeps the tokens."""
        return self.hub.store.tokens

    @property
    def systems(self) -> Systems:
        """Give what keeps the connected systems."""
        return self.hub.store.systems

    @property
    def audit(self) -> AuditTrail:
        """Give the audit trail."""
        return self.hub.store.audit

    @property
    def hub_keys(self) -> HubKeys:
        """Give what keeps which keys the hub has and had."""
        return HubKeyStore(self.database)

    async def require_key(self) -> None:
        """See that the key which signs now can be used.

        Raises:
            Refused: it cannot be opened.
        """
        signer = await self.hub.signer()
        await self.hub.workers.wait(lambda: signer.private_key)

    async def note_settings(self) -> None:
        """Audit the settings if they are not those that the hub was last served with; their values may be secrets."""
        settings = msgspec.to_builtins(self.settings)
        other = [name for name, value in settings.items() if value != _DEFAULTS.get(name)]
        digest = hashlib.sha256(msgspec.json.encode(settings, order="sorted")).hexdigest()
        text = f"not as usual: {', '.join(sorted(other))}"
        by = self.author()
        entry = AuditEntry(event=AuditEvent.SETTINGS_CHANGED, actor=by.actor, subject=f"sha256 {digest}", detail=text)
        await self.audit.append_news(entry, by.at)

    def author(self) -> Author:
        """Make the author of a change that is made now, on the hub's machine."""
        return Author(actor=operator(), at=self.hub.clock.now())


_DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Settings)}


def operator() -> str:
    """Name, for the audit trail, the user of the operating system; a container may run as one that has no name."""
    try:
        return f"operator {getpass.getuser()}"
    except (OSError, KeyError):
        return "operator without a name"
