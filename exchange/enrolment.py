"""Bring parties into a hub: register them, issue or register their certificates, give out tokens."""

from __future__ import annotations

from exchange.auth import tokens
from exchange.core.enrolling import draw_serial
from exchange.core.model import Party
from exchange.running import Exchange
from trust_store.certificate import Certificate
from trust_store.enrol import Holder, enrol, fit_name
from trust_store.keys import HeldKey, KeyHolder

CERTIFICATE_DAYS = 2 * 365


async def issue_key(exchange: Exchange, authority: KeyHolder, party: Party, *, days: int = CERTIFICATE_DAYS) -> HeldKey:
    """Make a key for a party, issue its certificate and register it."""
    at = exchange.hub.clock.now().replace(microsecond=0)
    name = fit_name(party.name)
    holder = Holder(kind=party.kind, common_name=name, organisation=name, code=party.id)
    key = enrol(authority, holder, serial=draw_serial(exchange.entropy), at=at, days=days)
    await register(exchange, party, key.certificate)
    return key


async def register(exchange: Exchange, party: Party, certificate: Certificate) -> None:
    """Register a certificate for a party."""
    by = exchange.author()
    await exchange.registry.add_certificate(party.id, certificate, by.at, by)


async def give_token(exchange: Exchange, party: Party, label: str) -> str:
    """Create a token for a party, for sending, receiving and reading; it is shown now and never again."""
    secret, _ = await tokens.issue(exchange.tokens, exchange.entropy, exchange.author(), party=party.id, label=label)
    return secret
