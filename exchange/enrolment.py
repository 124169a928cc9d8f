"""Bring parties into a hub: register them, issue or register their certificates, give out tokens."""

from __future__ import annotations

from exchange.auth import tokens
from exchange.core.model import Party, PartyId
from exchange.founding import draw_serial, fit_name
from exchange.running import Exchange
from trust_store.certificate import Certificate
from trust_store.enrol import Holder, enrol
from trust_store.errors import Refused, reason
from trust_store.identity import PartyKind, tax_code
from trust_store.keys import HeldKey, KeyHolder

BAD_TAX_CODE = reason(
    "tax-code-malformed",
    "This is not a tax code",
    "Give the 10 digits (13 for a branch) of the registration certificate",
)
CERTIFICATE_DAYS = 2 * 365


def describe_party(code: str, name: str, kind: PartyKind, aliases: frozenset[str] = frozenset()) -> Party:
    """Describe a new party by its primary code; an enterprise is reached by its tax code with and without `02`.

    Raises:
        Refused: `tax-code-malformed`.
    """
    if kind is PartyKind.AGENCY:
        return Party(id=PartyId(code), name=name, kind=kind, codes=frozenset({code, *aliases}))
    number = tax_code(code)
    if number is None:
        raise Refused(BAD_TAX_CODE, f"{code} is not a tax code")
    return Party(id=PartyId(number), name=name, kind=kind, codes=frozenset({number, *aliases}), tax_code=number)


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
