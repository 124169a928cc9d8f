"""Look ahead for a served hub: gather what ends, and have the warnings that count now given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from exchange.config import Home, Settings
from exchange.core.forecast import Role, Term, term_of
from exchange.core.model import PartyId
from exchange.core.ports import HubKeys, TrustMaterial
from exchange.core.warnings import Warden
from exchange.running import Exchange
from trust_store.certificate import Certificate, load_many
from trust_store.errors import Refused
from trust_store.evidence import Evidence

EVERY: Final = 600.0
_LOG = structlog.get_logger("congvan.lookout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """Know what the hub's own people renew: its keys, its authority, its TLS, and whom it trusts."""

    home: Home
    settings: Settings
    keys: HubKeys
    trust: TrustMaterial

    async def terms(self) -> Sequence[Term]:
        """List the terms of all of it, as it is now; what is revoked is left out."""
        keys = [each.certificate for each in await self.keys.known() if each.retired_at is None]
        return await asyncio.to_thread(self._terms, keys, await self.trust.evidence())

    def _terms(self, keys: Sequence[Certificate], evidence: Evidence) -> list[Term]:
        revoked, owner = {each.signed_part for each in evidence.revoked}, self.settings.code
        found = [
            *((Role.HUB, each) for each in keys),
            *((Role.ANCHOR, each) for each in evidence.anchors),
            *((Role.INTERMEDIATE, each) for each in evidence.intermediates),
            *_on_disk(self.home, self.settings),
        ]
        terms = (term_of(each, owner, role) for role, each in found if each.signed_part not in revoked)
        return list({(each.role, each.fingerprint): each for each in terms}.values())


def files_of(home: Home, settings: Settings) -> Iterator[tuple[Role, Path]]:
    """Name the files on this machine whose certificates end; of the one for TLS only the first certificate is the hub's."""
    authority = home.keys / "authority.cert.pem"
    if authority.is_file():
        yield Role.HUB_AUTHORITY, authority
    if settings.tls_cert:
        yield Role.TLS, home.folder / settings.tls_cert
    if settings.client_ca:
        yield Role.CLIENT_AUTHORITY, home.folder / settings.client_ca


def warden_of(exchange: Exchange) -> Warden:
    """Make what warns, as the settings say."""
    store, settings = exchange.hub.store, exchange.settings
    days = tuple(sorted({int(each) for each in settings.warning_days.split(",")}, reverse=True))
    return Warden(terms=store.terms, notices=store.notices, hub=PartyId(settings.code), days=days)


async def look_over(exchange: Exchange) -> int:
    """Give the warnings that count now; return how many were new."""
    added = await warden_of(exchange).look_over(exchange.hub.clock.now())
    if added:
        _LOG.info("warned", notices=added)
    return added


async def look_forever(exchange: Exchange) -> None:
    """Look over every ten minutes, until cancelled; a failure is logged and tried again."""
    while True:
        try:
            await look_over(exchange)
        except Exception:
            _LOG.exception("look-out failed")
        await asyncio.sleep(EVERY)


def _on_disk(home: Home, settings: Settings) -> Iterator[tuple[Role, Certificate]]:
    """Read the files that are there; one that cannot be read is the doctor's business."""
    for role, path in files_of(home, settings):
        try:
            certificates = load_many(path.read_bytes())
        except (OSError, Refused):
            continue
        yield from ((role, each) for each in (certificates if role is Role.CLIENT_AUTHORITY else certificates[:1]))
