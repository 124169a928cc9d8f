"""The tables of time: batches of receipts with their time-stamps, and what was put beside messages to raise them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from exchange.storage.schema import EVIDENCE, METADATA

STAMP_BATCHES = Table(
    "stamp_batches",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("token", LargeBinary, nullable=False),
)
"""`until` is the time of the last event in it."""

STAMP_MEMBERS = Table(
    "stamp_members",
    METADATA,
    Column("batch", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("evidence", Text, nullable=False, unique=True),
    Column("leaf", LargeBinary, nullable=False),
    PrimaryKeyConstraint("batch", "place"),
)

RAISED = Table(
    "raised",
    METADATA,
    Column("message", Text, primary_key=True),
    Column("level", Text, nullable=False),
    Column("properties", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("renew_by", BigInteger, nullable=False),
)

EVIDENCE_AT = Index("evidence_at", EVIDENCE.c.at)
"""Finds the receipts that no batch has, without a look at all that have one."""
