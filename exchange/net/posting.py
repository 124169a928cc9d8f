"""Post to a server that the operator named in the settings: in bounded time and space, without redirects or anything kept."""

from __future__ import annotations

import asyncio
from typing import Final

import aiohttp

from trust_store.errors import Refused, reason

NO_ANSWER = reason(
    "timestamp-no-answer",
    "A time-stamp authority did not answer as it must",
    "Look at its address in time_authorities and at the way there; the others are asked meanwhile",
)
MAX_ANSWER: Final = 128 * 1024
"""Bytes that an answer may have; a token with a chain has up to 8,000."""
_AGENT: Final = "congvan"


class HttpPoster:
    """Post over HTTP or HTTPS; every failure is a refusal that says what failed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def post(self, url: str, body: bytes, content_type: str) -> bytes:
        """Return the body of a good answer (200) of at most 128 KiB.

        Raises:
            Refused: `timestamp-no-answer`.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(url, body, content_type)
        except TimeoutError:
            raise Refused(NO_ANSWER, f"No whole answer within {self._seconds:g} seconds", where=url) from None
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise Refused(NO_ANSWER, f"No answer: {type(error).__name__}", where=url) from None

    async def _post(self, url: str, body: bytes, content_type: str) -> bytes:
        headers = {"Content-Type": content_type, "User-Agent": _AGENT, "Accept-Encoding": "identity"}
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise Refused(NO_ANSWER, f"It answered with the status {response.status}", where=url)
            read = bytearray()
            async for piece in response.content.iter_any():
                read += piece
                if len(read) > MAX_ANSWER:
                    raise Refused(NO_ANSWER, f"It sends more than {MAX_ANSWER:,} bytes", where=url)
            return bytes(read)
