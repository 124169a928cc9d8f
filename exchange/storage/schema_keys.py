"""The table of the hub's own keys; the keys themselves are never in the database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from exchange.storage.schema import METADATA

HUB_KEYS = Table(
    "hub_keys",
    METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("certificates", LargeBinary, nullable=False),
    Column("place", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("retired_at", BigInteger),
    Column("compromised_from", BigInteger),
    Column("why", Text, nullable=False),
)
"""`certificates` is in PEM, the key's own first; `place` is a path from the hub's folder, or a PKCS#11 URI."""
