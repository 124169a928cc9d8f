"""The service of shared categories (dmdc): lists, descriptions, adding, and the agencies out of the hub's directory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from adapters.dmdc.mapping import to_records
from adapters.dmdc.tables import Duplicate, Tables, check_records
from adapters.lookups import CALLER, MALFORMED, NOT_ALLOWED, build_app, read_body, respond, respond_raw
from exchange.client import Client, PartyView, Refused

PREFIXES: Final = ("/dmdc", "/dmdc/{version:[a-z]?[0-9]+[.][0-9]+}")
PAGE: Final = 100
_LOG = structlog.get_logger("congvan.dmdc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Say where the directory is, and how often to look."""

    url: str
    token: str
    every: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Categories:
    """Answer for the tables; `writers` are the systems that may add to them."""

    tables: Tables
    writers: frozenset[str] = frozenset()

    async def all(self, _request: web.Request) -> web.Response:
        """List the categories."""
        found = sorted(self.tables.categories.values(), key=lambda category: category.code)
        return respond([{"CategoryCode": category.code, "CategoryName": category.name} for category in found])

    async def metadata(self, request: web.Request) -> web.Response:
        """Describe the records of a category."""
        columns = self.tables.category(request.match_info["category"]).columns
        return respond(
            [{"PropertyCode": one.code, "PropertyName": one.name, "PropertyType": one.type} for one in columns]
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List the records of a category."""
        category = self.tables.category(request.match_info["category"])
        return respond_raw(await asyncio.to_thread(self.tables.listed, category))

    async def add(self, request: web.Request) -> web.Response:
        """Add records, all of them or none."""
        category = self.tables.category(request.match_info["category"])
        if request.headers.get(CALLER, "") not in self.writers:
            raise Refused(NOT_ALLOWED)
        try:
            records = check_records(category, msgspec.json.decode(await read_body(request)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refused(MALFORMED, "The body is not JSON", where="body") from None
        try:
            await asyncio.to_thread(self.tables.add, category, records)
        except Duplicate as taken:
            # The opening mark without a closing one is how the national platform writes it.
            text = f'Record {taken.number}: {taken.column} "{taken.value} is duplicate'
            return respond(not_inserted(text))
        return respond({"MSG": "Done", "Count": len(records)})


def not_inserted(text: str) -> Mapping[str, Any]:
    """Say that nothing was added, or answered, and why."""
    return {"MSG": f"Data not insert: {text}", "Count": 0}


def build(categories: Categories, hub: Hub | None = None) -> web.Application:
    """Build the application; with a hub it follows the directory while it runs."""
    app = build_app(not_inserted)
    for prefix in PREFIXES:
        app.router.add_get(f"{prefix}/AllCategory", categories.all)
        app.router.add_get(f"{prefix}/Metadata/{{category}}", categories.metadata)
        app.router.add_get(f"{prefix}/Category/{{category}}", categories.listed)
        app.router.add_post(f"{prefix}/Category/{{category}}", categories.add)
    if hub is not None:
        app.cleanup_ctx.append(_following(hub, categories.tables))
    return app


async def follow(hub: Hub, tables: Tables) -> None:
    """Put the agencies of the hub's directory into their categories once.

    Raises:
        Refused: the hub does not answer, or does not know the token.
    """
    async with Client(hub.url, hub.token) as client:
        parties: list[PartyView] = []
        while page := await client.parties(kind="agency", limit=str(PAGE), **_after(parties)):
            parties += page
            if len(page) < PAGE:
                break
    await asyncio.to_thread(tables.replace, to_records(parties))


def _after(parties: list[PartyView]) -> dict[str, str]:
    return {"after": parties[-1].id} if parties else {}


def _following(hub: Hub, tables: Tables) -> Any:
    async def following(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(_follow_forever(hub, tables))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return following


async def _follow_forever(hub: Hub, tables: Tables) -> None:
    """Look every so often; while the hub does not answer, what it said last stands."""
    while True:
        try:
            await follow(hub, tables)
        except Refused as refusal:
            _LOG.warning("trouble", code=refusal.reason.code, detail=refusal.detail)
        await asyncio.sleep(hub.every)
