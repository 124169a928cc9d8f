"""Keep what is known of revocations fresh, ahead of need: one process of a hub does this for all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from exchange.core.hearing import sources_of
from exchange.core.revoking import Kind, Source, Standing, standings
from exchange.operation.asking import Desk, Inquiries
from trust_store.certificate import Certificate
from trust_store.revocation.places import places

EVERY: Final = 2.0
"""Seconds between two looks at what is due."""
AT_ONCE: Final = 32
"""How many sources are asked at once."""
PAGE: Final = 200
LOOK_EVERY, WHOLE_EVERY = timedelta(minutes=1), timedelta(days=1)
"""How often certificates that were registered since are looked at, and how often all of them are."""
STAND_EVERY, CLEAN_EVERY = timedelta(seconds=10), timedelta(hours=1)
"""How often it is looked how fresh all is, and how often what nobody needs any more is forgotten."""
KEPT: Final = timedelta(days=30)
"""How long what was replaced is kept when nothing was attested meanwhile; else it is kept for ever."""
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOG = structlog.get_logger("congvan.revocation")


class Refresher:
    """Look after the sources of one hub."""

    def __init__(self, inquiries: Inquiries) -> None:
        self._desk, self._inquiries = inquiries.desk, inquiries
        self._looked = self._whole = self._stood = _BEGINNING
        self._cleaned = self._desk.now()

    async def run_forever(self) -> None:
        """Look again and again; a failure is logged and tried again."""
        while True:
            try:
                await self.look()
            except Exception:
                _LOG.exception("refreshing failed")
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Do once what is due now; what is asked goes on beside."""
        now = self._desk.now()
        if not timedelta() <= now - self._looked < LOOK_EVERY:
            await self._survey(now)
        room = AT_ONCE - self._inquiries.flying
        for source in await self._desk.sources.due(now, room) if room > 0 else ():
            self._inquiries.ask(source)
        if not timedelta() <= now - self._stood < STAND_EVERY:
            await self._desk.data.note_standings(await standings_of(self._desk), now)
            self._stood = now
        if not timedelta() <= now - self._cleaned < CLEAN_EVERY:
            await self._desk.data.forget(now - KEPT, now)
            self._cleaned = now

    async def _survey(self, now: datetime) -> None:
        """Note where revocations of known authorities and of certificates registered since the last time are told."""
        since = self._looked if timedelta() <= now - self._whole < WHOLE_EVERY else _BEGINNING
        authorities = await self._desk.authorities()
        names = {each.subject for each in authorities}
        await self._note(authorities, names, now)
        behind = "", ""
        while page := await self._desk.sources.registered(behind, PAGE, since):
            behind = page[-1][0], page[-1][1]
            await self._note([each for _, _, each in page], names, now)
        self._looked, self._whole = now, now if since == _BEGINNING else self._whole

    async def _note(self, certificates: Sequence[Certificate], names: set[str], now: datetime) -> None:
        """Lists serve all certificates of an authority; who has none is asked about one by one."""
        evidence, wanted = await self._desk.trust.evidence(), dict[Source, None]()
        anchors = set(evidence.anchors)
        for each in certificates:
            if each in anchors or each.issuer not in names or not each.not_before <= now <= each.not_after:
                continue
            wanted |= dict.fromkeys(sources_of(each, None))
            told = places(each)
            if told.responders and (each.is_authority or not told.lists):
                line = self._desk.line((each,), evidence)
                if line:
                    await self._inquiries.take_up(line, evidence)
        await self._desk.sources.want(list(wanted), now)


async def standings_of(desk: Desk) -> Sequence[Standing]:
    """Say how fresh what is known of each authority is, of those that anybody depends on."""
    now = desk.now()
    names = [each.subject for each in await desk.authorities()]
    asked = {f"{Kind.ANSWER} {each.source.certificate}" for each in await desk.sources.watched(now)}
    return standings(await desk.data.current(), names, frozenset(asked), desk.policy.freshness, now)
