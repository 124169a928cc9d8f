"""A hub whose parties sign with certificates of an authority on loopback, which tells of revocations there; the clock is driven."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.auth.tokens import issue
from exchange.config import Home
from exchange.core.hub import Hub, Sealed
from exchange.core.model import Filed, Party, PartyId
from exchange.operation.refreshing import Refresher
from exchange.running import Exchange
from exchange.sandbox.province import HUB_CODE, LAM_SON, TAX
from exchange.wiring import open_exchange
from tests.servers import web
from tests.servers.authority import Authority
from tests.servers.web import Site
from trust_store.keys import HeldKey

HOUR = timedelta(hours=1)


@dataclass(slots=True)
class DrivenClock:
    """Tell the time that a test sets."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True, kw_only=True)
class World:
    """Hold a hub, an authority, and the servers at which the authority tells of revocations."""

    exchange: Exchange
    clock: DrivenClock
    authority: Authority
    lists: Site
    responder: Site
    numbers: list[int] = field(default_factory=lambda: [0])

    @property
    def hub(self) -> Hub:
        return self.exchange.hub

    @property
    def refresher(self) -> Refresher:
        return Refresher(self.exchange.inquiries)

    async def settle(self) -> None:
        await self.exchange.inquiries.settle()

    async def refresh(self) -> None:
        """Look what is due, as the background does, and wait until it is done."""
        for _ in range(2):
            await self.refresher.look()
            await self.settle()

    def key(self, *, listed: bool = True, asked: bool = False, name: str = "Lam Sơn") -> HeldKey:
        """Give the enterprise a certificate of the authority that names where revocations are told."""
        code = x509.NameAttribute(NameOID.USER_ID, f"MST:{LAM_SON}")
        return self.authority.person(
            name,
            code,
            lists=[f"{self.lists.url}/a.crl"] if listed else [],
            responders=[self.responder.url] if asked else [],
        )

    def letter(self, key: HeldKey) -> bytes:
        self.numbers[0] += 1
        drafted = draft_letter(
            sender=Organ(organ_id=LAM_SON),
            receivers=[Organ(organ_id=TAX)],
            number=str(self.numbers[0]),
            notation="CV-T",
            subject="V/v thử",
            at=self.clock.now().astimezone(VIETNAM),
            files=[("a.pdf", b"%PDF-1.4 x")],
        )
        return sign(build(drafted), key)

    async def party(self) -> Party:
        found = await self.hub.store.directory.get(PartyId(LAM_SON))
        assert found is not None
        return found

    async def submit(self, key: HeldKey) -> tuple[Filed, Sealed]:
        return await self.hub.submit(await self.party(), self.letter(key))

    async def publish(self, days: float = 1, **fields: Any) -> None:
        """Put a list of this moment where the authority has its lists."""
        self.lists.manner = web.giving(self.authority.list(self.clock.now(), days=days, **fields))

    async def give(self, code: str, *scopes: Any) -> str:
        exchange = self.exchange
        issuing = issue(
            exchange.tokens,
            exchange.entropy,
            exchange.author(),
            party=PartyId(code),
            label="t",
            scopes=frozenset(scopes),
        )
        return (await issuing)[0]


@pytest.fixture
async def world(sandbox_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("CONGVAN_FETCH_ALLOWED", "127.0.0.0/8")
    monkeypatch.setenv("CONGVAN_FETCH_SECONDS", "1")
    monkeypatch.setenv("CONGVAN_REVOCATION_WAIT_SECONDS", "2")
    folder = tmp_path / "hub"
    shutil.copytree(sandbox_template, folder)
    clock = DrivenClock(datetime.now(UTC).replace(microsecond=0))
    async with contextlib.AsyncExitStack() as stack:
        lists = await stack.enter_async_context(web.site(web.failing("404 Not Found")))
        responder = await stack.enter_async_context(web.site(web.failing("404 Not Found")))
        exchange = await stack.enter_async_context(open_exchange(Home(folder), clock=clock))
        authority = Authority("CA công cộng", clock.now())
        await exchange.trust.trust(authority.certificate, "anchor", clock.now())
        yield World(exchange=exchange, clock=clock, authority=authority, lists=lists, responder=responder)


@pytest.fixture
def hub_code() -> str:
    return HUB_CODE
