"""Explain a request that was captured: which header or byte is wrong, step by step as the hub looks at it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exchange.ngsp.files import is_digest, take_file
from exchange.ngsp.headers import HASH, SIGN, Signed, read_signed, sign
from trust_store.errors import Refused, reason

NO_REQUEST = reason(
    "request-unreadable",
    "This is not a captured request",
    "Give the request line, the headers and the body as they went over the line; a '>>> ' before the request line may stay",
)
_ESCAPED = re.compile(rb"\\x([0-9a-fA-F]{2})")
_SHOWN: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Say of one thing whether it is right."""

    good: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Hold a captured request: what it asks, its headers as they came, and its body."""

    operation: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def read_capture(data: bytes) -> Captured:
    """Read one request from what was captured; `\\xNN` in a header is one byte.

    Raises:
        Refused: `request-unreadable`.
    """
    data = data.lstrip().removeprefix(b">>> ")
    head, _, body = data.partition(b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n")
    lines = [line.removesuffix(b"\r") for line in head.split(b"\n")]
    start = lines[0].split()
    if len(start) < 2 or start[0] not in {b"GET", b"POST"}:
        raise Refused(NO_REQUEST, "It does not begin with GET or POST and a path")
    pairs = (line.partition(b":") for line in lines[1:] if b":" in line)
    headers = tuple((name.strip(), _raw(value.strip())) for name, _, value in pairs)
    path = start[1].decode("utf-8", "replace").partition("?")[0]
    return Captured(operation=path.rpartition("/")[2], headers=headers, body=body)


def trace(captured: Captured, keys: Sequence[bytes]) -> Iterator[Line]:
    """Look at a request as the hub does, and go on after what is wrong as far as that makes sense."""
    try:
        signed = read_signed(captured.headers)
    except Refused as refusal:
        yield Line(good=False, text=str(refusal))
        return
    yield Line(good=True, text=f"systemid is {signed.system}; {len(signed.members)} headers are signed")
    yield from _compare(signed)
    yield _verify(signed, keys)
    if captured.operation == "sendEdoc":
        yield _digest(signed.members.get("hash-file", ""), captured.body)


def _raw(text: bytes) -> bytes:
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), text)


def _compare(signed: Signed) -> Iterator[Line]:
    for name, value in signed.members.items():
        received = signed.received.get(name.lower(), ())
        if value.strip() not in received:
            came = " and ".join(repr(item) for item in received) or "nothing"
            yield Line(good=False, text=f"header XroadVnpt-{name}: {value!r} was signed, {came} was received")
    names = {name.lower() for name in signed.members} | {SIGN, HASH, f"{SIGN}-key", "version"}
    for name in sorted(signed.received.keys() - names):
        yield Line(good=True, text=f"header XroadVnpt-{name} is not signed, and is not read")


def _verify(signed: Signed, keys: Sequence[bytes]) -> Line:
    try:
        signed.check(keys)
    except Refused as refusal:
        wanted = f"; with this secret the HMAC begins {sign(keys[0], signed.text)[:_SHOWN]}" if keys else ""
        return Line(good=False, text=f"{refusal}; hash-header begins {signed.shown[:_SHOWN]}{wanted}")
    return Line(good=True, text="hash-header is the HMAC of sign-header under this secret")


def _digest(stated: str, body: bytes) -> Line:
    try:
        data = take_file(body, stated)
    except Refused:
        whole = "; without any change of the body it would be right" if is_digest(stated, body.rstrip(b"\r\n")) else ""
        return Line(good=False, text=f"hash-file is not the SHA-256 of the {len(body):,} bytes of the body{whole}")
    return Line(good=True, text=f"hash-file is the SHA-256 of the file of {len(data):,} bytes")
