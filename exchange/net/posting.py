"""Post to a server that the operator named in the settings: in bounded time and space, without redirects or anything kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import aiohttp

from trust_store.errors import Reason, Refused, reason

NO_ANSWER = reason(
    "timestamp-no-answer",
    "A time-stamp authority did not answer as it must",
    "Look at its address in time_authorities and at the way there; the others are asked meanwhile",
)
MAX_ANSWER: Final = 128 * 1024
"""Bytes that an answer may have; a token with a chain has up to 8,000."""
_AGENT: Final = "congvan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Hold an answer of any status: what it says it is (lower case, without parameters), and its bytes."""

    status: int
    content_type: str
    body: bytes


class HttpPoster:
    """Post over HTTP or HTTPS; every failure is a refusal, for `reason`, that says what failed."""

    def __init__(self, seconds: float, reason: Reason = NO_ANSWER) -> None:
        self._seconds, self._reason = seconds, reason

    async def post(self, url: str, body: bytes, content_type: str) -> bytes:
        """Return the body of a good answer (200) of at most 128 KiB.

        Raises:
            Refused: `timestamp-no-answer`, or the reason that was given instead.
        """
        posted = await self.ask(url, body, content_type)
        if posted.status != 200:
            raise Refused(self._reason, f"It answered with the status {posted.status}", where=url)
        return posted.body

    async def ask(self, url: str, body: bytes, content_type: str) -> Posted:
        """Return an answer of any status, of at most 128 KiB.

        Raises:
            Refused: `timestamp-no-answer`, or the reason that was given instead.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(url, body, content_type)
        except TimeoutError:
            raise Refused(self._reason, f"No whole answer within {self._seconds:g} seconds", where=url) from None
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise Refused(self._reason, f"No answer: {type(error).__name__}", where=url) from None

    async def _post(self, url: str, body: bytes, content_type: str) -> Posted:
        headers = {"Content-Type": content_type, "User-Agent": _AGENT, "Accept-Encoding": "identity"}
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            read = bytearray()
            async for piece in response.content.iter_any():
                read += piece
                if len(read) > MAX_ANSWER:
                    raise Refused(self._reason, f"It sends more than {MAX_ANSWER:,} bytes", where=url)
            return Posted(status=response.status, content_type=response.content_type.lower(), body=bytes(read))
