"""The floor: the bare cost of what one document needs, measured piece by piece in the same run, without any of our path."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from trust_store.errors import Misuse
from trust_store.keys import HeldKey

DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
GROUP: Final = 32
ROUND_TRIPS: Final = 4
"""Submit, lease, fetch, acknowledge: what one document asks of the server."""


async def measure(letters: list[bytes], key: HeldKey, folder: Path) -> dict[str, float]:
    """Measure the seconds that each bare piece of work takes for one document.

    `check` parses, canonicalises, digests and verifies; `sign` is one receipt's signature; `commit` one durable insert in a
    group of 32; `http` a bare round trip with the document as its body.
    """
    held = _elliptic(key)
    return {
        "check": _mean(lambda index: _check(letters[index], held.public_key()), len(letters)),
        "sign": _mean(lambda _: held.sign(b"x" * 1500, ec.ECDSA(hashes.SHA256())), len(letters)),
        "commit": _commit(letters, folder / "floor.db"),
        "http": await _round_trip(letters),
    }


def per_second(pieces: dict[str, float]) -> float:
    """Give the documents a second of one core that did nothing but these pieces.

    A document is checked once, needs two receipts, two durable commits and four round trips.
    """
    seconds = pieces["check"] + 2 * pieces["sign"] + 2 * pieces["commit"] + ROUND_TRIPS * pieces["http"]
    return 1 / seconds


def _mean(work: Callable[[int], object], count: int) -> float:
    started = time.perf_counter()
    for index in range(count):
        work(index)
    return (time.perf_counter() - started) / count


def _elliptic(key: HeldKey) -> ec.EllipticCurvePrivateKey:
    if not isinstance(key.private_key, ec.EllipticCurvePrivateKey):
        raise Misuse("the floor is measured with an elliptic key")
    return key.private_key


def _check(letter: bytes, public: ec.EllipticCurvePublicKey) -> None:
    """Do what any verifier must: parse, canonicalise the content and SignedInfo, digest, and check one signature."""
    root = etree.fromstring(letter)
    signature = next(root.iter(f"{DS}Signature"))
    value = signature.findtext(f"{DS}SignatureValue") or ""
    signed_info = etree.tostring(signature[0], method="c14n", exclusive=True)
    parent = signature.getparent()
    if parent is not None:
        parent.remove(signature)
    hashlib.sha256(etree.tostring(root, method="c14n", exclusive=True)).digest()
    raw = base64.b64decode(value)
    half = len(raw) // 2
    der = encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))
    public.verify(der, signed_info, ec.ECDSA(hashes.SHA256()))


def _commit(letters: list[bytes], path: Path) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE letters (data BLOB)")
    started = time.perf_counter()
    for start in range(0, len(letters), GROUP):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO letters VALUES (?)", [(item,) for item in letters[start : start + GROUP]])
        connection.execute("COMMIT")
    spent = time.perf_counter() - started
    connection.close()
    return spent / len(letters)


async def _round_trip(letters: list[bytes]) -> float:
    """Measure a POST that is read and answered with as many bytes, server and client in this one process."""

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    app = web.Application(client_max_size=2**30)
    app.router.add_post("/", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as session:
        spent = await _timed(lambda letter: _post(session, f"http://{host}:{port}/", letter), letters)
    await runner.cleanup()
    return spent / len(letters)


async def _post(session: aiohttp.ClientSession, url: str, letter: bytes) -> None:
    async with session.post(url, data=letter) as response:
        await response.read()


async def _timed(work: Callable[[bytes], Awaitable[None]], letters: list[bytes]) -> float:
    started = time.perf_counter()
    for start in range(0, len(letters), GROUP):
        await asyncio.gather(*(work(letter) for letter in letters[start : start + GROUP]))
    return time.perf_counter() - started
