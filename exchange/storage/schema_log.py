"""The tables of the transparency log: what waits for its place, entries, tiles of the hash tree, and signed checkpoints.

A log is a generation: a hub that was restored from a backup begins another, because its old one may have gone on without it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from exchange.storage.schema import METADATA

LOGS = Table(
    "logs",
    METADATA,
    Column("log", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)
"""`key` is the verifier key (vkey) of C2SP signed-note; its name is the log's origin."""

LOG_PENDING = Table(
    "log_pending",
    METADATA,
    Column("place", Integer, primary_key=True, autoincrement=True),
    Column("evidence", Text, nullable=False, unique=True),
)

LOG_ENTRIES = Table(
    "log_entries",
    METADATA,
    Column("log", Integer, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("evidence", Text, nullable=False, unique=True),
    Column("entry", LargeBinary, nullable=False),
    Column("mailbox", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    PrimaryKeyConstraint("log", "place"),
    Index("log_entries_by_mailbox", "log", "mailbox", "number", unique=True),
    Index("log_entries_by_message", "message", "log", "place"),
)
"""`place` is the index in the log, from 0; `number` the one in the mailbox, from 1."""

LOG_TILES = Table(
    "log_tiles",
    METADATA,
    Column("log", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("tile", BigInteger, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    PrimaryKeyConstraint("log", "level", "tile"),
)
"""`hashes` are up to 256 of 32 bytes each; the last tile of each level is rewritten as it grows."""

LOG_CHECKPOINTS = Table(
    "log_checkpoints",
    METADATA,
    Column("log", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("edge", LargeBinary, nullable=False),
    PrimaryKeyConstraint("log", "size"),
)
"""`edge` holds the roots of the complete subtrees, 32 bytes each, the largest first."""
