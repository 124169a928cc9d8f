"""The tables of enrolment: applications with their decisions, challenges, one-time codes, and which keys are certified."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from exchange.storage.schema import METADATA

__all__ = [
    "APPLICATIONS",
    "APPLICATION_DECISIONS",
    "CERTIFIED_KEYS",
    "ENROLMENT_CHALLENGES",
    "ENROLMENT_CODES",
]

APPLICATIONS = Table(
    "applications",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("party", Text, nullable=False, index=True),
    Column("form", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("subject", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("key_print", Text, nullable=False, index=True),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("needed", Integer, nullable=False),
    Column("checks", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("renews", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("issue", Text, nullable=False),
    Column("certificate", Text, nullable=False),
)
"""`checks` and `issue` are JSON; `issue` is empty until the application is approved, and fixes what will be signed."""

APPLICATION_DECISIONS = Table(
    "application_decisions",
    METADATA,
    Column("application", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("approves", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    PrimaryKeyConstraint("application", "person", "approves"),
)

ENROLMENT_CHALLENGES = Table(
    "enrolment_challenges",
    METADATA,
    Column("party", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("party", "digest"),
)

ENROLMENT_CODES = Table(
    "enrolment_codes",
    METADATA,
    Column("party", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("given_by", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("application", Text, nullable=False),
    PrimaryKeyConstraint("party", "id"),
)

CERTIFIED_KEYS = Table(
    "certified_keys",
    METADATA,
    Column("key_print", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    PrimaryKeyConstraint("key_print", "party", "fingerprint"),
)
"""Which key (SHA-256 of its SubjectPublicKeyInfo) was ever certified for whom; rows stay when a certificate goes."""
