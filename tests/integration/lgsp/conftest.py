"""A hub that serves connected systems, with a clock that a test can move, and clients of the REST dialect and the gateway."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from envelopes.drafting import draft_letter
from envelopes.edxml import Letter, Organ, build
from envelopes.opened import VIETNAM
from exchange.auth import systems
from exchange.config import Home
from exchange.core.model import PartyId
from exchange.core.systems import Link, describe_system
from exchange.running import Exchange
from exchange.sandbox import ready
from exchange.server import serve_all
from exchange.wiring import open_exchange

SECRET = "a-secret-of-the-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hold an answer of the gateway as it came over the line."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def fault(self) -> tuple[int, int]:
        """Read a fault, and hold it to its form."""
        assert self.headers["Content-Type"].startswith("application/json")
        fault = self.json["fault"]
        assert set(fault) == {"code", "message", "description"}
        for inside in (b"Traceback", b".py", b"exchange.", SECRET.encode(), b"127.0.0.1"):
            assert inside not in self.body
        return self.status, fault["code"]


@dataclass
class Clock:
    """Tell the time, moved on by as much as a test says."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Client:
    """Do as a document system of a province does: log in, then show the pass and both keys with every call."""

    url: str
    session: aiohttp.ClientSession
    systemid: str
    secret: str = SECRET
    token: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    async def login(self) -> dict[str, Any]:
        body = {
            "username": self.systemid,
            "password": self.secret,
            "applicationCode": "QLVB",
            "otp": None,
            "twoFactorProvider": None,
            "typeObjs": [0, 1],
        }
        answer = await self.ask("POST", "/v1/auth/login?allow_anonymous=true", json=body)
        self.token = answer["data"].get("token", "")
        return answer

    async def ask(
        self, method: str, path: str, *, keys: Mapping[str, str] | None = None, **options: Any
    ) -> dict[str, Any]:
        usual = {"X-SystemId": self.systemid, "X-SecretKey": self.secret}
        usual |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        shown = usual if keys is None else keys
        url = URL(f"{self.url}/lgsp{path}", encoded=True)
        async with self.session.request(method, url, headers=shown, **options) as response:
            self.status, self.headers = response.status, response.headers
            assert response.content_type == "application/json", await response.text()
            text = await response.text("ascii")
            for inside in ("Traceback", ".py", "sqlite", "exchange.", SECRET):
                assert inside not in text
            return await response.json()

    async def send(self, data: bytes, kind: str = "edoc") -> dict[str, Any]:
        form = aiohttp.FormData()
        form.add_field("edocFile", data, filename="1-CV.edxml", content_type="application/xml")
        form.add_field("messageType", kind)
        return await self.ask("POST", "/v1/sendEdoc", data=form)

    async def received(self, **query: str) -> list[dict[str, str]]:
        answer = await self.ask("GET", str(URL("/v1/syncReceivedEdocList").with_query(query)))
        assert answer["success"] is True, answer
        assert answer["count"] == len(answer["data"])
        return answer["data"]

    async def get(self, key: str) -> dict[str, Any]:
        return await self.ask("GET", f"/v1/getEdoc?docId={key}")

    async def update(self, key: str, status: str, **more: str) -> dict[str, Any]:
        return await self.ask("POST", "/v1/updateStatus", json={"docId": key, "status": status, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class Province:
    """Hold the hub, and make clients of it."""

    live: Any
    url: str
    exchange: Exchange
    clock: Clock
    session: aiohttp.ClientSession

    async def connect(
        self, systemid: str, agencies: Sequence[str] = (), *, unsigned: bool = True, only: bool = True
    ) -> Client:
        """Connect a system, and log it in."""
        links = [Link(party=PartyId(code), only=only) for code in agencies]
        system = describe_system(systemid, f"Hệ thống {systemid}", links, unsigned=unsigned)
        await systems.connect(self.exchange.systems, self.exchange.entropy, self.exchange.author(), system, SECRET)
        client = self.client(systemid)
        await client.login()
        return client

    def client(self, systemid: str, secret: str = SECRET) -> Client:
        return Client(self.url, self.session, systemid, secret)

    async def token(self, systemid: str, secret: str = SECRET) -> str:
        answer = await self.call("POST", "/token", basic=(systemid, secret), data="grant_type=client_credentials")
        return answer.json["access_token"]

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        basic: tuple[str, str] | None = None,
        headers: Mapping[str, str] = {},
        data: Any = None,
    ) -> Any:
        """Ask the gateway; the path goes over the line as it is written."""
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        if basic:
            sent = {"Authorization": "Basic " + base64.b64encode(":".join(basic).encode()).decode()}
        async with self.session.request(
            method, URL(self.url + path, encoded=True), headers={**sent, **headers}, data=data, allow_redirects=False
        ) as response:
            return Answer(status=response.status, headers=response.headers, body=await response.read())


def write_letter(sender: str, receiver: str, number: int, **more: Any) -> Letter:
    more.setdefault("files", [("ghi chú.txt", b"x" * 100)])
    return draft_letter(
        sender=Organ(organ_id=sender),
        receivers=[Organ(organ_id=receiver)],
        number=str(number),
        notation="UBND-VP",
        subject=f"V/v thử số {number}",
        at=datetime.now(VIETNAM),
        **more,
    )


@pytest.fixture
def written() -> Callable[..., bytes]:
    return lambda *given, **more: build(write_letter(*given, **more))


@pytest.fixture
def letter() -> Callable[..., Letter]:
    return write_letter


@pytest.fixture
def settings() -> str:
    """Give what is added to hub.toml; tests override it."""
    return ""


@pytest.fixture
async def province(sandbox_template: Path, tmp_path: Path, live_type: type, settings: str) -> AsyncIterator[Province]:
    folder, clock = tmp_path / "hub", Clock()
    shutil.copytree(sandbox_template, folder)
    with (folder / "hub.toml").open("a") as file:
        file.write(settings)
    async with contextlib.AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(open_exchange(Home(folder), clock=clock))
        served = await stack.enter_async_context(serve_all(exchange, "127.0.0.1", 0, ngsp=(0, "/axis")))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        record = ready.read(folder / ready.FILE)
        live = live_type(url=served.url, folder=folder, exchange=exchange, record=record, session=session, stack=stack)
        url = served.ngsp.removesuffix("/axis")
        yield Province(live=live, url=url, exchange=exchange, clock=clock, session=session)
        await live.check_whole()
