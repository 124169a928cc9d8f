"""A real hub over HTTP on a free port, on a copy of one sandbox; whatever a test did, the hub must be whole afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from yarl import URL

from envelopes.drafting import draft_letter, draft_status
from envelopes.edxml import Letter, Organ, StatusCode, build
from envelopes.opened import VIETNAM
from envelopes.receipt import Event, check_log, open_receipt
from envelopes.signature.sign import sign
from exchange.auth.tokens import issue
from exchange.client import Client, HubRefused
from exchange.config import Home
from exchange.core.access import Scope
from exchange.core.finding import Search
from exchange.core.model import Party, PartyId
from exchange.core.reading import bytes_of
from exchange.operation.doctor import examine_hub
from exchange.operation.findings import Severity
from exchange.running import Exchange
from exchange.sandbox import making, ready
from exchange.sandbox.province import ENVIRONMENT, FINANCE, HAM_RONG, HUB_CODE, LAM_SON, ONE_STOP, TAX
from exchange.server import serve
from exchange.wiring import open_exchange
from trust_store.keys import HeldKey, load_pem

PROBLEM_FIELDS = {"type", "title", "status", "code", "detail", "fix"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hold an answer of the hub as it came over the line."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def kind(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]

    def problem(self) -> dict[str, Any]:
        """Read a refusal, and hold it to its form: every field filled, and nothing of the inside told."""
        assert self.status >= 400, self.body
        assert self.kind == "application/problem+json"
        problem = self.json
        assert set(problem) >= PROBLEM_FIELDS
        assert all(problem[field] for field in PROBLEM_FIELDS)
        assert (problem["status"], problem["type"]) == (self.status, f"urn:congvan:problem:{problem['code']}")
        for secret in (b"Traceback", b".py", b"sqlite", b"Error(", b"exchange.", b"0x"):
            assert secret not in self.body
        return problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Drive a running hub: as its parties, over HTTP; as its administrator, through the exchange."""

    url: str
    folder: Path
    exchange: Exchange
    record: ready.Ready
    session: aiohttp.ClientSession
    stack: contextlib.AsyncExitStack

    code, lam_son, ham_rong = HUB_CODE, LAM_SON, HAM_RONG
    environment, one_stop, finance, tax = ENVIRONMENT, ONE_STOP, FINANCE, TAX

    def token(self, code: str) -> str:
        return self._listed(code).token

    def key(self, code: str) -> HeldKey:
        stem = self.folder / "parties" / code
        return load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())

    async def client(self, code: str) -> Client:
        return await self.stack.enter_async_context(Client(self.url, self.token(code), timeout=30))

    async def party(self, code: str) -> Party:
        found = await self.exchange.hub.store.directory.get(PartyId(code))
        assert found is not None
        return found

    async def give(self, code: str, *scopes: str) -> str:
        """Give a party a token of these scopes; with the hub's own code, an administrator's or an auditor's."""
        exchange = self.exchange
        wanted = frozenset(Scope(scope) for scope in scopes)
        issuing = issue(
            exchange.tokens, exchange.entropy, exchange.author(), party=PartyId(code), label="test", scopes=wanted
        )
        return (await issuing)[0]

    async def ask(
        self,
        method: str,
        path: str,
        *,
        by: str = "",
        token: str = "",
        headers: Mapping[str, str] = {},
        data: Any = None,
    ) -> Answer:
        """Ask as a party (`by`) or with a token; the path goes over the line as it is written."""
        token = token or (self.token(by) if by else "")
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        url = URL(self.url + path, encoded=True)
        async with asyncio.timeout(30):
            async with self.session.request(method, url, headers={**sent, **headers}, data=data) as response:
                return Answer(status=response.status, headers=dict(response.headers), body=await response.read())

    def letter(self, sender: str, *receivers: str, number: int = 1, subject: str = "V/v thử", **more: Any) -> Letter:
        more.setdefault("files", [("a.pdf", b"%PDF-1.4 " + b"x" * 1000)])
        return draft_letter(
            sender=Organ(organ_id=sender),
            receivers=[Organ(organ_id=code) for code in receivers],
            number=str(number),
            notation="CV-T",
            subject=subject,
            at=datetime.now(VIETNAM),
            **more,
        )

    def signed(self, sender: str, *receivers: str, **fields: Any) -> bytes:
        return sign(build(self.letter(sender, *receivers, **fields)), self.key(sender))

    def notice(self, sender: str, letter: Letter, code: str, text: str = "", about: str | None = None) -> bytes:
        at = datetime.now(VIETNAM)
        drafted = draft_status(
            sender=Organ(organ_id=sender), letter=letter, code=StatusCode(code), at=at, text=text, about=about
        )
        return sign(build(drafted), self.key(sender))

    async def submit(self, sender: str, data: bytes) -> Any:
        return await (await self.client(sender)).submit(data)

    async def refused(self, sender: str, data: bytes) -> HubRefused:
        """Send what must be refused, and return the refusal."""
        with pytest.raises(HubRefused) as refusal:
            await self.submit(sender, data)
        return refusal.value

    async def check_whole(self) -> None:
        """Recompute from storage alone what must hold of every message that was taken on."""
        store = self.exchange.hub.store
        for party in await store.directory.all():
            for filed in await store.messages.sent(party.id, Search(limit=10_000)):
                if filed.removed_at is None:
                    assert len(await bytes_of(self.exchange.hub, filed)) == filed.size
                deliveries = await store.mailboxes.of_message(filed.key)
                assert deliveries
                statements = await store.evidence.of_message(filed.key)
                told = [(item.event, item.receiver) for item in statements]
                assert len(told) == len(set(told))
                assert (Event.SUBMISSION_ACCEPTANCE, "") in told
                for item in deliveries:
                    assert (Event.CONTENT_CONSIGNMENT, item.receiver) in told
                    assert ((Event.CONTENT_HANDOVER, item.receiver) in told) == (item.handed_over_at is not None)
                for statement in statements:
                    if statement.sealed is not None:
                        receipt, signed = open_receipt(statement.sealed)
                        assert receipt.digest == filed.digest
                        check_log(signed.element)
        found = examine_hub(self.exchange.home, at=self.exchange.hub.clock.now(), environment={})
        assert [item for item in found if item.rule.severity is Severity.ERROR] == []

    def _listed(self, code: str) -> ready.ReadyParty:
        listed = self.record.party(code)
        assert listed is not None
        return listed


@pytest.fixture(scope="session")
def sandbox_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sandbox") / "hub"
    asyncio.run(making.make(folder, history=False))
    return folder


@pytest.fixture(scope="session")
def live_type() -> type[Live]:
    return Live


@pytest.fixture
async def hub(sandbox_template, tmp_path):
    folder = tmp_path / "hub"
    shutil.copytree(sandbox_template, folder)
    async with contextlib.AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(open_exchange(Home(folder)))
        url = await stack.enter_async_context(serve(exchange, "127.0.0.1", 0))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        record = ready.read(folder / ready.FILE)
        live = Live(url=url, folder=folder, exchange=exchange, record=record, session=session, stack=stack)
        yield live
        assert (await live.ask("GET", "/readyz")).status == 200
        await live.check_whole()
