"""The tables of what authorities say of revocations, where it is asked for, and of whom."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, text

from exchange.storage.schema import METADATA

__all__ = ["MET_CERTIFICATES", "REVOCATION_DATA", "REVOCATION_SOURCES", "REVOCATION_STANDINGS"]

REVOCATION_DATA = Table(
    "revocation_data",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("authority", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("this_update", BigInteger, nullable=False),
    Column("next_update", BigInteger),
    Column("source", Text, nullable=False),
    Column("fetched_at", BigInteger, nullable=False),
    Column("superseded_by", Text),
    Column("superseded_at", BigInteger),
    Column("stood", Integer, nullable=False),
    Column("der", LargeBinary, nullable=False),
    Index("revocation_data_current", "slot", sqlite_where=text("superseded_at IS NULL")),
)
"""`number` is one of up to 20 octets, so it is written in digits. `stood`: while it was current, statements were made."""

REVOCATION_SOURCES = Table(
    "revocation_sources",
    METADATA,
    Column("place", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("authority", Text, nullable=False),
    Column("wanted_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False, index=True),
    Column("leased_until", BigInteger, nullable=False),
    Column("fetched_at", BigInteger),
    Column("slot", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("place", "certificate"),
)

MET_CERTIFICATES = Table(
    "met_certificates",
    METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("authority", Integer, nullable=False),
    Column("der", LargeBinary, nullable=False),
    Column("met_at", BigInteger, nullable=False),
)

REVOCATION_STANDINGS = Table(
    "revocation_standings",
    METADATA,
    Column("authority", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
)
