"""Time-stamps: the proof that a receipt is in a stamped batch, and messages raised to a higher level."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from envelopes.batch import write_proof
from envelopes.signature.lasting import Level
from exchange.api.routes import XML, Asked, Query, Route
from exchange.api.searching import one_of
from exchange.auth.permissions import Action
from exchange.core.model import EvidenceId, MessageKey
from exchange.core.raising import Raising
from exchange.core.stamping import prove
from trust_store.errors import Refused, reason

NOT_STAMPED = reason(
    "receipt-not-stamped",
    "The receipt has no time-stamp yet",
    "Ask again in a few minutes; a hub without time_authorities in its settings stamps none",
)
JSON: Final = "application/json"
LEVELS: Final = (Level.T, Level.LT, Level.LTA)


async def stamp(asked: Asked) -> web.StreamResponse:
    """Hand out the proof of a receipt's time-stamp."""
    key = EvidenceId(asked.request.match_info["evidence"])
    receipt = await asked.reading.evidence(asked.party, key)
    proof = await prove(asked.reading.stamps, key)
    if proof is None:
        raise Refused(NOT_STAMPED)
    return web.Response(body=write_proof(proof, receipt.xml), content_type=JSON)


async def raised(asked: Asked) -> web.StreamResponse:
    """Hand out a message with time-stamps beside what its sender signed."""
    reading, level = asked.reading, one_of(asked.request.query, "level", LEVELS, Level.T)
    filed, _ = await reading.message(asked.party, MessageKey(asked.request.match_info["message"]))
    raising = Raising(hub=reading.hub, shelf=reading.stamps, stamper=reading.stamper)
    return web.Response(body=await raising.raise_message(filed, Level(level)), content_type=XML)


ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/evidence/{evidence}/stamp",
        name="getStamp",
        action=Action.LOOK,
        text="Download the proof that a receipt is in a time-stamped batch.",
        handler=stamp,
        gives=None,
        gives_media=JSON,
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}/raised",
        name="getRaised",
        action=Action.LOOK,
        text="Download a message raised to a level: time-stamps and values beside what was signed, got now if need be.",
        handler=raised,
        gives=None,
        queries=(
            Query(
                name="level",
                kind="string",
                text="The level at least: T (unless told), LT or LTA",
                rules={"enum": list(LEVELS)},
            ),
        ),
    ),
)
