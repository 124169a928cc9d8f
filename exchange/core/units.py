"""The lists of units as the axis gives them to document systems, each the whole answer, ready to be sent as it is.

An answer is made once for a revision of the directory, however many ask. It is made of pieces of a few hundred units: when
some units change, only their pieces are written and packed again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import is_
from typing import Final

from envelopes.opened import VIETNAM
from exchange.core.model import Party, PartyStatus
from exchange.core.particulars import CodeScheme
from exchange.core.ports import Directory, Workers
from exchange.core.snapshot import Snapshot
from trust_store.identity import PartyKind

HEAD: Final = b'{"status":"OK","ErrorCode":"0","ErrorDesc":"","data":['
TAIL: Final = b"]}"
_SPREAD: Final = 511
_COST: Final = 200
"""What writing a unit weighs, in bytes."""
_OLD: Final = re.compile(r"[0-9]{3}(\.[0-9]{2}){2}\.[A-Z][0-9]{2}")
_TOP: Final = re.compile(r"(000\.00\.00\.)?[A-Z][0-9]{2}")
_GZIP: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST: Final = b"\x03\x00"
_MOMENT: Final = "%d/%m/%Y %H:%M:%S"
_ENCODE: Final = json.JSONEncoder(separators=(",", ":")).encode
Row = Mapping[str, str | int | bool]


class UnitList(StrEnum):
    """Name the lists; those by QĐ 20 are of all units, or of ministries and provinces alone."""

    AGENCIES = "agencies"
    QD20 = "qd20"
    QD20_TOP = "qd20-top"
    SYNCHRONIZE = "synchronize"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitAnswer:
    """Hold an answer in parts to be sent one after another: ASCII JSON, and the same packed with gzip.

    `tag` tells one content from another; `changed_at` is when the last of the parties changed, if that is known.
    """

    body: Sequence[bytes]
    packed: Sequence[bytes]
    tag: str
    changed_at: datetime | None
    revision: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """Hold the rows of some units, and the parties that they were made of."""

    parties: tuple[Party, ...]
    text: bytes
    packed: bytes


class Units:
    """Give the lists of units; `center` is the code of the centre that they are reached through."""

    def __init__(self, directory: Directory, workers: Workers, center: str) -> None:
        self._directory, self._workers = directory, workers
        self._rows: Mapping[UnitList, Callable[[Party], Row | None]] = {
            UnitList.AGENCIES: agency_row,
            UnitList.QD20: qd20_row,
            UnitList.QD20_TOP: lambda party: qd20_row(party) if is_top(party) else None,
            UnitList.SYNCHRONIZE: lambda party: synchronize_row(party, center),
        }
        self._known: dict[UnitList, tuple[UnitAnswer, Sequence[_Piece]]] = {}
        self._making = {each: asyncio.Lock() for each in UnitList}

    async def answer(self, which: UnitList) -> UnitAnswer:
        """Give a list as the directory is now; one makes it for all who wait."""
        snapshot = await self._directory.snapshot()
        known = self._known.get(which)
        if known is None or known[0].revision != snapshot.revision:
            async with self._making[which]:
                snapshot = await self._directory.snapshot()
                known = self._known.get(which)
                if known is None or known[0].revision != snapshot.revision:
                    pieces = known[1] if known else ()
                    weight = len(snapshot.order) * _COST
                    known = await self._workers.run(weight, _make, snapshot, self._rows[which], pieces)
                    self._known[which] = known
        return known[0]

    async def changes(self, revision: int = 0, since: datetime | None = None) -> bytes:
        """Give the units to synchronise that were changed after a revision, and not before a moment where one is named.

        The largest `version` in an answer is the revision to ask with the next time.
        """
        snapshot = await self._directory.snapshot()
        row = self._rows[UnitList.SYNCHRONIZE]
        return await self._workers.run(len(snapshot.order) * 8, _changes, snapshot, row, revision, since)


def agency_row(party: Party) -> Row | None:
    """Describe an active unit as `getAgenciesList` does."""
    if party.status is PartyStatus.SUSPENDED:
        return None
    old = _alias(party, CodeScheme.OLD)
    return {
        "id": party.id,
        "pid": party.parent or "",
        "code": party.id,
        "name": party.name,
        "mail": _mail(party),
        "oldCode": old,
    }


def qd20_row(party: Party) -> Row | None:
    """Describe an active unit as `getAgenciesListQD20` does: by its code of QĐ 20/2020, with that of QCVN 102 beside it."""
    if party.status is PartyStatus.SUSPENDED:
        return None
    old = _alias(party, CodeScheme.OLD) or (party.id if _OLD.fullmatch(party.id) else "")
    code = _alias(party, CodeScheme.QD20) or party.id
    return {"id": party.id, "code": code, "name": party.name, "mail": _mail(party), "code102": old}


def synchronize_row(party: Party, center: str) -> Row:
    """Describe a unit as `getSynchronizeUnit` does; a suspended one counts as deleted."""
    return {
        "id": party.id,
        "pid": party.parent or "",
        "code": party.id,
        "name": party.name,
        "mail": _mail(party),
        "centerCode": center,
        "version": party.revision,
        "deleted": party.status is PartyStatus.SUSPENDED,
        "modifyDate": party.changed_at.astimezone(VIETNAM).strftime(_MOMENT) if party.changed_at else "",
        "isAgency": party.kind is PartyKind.AGENCY,
    }


def is_top(party: Party) -> bool:
    """Tell a ministry or a province: an agency with nobody above it and a code of the first level."""
    is_first = party.parent is None and party.kind is PartyKind.AGENCY
    return is_first and any(_TOP.fullmatch(code) for code in party.codes)


def _alias(party: Party, scheme: CodeScheme) -> str:
    return min((code for code, each in party.schemes if each is scheme), default="")


def _mail(party: Party) -> str:
    return next((contact.email for contact in party.contacts if contact.email), "")


def _make(
    snapshot: Snapshot, row: Callable[[Party], Row | None], known: Sequence[_Piece]
) -> tuple[UnitAnswer, Sequence[_Piece]]:
    """Write what changed since the pieces that are known, and put all pieces together."""
    before = {piece.parties[0].id: piece for piece in known}
    pieces = []
    for parties in _cut(snapshot):
        old = before.get(parties[0].id)
        is_same = old is not None and len(old.parties) == len(parties) and all(map(is_, old.parties, parties))
        pieces.append(old if old is not None and is_same else _write(parties, row))
    filled = [piece for piece in pieces if piece.text]
    body = (HEAD, *_between(b",", [piece.text for piece in filled]), TAIL)
    moments = (party.changed_at for piece in pieces for party in piece.parties if party.changed_at is not None)
    answer = UnitAnswer(
        body=body,
        packed=_pack(body, filled),
        tag=_digest(body),
        changed_at=max(moments, default=None),
        revision=snapshot.revision,
    )
    return answer, pieces


def _cut(snapshot: Snapshot) -> Iterable[tuple[Party, ...]]:
    """Cut the directory behind ids that their own digest picks, so that a new party moves no other cut."""
    piece: list[Party] = []
    for key in snapshot.order:
        piece.append(snapshot.parties[key])
        if not zlib.crc32(key.encode()) & _SPREAD:
            yield tuple(piece)
            piece = []
    if piece:
        yield tuple(piece)


def _write(parties: tuple[Party, ...], row: Callable[[Party], Row | None]) -> _Piece:
    text = ",".join(_ENCODE(found) for party in parties if (found := row(party)) is not None).encode("ascii")
    return _Piece(parties, text, _deflate(text) if text else b"")


def _deflate(text: bytes) -> bytes:
    """Pack a text so that more can follow, whatever was before it."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)


def _pack(body: Sequence[bytes], pieces: Sequence[_Piece]) -> Sequence[bytes]:
    """Put packed pieces together as gzip (RFC 1952) without packing them again."""
    check = size = 0
    for part in body:
        check, size = zlib.crc32(part, check), size + len(part)
    end = _deflate(TAIL) + _LAST + check.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    return (_GZIP + _deflate(HEAD), *_between(_deflate(b","), [piece.packed for piece in pieces]), end)


def _between(mark: bytes, parts: Sequence[bytes]) -> Iterator[bytes]:
    for number, part in enumerate(parts):
        if number:
            yield mark
        yield part


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:32]


def _changes(snapshot: Snapshot, row: Callable[[Party], Row | None], revision: int, since: datetime | None) -> bytes:
    changed = (
        party
        for party in map(snapshot.parties.__getitem__, snapshot.order)
        if party.revision > revision and (since is None or (party.changed_at is not None and party.changed_at >= since))
    )
    rows = (found for party in changed if (found := row(party)) is not None)
    return HEAD + ",".join(map(_ENCODE, rows)).encode("ascii") + TAIL
