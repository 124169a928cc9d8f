"""A server of HTTP that can misbehave in every way: it writes the very bytes that a test wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Hold a request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Manner = Callable[[Heard, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Site:
    """Answer every request in one manner, which can be changed at any time; remembers what was asked."""

    manner: Manner
    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    server: asyncio.Server | None = None
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Be down: nobody listens at the port any more."""
        if self.server is not None:
            self.server.close()
            for writer in list(self.writers):
                writer.transport.abort()
            self.server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                request = await _read(reader)
                self.heard.append(request)
                await self.manner(request, writer)
                await writer.drain()
        finally:
            self.writers.discard(writer)
            with contextlib.suppress(OSError):
                writer.close()


@contextlib.asynccontextmanager
async def site(manner: Manner) -> AsyncIterator[Site]:
    """Serve on loopback while the block runs."""
    served = Site(manner=manner)
    await served.open()
    try:
        yield served
    finally:
        await served.close()


async def _read(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return Heard(
        method=method,
        path=path,
        headers=headers,
        body=await reader.readexactly(int(headers.get("content-length", "0"))),
    )


def head(size: int, kind: str = "application/octet-stream", status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n{more}Connection: close\r\n\r\n".encode()


def giving(body: bytes, kind: str = "application/octet-stream") -> Manner:
    """Answer well."""

    async def manner(_request: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(head(len(body), kind) + body)

    return manner


def failing(status: str) -> Manner:
    async def manner(_request: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(head(0, status=status))

    return manner


async def silent(_request: Heard, _writer: asyncio.StreamWriter) -> None:
    """Hear, and say nothing."""
    await asyncio.sleep(3600)


def slow(seconds: float, then: Manner) -> Manner:
    async def manner(request: Heard, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await then(request, writer)

    return manner


def redirecting(location: str, status: str = "302 Found") -> Manner:
    async def manner(_request: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(head(0, status=status, more=f"Location: {location}\r\n"))

    return manner


async def garbage(_request: Heard, writer: asyncio.StreamWriter) -> None:
    """Speak something that is no HTTP."""
    writer.write(b"\x16\x03\x01\x00\xff" * 100 + b"\r\n\r\n")


async def page(_request: Heard, writer: asyncio.StreamWriter) -> None:
    """Answer as a proxy that wants a login does."""
    await giving(b"<html>Please log in</html>", "text/html")(_request, writer)


def broken_off(body: bytes) -> Manner:
    """Promise a body, give half of it and close."""

    async def manner(_request: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(head(len(body)) + body[: len(body) // 2])

    return manner


async def dripping(_request: Heard, writer: asyncio.StreamWriter) -> None:
    """Give one byte after the other, for ever, each in time."""
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.02)


def huge(announced: bool) -> Manner:
    """Give more and more; with or without saying how much it will be."""

    async def manner(_request: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(head(10**10) if announced else b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"\0" * 65536)
            await writer.drain()

    return manner
