"""A hub with small limits, and bare sockets to try them with."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import shutil
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.client import Client
from exchange.config import Home
from exchange.running import Exchange
from exchange.sandbox import ready
from exchange.sandbox.province import ENVIRONMENT, LAM_SON
from exchange.server import serve
from exchange.wiring import open_exchange
from trust_store.keys import load_pem


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hold one answer as it came over the line; `status` 0: the connection ended without one."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return msgspec.json.decode(self.body)["code"] if self.status >= 400 else ""

    @property
    def retry_after(self) -> int:
        return int(self.headers["retry-after"])


@dataclass(slots=True, kw_only=True)
class Line:
    """Speak HTTP byte by byte on one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> Answer:
        """Read one answer; a connection that ends gives status 0."""
        async with asyncio.timeout(20):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return Answer(status=0, headers={}, body=b"")
            first, *lines = head.decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(status=int(first.split()[1]), headers=headers, body=body)

    async def ended(self) -> bool:
        """Read until the hub closes; True when nothing more was sent."""
        async with asyncio.timeout(20):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True

    def reset(self) -> None:
        """Go away with a RST, as a client does whose machine fails."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """Drive a hub with limits of its own."""

    url: str
    folder: Path
    exchange: Exchange
    record: ready.Ready
    lines: contextlib.AsyncExitStack

    lam_son, environment = LAM_SON, ENVIRONMENT

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def token(self, code: str = LAM_SON) -> str:
        listed = self.record.party(code)
        assert listed is not None
        return listed.token

    def head(self, method: str, path: str, *lines: str, token: str = "", end: str = "\r\n\r\n") -> bytes:
        lines = (f"{method} {path} HTTP/1.1", "Host: hub", f"Authorization: Bearer {token or self.token()}", *lines)
        return ("\r\n".join(lines) + end).encode()

    async def line(self, tls: ssl.SSLContext | None = None) -> Line:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls, limit=2**26)
        self.lines.callback(writer.close)
        return Line(reader=reader, writer=writer)

    async def ask(self, data: bytes) -> Answer:
        line = await self.line()
        line.send(data)
        return await line.answer()

    def client(self, code: str = LAM_SON) -> Client:
        return Client(self.url, self.token(code), timeout=30)

    def signed(self, size: int = 1000, number: int = 1) -> bytes:
        letter = draft_letter(
            sender=Organ(organ_id=LAM_SON),
            receivers=[Organ(organ_id=ENVIRONMENT)],
            number=str(number),
            notation="CV-T",
            subject="V/v thử",
            at=datetime.now(VIETNAM),
            files=[("a.pdf", b"%PDF-1.4 " + b"x" * size)],
        )
        stem = self.folder / "parties" / LAM_SON
        key = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
        return sign(build(letter), key)


@contextlib.asynccontextmanager
async def serving(
    template: Path, folder: Path, lines: contextlib.AsyncExitStack, settings: Mapping[str, Any]
) -> AsyncIterator[Limited]:
    """Serve a copy of a sandbox with settings of its own; it must still serve at the end."""
    shutil.copytree(template, folder)
    with (folder / "hub.toml").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    async with contextlib.AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(open_exchange(Home(folder)))
        url = await stack.enter_async_context(serve(exchange, "127.0.0.1", 0))
        record = ready.read(folder / ready.FILE)
        yield Limited(url=url, folder=folder, exchange=exchange, record=record, lines=lines)


@dataclass(slots=True, kw_only=True)
class Starter:
    """Serve hubs with the settings that a call gives, until the test ends or stops them."""

    template: Path
    folder: Path
    stack: contextlib.AsyncExitStack
    lines: contextlib.AsyncExitStack
    numbers: Iterator[int]

    async def __call__(self, **settings: Any) -> Limited:
        folder = self.folder / f"hub{next(self.numbers)}"
        return await self.stack.enter_async_context(serving(self.template, folder, self.lines, settings))

    async def stop(self) -> None:
        await self.stack.aclose()


@pytest.fixture
async def limited(sandbox_template, tmp_path):
    async with contextlib.AsyncExitStack() as lines, contextlib.AsyncExitStack() as stack:
        numbers = itertools.count()
        yield Starter(template=sandbox_template, folder=tmp_path, stack=stack, lines=lines, numbers=numbers)
