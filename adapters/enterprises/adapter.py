"""The look-ups of the business register (apiCSDLDKDN), each answered as the national platform does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from adapters.enterprises.register import (
    MAX_LIST,
    Dossier,
    Register,
    code_of,
    days_of,
    moments_of,
    number_of,
)
from adapters.lookups import build_app, query_of, respond

PREFIXES: Final = ("/apiCSDLDKDN", "/apiCSDLDKDN/{version:[a-z]?[0-9]+[.][0-9]+}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUps:
    """Answer for the register."""

    register: Register

    async def enterprise(self, request: web.Request) -> web.Response:
        """Tell of an enterprise: chiTietDoanhNghiep."""
        code = code_of(query_of(request, "msdn"))
        found = self.register.enterprises.get(code)
        return respond(nothing(f"There is no enterprise {code}") if found is None else _told(found, 1))

    async def dossiers_today(self, request: web.Request) -> web.Response:
        """List dossiers within a day, a page of them: danhSachHoSoTrongNgay."""
        since, until = moments_of(query_of(request, "from_ts"), query_of(request, "to_ts"))
        offset = number_of(request.query.get("offset", "0"), "offset", 10**9)
        limit = number_of(request.query.get("limit", str(MAX_LIST)), "limit", MAX_LIST)
        return respond(_listed(self.register.received(since, until)[offset : offset + limit]))

    async def dossiers(self, request: web.Request) -> web.Response:
        """List the dossiers of up to five days: danhSachHoSo."""
        since, until = days_of(query_of(request, "from"), query_of(request, "to"))
        return respond(_listed(self.register.received(since, until)))

    async def dossier(self, request: web.Request) -> web.Response:
        """Tell how far a dossier has come: tinhTrangHoSo."""
        number = query_of(request, "in_journal_no")
        found = self.register.dossier(number)
        return respond(nothing(f"There is no dossier {number}") if found is None else _told(found, 1))


def nothing(text: str) -> Mapping[str, Any]:
    """Say that there is no answer, and why."""
    return {"Status": 0, "Message": text, "DataCount": 0, "Data": None}


def build(register: Register) -> web.Application:
    """Build the application."""
    app, look_ups = build_app(nothing), LookUps(register=register)
    for prefix in PREFIXES:
        app.router.add_get(f"{prefix}/chiTietDoanhNghiep", look_ups.enterprise)
        app.router.add_get(f"{prefix}/danhSachHoSoTrongNgay", look_ups.dossiers_today)
        app.router.add_get(f"{prefix}/danhSachHoSo", look_ups.dossiers)
        app.router.add_get(f"{prefix}/tinhTrangHoSo", look_ups.dossier)
    return app


def _told(data: object, count: int) -> Mapping[str, Any]:
    return {"Status": 1, "Message": "", "DataCount": count, "Data": data}


def _listed(dossiers: Sequence[Dossier]) -> Mapping[str, Any]:
    return _told(dossiers, len(dossiers))
