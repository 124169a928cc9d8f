"""What a client asks about certificates that end, notices, and keys that were lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from exchange.answers import read_answer
from exchange.api.outlooks import (
    CompromiseRequest,
    CompromiseView,
    DecisionRequest,
    HeldView,
    NoticeView,
    OutlookView,
)


@dataclass(frozen=True, slots=True)
class Attention:
    """Ask the hub on behalf of whoever the client speaks for; see `Client.attention` for what is raised."""

    ask: Callable[..., Awaitable[bytes]]

    async def forecast(self, *, within: int = 90, after: str = "", limit: int = 50) -> list[OutlookView]:
        """List certificates that end within so many days, the earliest first: own ones, or to an administrator all."""
        query = {"within": str(within), **_page(after, limit)}
        return read_answer(await self.ask("GET", "v1/forecast", params=query), list[OutlookView])

    async def notices(self, *, unread: bool = False, after: str = "", limit: int = 50) -> list[NoticeView]:
        """List notices, newest first."""
        query = {"unread": "true" if unread else "false", **_page(after, limit)}
        return read_answer(await self.ask("GET", "v1/notices", params=query), list[NoticeView])

    async def read(self, notice: str) -> NoticeView:
        """Mark a notice as read."""
        return read_answer(await self.ask("POST", f"v1/notices/{notice}/reading"), NoticeView)

    async def declare(self, certificate: str, *, since: datetime, why: str, preview: bool = False) -> CompromiseView:
        """Declare the key of a certificate (SHA-256) compromised, or with `preview` tell what that would do."""
        body, query = CompromiseRequest(since=since, why=why), {"dry-run": "true" if preview else "false"}
        path = f"v1/certificates/{certificate}/compromise"
        return read_answer(await self._post(path, body, params=query), CompromiseView)

    async def held(self, *, after: str = "", limit: int = 50) -> list[HeldView]:
        """List deliveries that are held back, message by message; for administrators."""
        return read_answer(await self.ask("GET", "v1/quarantine", params=_page(after, limit)), list[HeldView])

    async def release(self, message: str, why: str) -> list[HeldView]:
        """Let a message go on; for administrators."""
        path = f"v1/quarantine/{message}/release"
        return read_answer(await self._post(path, DecisionRequest(why=why)), list[HeldView])

    async def withdraw(self, message: str, why: str) -> list[HeldView]:
        """Never hand a message out; for administrators."""
        path = f"v1/quarantine/{message}/withdrawal"
        return read_answer(await self._post(path, DecisionRequest(why=why)), list[HeldView])

    async def _post(self, path: str, body: msgspec.Struct, **options: Any) -> bytes:
        return await self.ask("POST", path, data=msgspec.json.encode(body), **options)


def _page(after: str, limit: int) -> dict[str, str]:
    return {"limit": str(limit)} | ({"after": after} if after else {})
