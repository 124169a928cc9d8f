"""The tables of who may do what and how much: connected systems with their locked secrets, and what was used of quotas."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from exchange.storage.schema import METADATA

__all__ = ["SYSTEMS", "SYSTEM_PARTIES", "SYSTEM_SECRETS", "USAGE"]

USAGE = Table(
    "usage",
    METADATA,
    Column("party", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    PrimaryKeyConstraint("party", "day"),
)

SYSTEMS = Table(
    "systems",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("admits", Text, nullable=False),
)

SYSTEM_PARTIES = Table(
    "system_parties",
    METADATA,
    Column("system", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("only_here", Integer, nullable=False),
    PrimaryKeyConstraint("system", "party"),
)

SYSTEM_SECRETS = Table(
    "system_secrets",
    METADATA,
    Column("system", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("locked", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger),
    PrimaryKeyConstraint("system", "id"),
)
"""`locked` is encrypted under a key that is never in the database (see `exchange.auth.vault`)."""
