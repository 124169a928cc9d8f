"""Read the body of a request: never waiting for ever, never more than announced, and every failure with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from exchange.errors import REQUEST, TOO_LARGE, TOO_SLOW
from exchange.net.limits import Limits
from trust_store.errors import Refused


async def chunks(request: web.Request, *, stall: float) -> AsyncGenerator[bytes, None]:
    """Give the body piece by piece, as it comes; nothing for `stall` seconds ends it.

    Raises:
        Refused: `request-too-slow`, or `request-malformed` when it broke off or is not what its headers say.
    """
    while True:
        try:
            async with asyncio.timeout(stall):
                piece = await request.content.readany()
        except TimeoutError:
            raise Refused(TOO_SLOW, f"Nothing of the body arrived for {stall:g} seconds") from None
        except web.RequestPayloadError:
            raise Refused(REQUEST, "The body broke off, or is not encoded as its headers say") from None
        except OSError:
            raise Refused(REQUEST, "The connection broke off within the body") from None
        if not piece:
            return
        yield piece


async def read(request: web.Request, limits: Limits, most: int) -> bytes:
    """Read a whole body of at most `most` bytes, within a deadline that a slow but honest line meets.

    Raises:
        Refused: as `chunks`, or `request-too-large`.
    """
    pieces, size = [], 0
    try:
        async with asyncio.timeout(limits.body_seconds), aclosing(chunks(request, stall=limits.stall_seconds)) as body:
            async for piece in body:
                size += len(piece)
                if size > most:
                    raise Refused(TOO_LARGE, f"The body has more than the {most:,} bytes that are allowed")
                pieces.append(piece)
    except TimeoutError:
        raise Refused(TOO_SLOW, f"The body did not arrive within {limits.body_seconds:g} seconds") from None
    return b"".join(pieces)


def announced(request: web.Request, most: int) -> int:
    """Tell how many bytes a body may take: as announced, and without an announcement as much as is allowed.

    Raises:
        Refused: `request-too-large`.
    """
    size = request.content_length
    if size is None:
        return most if request.body_exists else 0
    if size > most:
        raise Refused(TOO_LARGE, f"The body has {size:,} bytes; {most:,} are allowed")
    return size
