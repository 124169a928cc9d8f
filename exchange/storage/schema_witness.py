"""The tables of witnesses: the logs that this hub cosigns, and the cosignatures that its own checkpoints have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from exchange.storage.schema import METADATA

LOG_WITNESSED = Table(
    "log_witnessed",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("removed_at", BigInteger),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("seen_at", BigInteger),
    Column("note", Text, nullable=False),
)
"""`size` and `root` are what was cosigned last; a row stays for ever, so that nothing older is ever cosigned."""

LOG_COSIGNED = Table(
    "log_cosigned",
    METADATA,
    Column("log", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("lines", Text, nullable=False),
    PrimaryKeyConstraint("log", "size"),
)
"""`lines` are signature lines of witnesses for the checkpoint of this size, `count` how many; written once."""
