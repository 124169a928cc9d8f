"""A hub that serves both its API and the dialect of connected systems, and a replica of the official client with its habits."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from exchange.auth import systems
from exchange.config import Home
from exchange.core.model import PartyId
from exchange.core.systems import Link, System, describe_system
from exchange.running import Exchange
from exchange.sandbox import ready
from exchange.server import serve_all
from exchange.wiring import open_exchange

SECRET = "a-secret-of-the-test"
TIMESTAMP = "23112026T080402+0406"


@dataclass
class Wire:
    """One connection, kept alive, over which whole requests go byte by byte as the official client writes them."""

    endpoint: str
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def send(self, head: bytes, body: bytes = b"", expect: bool = False) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.endpoint)
        if self.writer is None or self.writer.is_closing():
            self.reader, self.writer = await asyncio.open_connection(parts.hostname, parts.port)
        assert self.reader is not None
        self.writer.write(head)
        if expect:
            told = await self.reader.readuntil(b"\r\n\r\n")
        if not expect or told == b"HTTP/1.1 100 Continue\r\n\r\n":
            self.writer.write(body)
            told = await self.reader.readuntil(b"\r\n\r\n")
        lines = told.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        content = await self.reader.readexactly(int(headers.get("Content-Length", "0")))
        if headers.get("Connection", "").lower() == "close" or lines[0].startswith("HTTP/1.0"):
            self.close()
        return int(lines[0].split()[1]), headers, content

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None


@dataclass
class OfficialClient:
    """Do as SDKVXP 2.0.1 does: headers stay for the life of the object, and so does its one timestamp."""

    endpoint: str
    systemid: str
    secret: str = SECRET
    headers: dict[str, str] = field(default_factory=dict)
    last: tuple[int, dict[str, str], bytes] = (0, {}, b"")

    def __post_init__(self) -> None:
        self.wire = Wire(self.endpoint)

    async def call(self, operation: str, body: bytes = b"", *, method: str = "POST", **given: str) -> dict[str, Any]:
        """Make a JSON call; letters of headers are cut to their low byte, after the HMAC was made of all of them."""
        expect = bool(body)
        head = self._head(method, operation, given, len(body), "application/json", cut=True, expect=expect)
        self.last = await asyncio.wait_for(self.wire.send(head, body, expect=expect), 30)
        assert self.last[0] == 200
        return json.loads(self.last[2].decode("ascii"))

    async def send_edoc(self, data: bytes, *, kind: str = "edoc", **given: str) -> tuple[str | None, ...]:
        """Send a file: its digest without the zeros, a CRLF behind it; without a DocId in the answer nothing is known."""
        stated = "".join(f"{byte:x}" for byte in hashlib.sha256(data).digest())
        given = {"servicetype": "eDoc", "messagetype": kind, "hash-file": stated, **given}
        body = data + b"\r\n"
        head = self._head("POST", "sendEdoc", given, len(body), "application/octet-stream", cut=False)
        self.last = await asyncio.wait_for(self.wire.send(head, body), 30)
        lines = self.last[2].decode("ascii").splitlines()
        answer = json.loads("".join(lines))
        if "DocId" not in answer:
            return None, None, None, None
        assert isinstance(answer["DocId"], str)
        return answer["status"], answer["ErrorCode"], answer["ErrorDesc"], answer["DocId"]

    async def received(self, kind: str = "edoc", **given: str) -> list[dict[str, str]]:
        """List; what is no JSON counts as an empty list, and so does a failure that nobody looks at."""
        try:
            answer = await self.call("getReceivedEdocList", servicetype="eDoc", messagetype=kind, **given)
        except json.JSONDecodeError:
            return []
        assert answer["ErrorCode"] == "0", answer
        return answer["data"]

    async def get_edoc(self, key: str) -> dict[str, Any]:
        return await self.call("getEdoc", b"{}", docId=key, filePath="xml")

    async def update(self, key: str, status: str, description: str = "", name: str = "docid") -> dict[str, Any]:
        more = {"description": description} if description else {}
        return await self.call("updateStatus", b"{}", status=status, **{name: key}, **more)

    def _head(
        self,
        method: str,
        operation: str,
        given: dict[str, str],
        length: int,
        media: str,
        *,
        cut: bool,
        expect: bool = False,
    ) -> bytes:
        self.headers |= {"systemid": self.systemid, **given}
        self.headers |= {"timestamp": TIMESTAMP, "Content-Type": media}
        text = json.dumps(
            {f"XroadVnpt-{name}": value for name, value in self.headers.items()},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        mac = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        values = [*((f"XroadVnpt-{name}", value) for name, value in self.headers.items())]
        values += [("XroadVnpt-sign-header-key", ";".join(self.headers)), ("XroadVnpt-sign-header", text)]
        values += [("XroadVnpt-hash-header", mac), ("Content-Type", media), ("Content-Length", str(length))]
        values += [("User-Agent", "JAVASDKAgent/1.0.0 XRoad/VPCP"), ("XroadVnpt-version", "3.0.201608")]
        values += [("Expect", "100-continue")] if expect else []
        parts = urlsplit(self.endpoint)
        lines = [f"{method} {parts.path}/{operation} HTTP/1.1".encode(), f"Host: {parts.netloc}".encode()]
        lines += [name.encode() + b": " + _line(value, cut=cut) for name, value in values]
        return b"\r\n".join([*lines, b"", b""])


def _line(value: str, *, cut: bool) -> bytes:
    return bytes(ord(letter) & 0xFF for letter in value) if cut else value.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Hold a hub with both listeners, and make clients of either."""

    live: Any
    url: str
    endpoint: str
    exchange: Exchange
    stack: contextlib.AsyncExitStack

    async def connect(
        self, systemid: str, agencies: Sequence[str], *, unsigned: bool = True, only: bool = True, secret: str = SECRET
    ) -> OfficialClient:
        """Connect a system and make its client."""
        links = [Link(party=PartyId(code), only=only) for code in agencies]
        system = describe_system(systemid, f"Hệ thống {systemid}", links, unsigned=unsigned)
        await systems.connect(self.exchange.systems, self.exchange.entropy, self.exchange.author(), system, secret)
        return self.client(systemid, secret)

    def client(self, systemid: str, secret: str = SECRET) -> OfficialClient:
        client = OfficialClient(self.endpoint, systemid, secret)
        self.stack.callback(client.wire.close)
        return client

    async def system(self, systemid: str) -> System:
        return (await self.exchange.hub.store.directory.snapshot()).systems[systemid]


@pytest.fixture
async def axis(sandbox_template: Path, tmp_path: Path, live_type: type) -> Any:
    folder = tmp_path / "hub"
    shutil.copytree(sandbox_template, folder)
    async with contextlib.AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(open_exchange(Home(folder)))
        served = await stack.enter_async_context(serve_all(exchange, "127.0.0.1", 0, ngsp=(0, "/axis")))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        record = ready.read(folder / ready.FILE)
        live = live_type(url=served.url, folder=folder, exchange=exchange, record=record, session=session, stack=stack)
        yield Axis(live=live, url=served.url, endpoint=served.ngsp, exchange=exchange, stack=stack)
        await live.check_whole()


@pytest.fixture
async def pair(axis):
    """Give two systems, each with one agency."""
    return await axis.connect("one", ["000.00.31.H56"]), await axis.connect("two", ["000.00.32.H56"])
