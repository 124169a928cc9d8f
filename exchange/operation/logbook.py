"""Walk through the transparency log and compare everything with what follows from the statements of evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import bindparam, exists, func, select

from envelopes.leaf import ENTRY_BYTES, Links, commit, entry_of
from envelopes.log.checkpoint import open_checkpoint
from envelopes.log.note import Verifier, read_vkey
from envelopes.log.tiles import HEIGHT, WIDTH, TileName
from envelopes.log.tree import Edge, leaf_hash
from exchange.operation.findings import Finding, Severity, rule
from exchange.storage.schema import EVIDENCE
from exchange.storage.schema_log import LOG_CHECKPOINTS, LOG_ENTRIES, LOG_PENDING, LOG_TILES, LOGS
from exchange.storage.session import Row, Session
from trust_store.errors import Refused

_KEEP: Final = "Keep a copy of the hub as it is, then restore from a backup; ask who could write to the database"
ENTRY = rule("log-entry-wrong", Severity.ERROR, _KEEP)
CHECKPOINT = rule("log-checkpoint-wrong", Severity.ERROR, _KEEP)
TILE = rule("log-tile-wrong", Severity.ERROR, _KEEP)
OUTSIDE = rule("log-evidence-outside", Severity.ERROR, _KEEP)

STRIDE: Final = 1000
_L, _N, _C, _T, _E, _P = LOGS.c, LOG_ENTRIES.c, LOG_CHECKPOINTS.c, LOG_TILES.c, EVIDENCE.c, LOG_PENDING.c
_LOGS = select(_L.log, _L.key, _L.begun_at).order_by(_L.log)
_WALK = (
    select(
        _N.place,
        _N.evidence,
        _N.entry,
        _N.mailbox,
        _N.number,
        _N.message,
        _E.text,
        _E.salt,
        _E.leaf,
        _E.owner,
        _E.receiver,
    )
    .outerjoin(EVIDENCE, _E.id == _N.evidence)
    .where(_N.log == bindparam("log"), _N.place >= bindparam("start"))
    .order_by(_N.place)
    .limit(STRIDE)
)
_IN_MAILBOX = select(_N.entry).where(
    _N.log == bindparam("log"), _N.mailbox == bindparam("mailbox"), _N.number == bindparam("number")
)
_OF_MESSAGE = (
    select(_N.entry)
    .where(_N.message == bindparam("message"), _N.log == bindparam("log"), _N.place < bindparam("place"))
    .order_by(_N.place.desc())
    .limit(1)
)
_CHECKPOINTS = (
    select(_C.size, _C.note, _C.edge)
    .where(_C.log == bindparam("log"), _C.size > bindparam("start"), _C.size <= bindparam("end"))
    .order_by(_C.size)
)
_LAST = select(func.max(_C.size)).where(_C.log == bindparam("log"))
_TILE = select(_T.hashes).where(
    _T.log == bindparam("log"), _T.level == bindparam("level"), _T.tile == bindparam("tile")
)
_OUTSIDE = (
    select(_E.id)
    .where(_E.at >= bindparam("begun"), ~exists().where(_N.evidence == _E.id), ~exists().where(_P.evidence == _E.id))
    .limit(1)
)


@dataclass(slots=True, kw_only=True)
class Walk:
    """Hold how far a walk came: the log, and the edge of its tree; with it, the walk goes on from there."""

    log: int = 0
    edge: Edge = field(default_factory=Edge)


def examine_log(session: Session, walk: Walk | None = None, heard: Callable[[Walk], object] = id) -> Iterator[Finding]:
    """Give the first thing that is wrong in each log of a hub; `heard` is told from time to time how far the walk is.

    Every entry follows from its statement and its chains, every checkpoint and every tile from the entries before it, and
    every statement since the first log began has an entry, or waits for one.
    """
    walk = walk or Walk()
    logs = session.rows(_LOGS)
    for log, key, _ in logs:
        if log < walk.log:
            continue
        if log > walk.log:
            walk.log, walk.edge = log, Edge()
        yield from _Log(session, log, read_vkey(key)).examine(walk, heard)
    outside = session.rows(_OUTSIDE, begun=logs[0][2]) if logs else ()
    if outside:
        yield OUTSIDE.broken("This evidence is not in the log and waits for no place in it", outside[0][0])


class _Log:
    """Examine one log."""

    def __init__(self, session: Session, log: int, verifier: Verifier) -> None:
        self._session, self._log, self._verifier = session, log, verifier

    def examine(self, walk: Walk, heard: Callable[[Walk], object]) -> Iterator[Finding]:
        """Walk on to the end; stop at the first thing that is wrong."""
        while rows := self._session.rows(_WALK, log=self._log, start=walk.edge.size):
            if (wrong := self._stride(walk.edge, rows)) is not None:
                yield wrong
                return
            heard(walk)
        ((last,),) = self._session.rows(_LAST, log=self._log)
        if last != walk.edge.size:
            yield CHECKPOINT.broken(
                f"The last checkpoint is over {last} entries; there are {walk.edge.size}", self._name()
            )

    def _stride(self, edge: Edge, rows: Sequence[Row]) -> Finding | None:
        """Look at some entries, and at the checkpoints and tiles that end among them."""
        start, signed = edge.size, {}
        for size, note, packed in self._session.rows(_CHECKPOINTS, log=self._log, start=start, end=start + len(rows)):
            signed[size] = (note, packed)
        nodes: dict[int, list[bytes]] = {}
        for row in rows:
            if (wrong := self._examine_entry(edge.size, row)) is not None:
                return wrong
            for height, node in enumerate(edge.append(leaf_hash(row[2]))):
                if height % HEIGHT == 0:
                    nodes.setdefault(height // HEIGHT, []).append(node)
            if edge.size in signed and (wrong := self._examine_checkpoint(edge, *signed[edge.size])) is not None:
                return wrong
        return self._examine_tiles(edge, nodes)

    def _examine_entry(self, place: int, row: Row) -> Finding | None:
        found, evidence, entry, mailbox, number, message, text, salt, leaf, owner, receiver = row
        if found != place:
            return ENTRY.broken(f"The entry at {place} is missing; the next one is at {found}", self._name())
        if text is None:
            return ENTRY.broken(f"The evidence of the entry at {place} is missing", evidence)
        if leaf != commit(text, salt) or mailbox != (receiver or owner):
            return ENTRY.broken(f"The statement of the entry at {place} was changed", evidence)
        before = self._session.rows(_IN_MAILBOX, log=self._log, mailbox=mailbox, number=number - 1)
        about = self._session.rows(_OF_MESSAGE, log=self._log, message=message, place=place)
        links = Links(
            number=number,
            in_mailbox=bytes(before[0][0]) if before else b"",
            of_message=bytes(about[0][0]) if about else b"",
        )
        if bool(before) != (number > 1) or entry != entry_of(leaf, links):
            return ENTRY.broken(f"The entry at {place} does not follow from its statement and its chains", evidence)
        return None

    def _examine_checkpoint(self, edge: Edge, note: str, packed: bytes) -> Finding | None:
        name = f"{self._name()} at {edge.size}"
        try:
            checkpoint = open_checkpoint(note, self._verifier)
        except Refused as refusal:
            return CHECKPOINT.broken(refusal.text, name)
        if (checkpoint.size, checkpoint.root, packed) != (edge.size, edge.root, b"".join(edge.roots)):
            return CHECKPOINT.broken("The checkpoint is not over the entries before it", name)
        return None

    def _examine_tiles(self, edge: Edge, nodes: dict[int, list[bytes]]) -> Finding | None:
        """Compare new nodes with the tiles that have them."""
        for level, made in nodes.items():
            first = (edge.size >> HEIGHT * level) - len(made)
            for tile in range(first // WIDTH, (first + len(made) - 1) // WIDTH + 1):
                start, end = max(first, tile * WIDTH), min(first + len(made), (tile + 1) * WIDTH)
                kept = self._read(level, tile)[
                    (start - tile * WIDTH) * ENTRY_BYTES : (end - tile * WIDTH) * ENTRY_BYTES
                ]
                if kept != b"".join(made[start - first : end - first]):
                    name = TileName(level=level, number=tile).path
                    return TILE.broken(f"Tile {name} does not follow from the entries", self._name())
        return None

    def _read(self, level: int, tile: int) -> bytes:
        rows = self._session.rows(_TILE, log=self._log, level=level, tile=tile)
        return bytes(rows[0][0]) if rows else b""

    def _name(self) -> str:
        return self._verifier.name
