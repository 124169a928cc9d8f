"""Tell clients the units that there are, as lists that are ready before they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from exchange.core.units import UnitAnswer, UnitList
from exchange.errors import REQUEST
from exchange.ngsp.answers import MEDIA_TYPE
from exchange.ngsp.operations import Call, Operation
from trust_store.errors import Refused

SINCE: Final = "sinceVersion"
TOP: Final = "1"
"""The level of ministries and provinces; what other levels there are is not established, and they get all units."""


async def list_agencies(call: Call) -> UnitAnswer:
    """List the units by their primary codes."""
    return await call.units.answer(UnitList.AGENCIES)


async def list_new_agencies(call: Call) -> UnitAnswer:
    """List the units by their codes after QĐ 20/2020, ministries and provinces alone where level is 1."""
    level = call.parameters.get("level").strip()
    if level and not (level.isascii() and level.isdecimal() and len(level) < 3):
        raise Refused(REQUEST, "level is a number from 1 on", where="XroadVnpt-level")
    return await call.units.answer(UnitList.QD20_TOP if level == TOP else UnitList.QD20)


async def synchronise(call: Call) -> UnitAnswer | web.Response:
    """List the units with what a client needs to follow changes, or those that changed after a version that it names.

    The parameter has a name that no old client sends: headers that it sent before stay in its later requests.
    """
    version = call.parameters.get(SINCE).strip()
    if not version:
        return await call.units.answer(UnitList.SYNCHRONIZE)
    if not (version.isascii() and version.isdecimal() and len(version) < 19):
        raise Refused(REQUEST, f"{SINCE} is the largest version of the answer before", where=f"XroadVnpt-{SINCE}")
    return web.Response(body=await call.units.changes(int(version)), content_type=MEDIA_TYPE)


_LIST: Final[Mapping[str, Any]] = {"data": []}
OPERATIONS: Final = (
    Operation(
        name="getAgenciesList",
        text="List the units by their primary codes.",
        handler=list_agencies,
        failing=_LIST,
    ),
    Operation(
        name="getAgenciesListQD20",
        text="List the units by their codes after QĐ 20/2020.",
        handler=list_new_agencies,
        failing=_LIST,
    ),
    Operation(
        name="getSynchronizeUnit",
        text="List the units with what a client needs to follow changes.",
        handler=synchronise,
        failing=_LIST,
    ),
)
