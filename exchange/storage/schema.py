"""The tables. Moments are microseconds since 1970 in UTC; every table that grows with traffic leads with its owner."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, Table, Text

METADATA = MetaData()

PARTIES = Table(
    "parties",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("tax_code", Text),
    Column("status", Text, nullable=False),
    Column("admits", Text, nullable=False),
    Column("parent", Text),
    Column("contacts", Text, nullable=False, server_default="{}"),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Column("changed_at", BigInteger),
)

CODES = Table(
    "codes",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("party", Text, nullable=False, index=True),
    Column("written", Text, nullable=False),
    Column("scheme", Text, nullable=False, server_default=""),
)

GROUPS = Table("groups", METADATA, Column("code", Text, primary_key=True), Column("name", Text, nullable=False))

GROUP_MEMBERS = Table(
    "group_members",
    METADATA,
    Column("group_code", Text, nullable=False),
    Column("party", Text, nullable=False, index=True),
    PrimaryKeyConstraint("group_code", "party"),
)

WRITING_RULES = Table(
    "writing_rules",
    METADATA,
    Column("position", Integer, primary_key=True),
    Column("sender", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("effect", Text, nullable=False),
    Column("note", Text, nullable=False),
)

PARTY_CERTIFICATES = Table(
    "party_certificates",
    METADATA,
    Column("party", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, index=True),
    Column("der", LargeBinary, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("party", "fingerprint"),
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("party", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("id", Text, nullable=False, server_default=""),
    Column("scopes", Text, nullable=False, server_default=""),
    Column("revoked_at", BigInteger),
    Column("lifetime", BigInteger),
    PrimaryKeyConstraint("party", "digest"),
)

TRUST_CERTIFICATES = Table(
    "trust_certificates",
    METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("der", LargeBinary, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("terms", Text, nullable=False, server_default=""),
)

REVOCATIONS = Table(
    "revocations",
    METADATA,
    Column("signed_part", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
)

REVISIONS = Table(
    "revisions",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

MESSAGES = Table(
    "messages",
    METADATA,
    Column("sender", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("digest", Text, nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("business", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("notation", Text, nullable=False),
    Column("promulgated", Text, nullable=False),
    Column("submitted_at", BigInteger, nullable=False),
    Column("signature_class", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("searched", Text, nullable=False, server_default=""),
    Column("folded", Text, nullable=False, server_default=""),
    Column("archived_at", BigInteger),
    Column("removed_at", BigInteger),
    PrimaryKeyConstraint("sender", "message_id"),
    Index("messages_by_digest", "sender", "digest"),
    Index("messages_by_time", "sender", "submitted_at"),
)

CONTENTS = Table(
    "contents",
    METADATA,
    Column("sender", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("sender", "message"),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("receiver", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("message", Text, nullable=False, index=True),
    Column("sender", Text, nullable=False),
    Column("consigned_at", BigInteger, nullable=False),
    Column("handed_over_at", BigInteger),
    Column("leased_until", BigInteger),
    Column("status", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=""),
    Column("lease", Text),
    Column("fetched_at", BigInteger),
    Column("fetched_by", Text),
    Column("archived_at", BigInteger),
    Column("transport", Text, nullable=False, server_default=""),
    Column("transport_text", Text, nullable=False, server_default=""),
    Column("transport_at", BigInteger),
    PrimaryKeyConstraint("receiver", "key"),
    Index("deliveries_by_time", "receiver", "consigned_at", "key"),
)
_D = DELIVERIES.c
_WAITING = _D.handed_over_at.is_(None)
Index("deliveries_waiting", _D.receiver, _D.consigned_at, _D.key, sqlite_where=_WAITING, postgresql_where=_WAITING)

EVIDENCE = Table(
    "evidence",
    METADATA,
    Column("owner", Text, nullable=False),
    Column("id", Text, nullable=False, unique=True),
    Column("message", Text, nullable=False, index=True),
    Column("event", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("text", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("sealed", LargeBinary),
    PrimaryKeyConstraint("owner", "id"),
)
Index(
    "evidence_unsealed",
    EVIDENCE.c.at,
    sqlite_where=EVIDENCE.c.sealed.is_(None),
    postgresql_where=EVIDENCE.c.sealed.is_(None),
)

STATUSES = Table(
    "statuses",
    METADATA,
    Column("sender", Text, nullable=False),
    Column("original", Text, nullable=False),
    Column("notice", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("irregular", Integer, nullable=False),
    PrimaryKeyConstraint("sender", "original", "notice"),
    Index("statuses_by_original", "original", "at"),
)

RELATIONS = Table(
    "relations",
    METADATA,
    Column("sender", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("document_id", Text, nullable=False),
    Column("code", Text, nullable=False),
    PrimaryKeyConstraint("sender", "message", "ordinal"),
    Index("relations_by_message", "message"),
    Index("relations_by_target", "target"),
)

EFFECTS = Table(
    "effects",
    METADATA,
    Column("sender", Text, nullable=False),
    Column("original", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("message", Text, nullable=False, index=True),
    Column("asked", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("fetched_at", BigInteger),
    Column("fetched_by", Text),
    Column("handed_over_at", BigInteger),
    Column("answer", Text, nullable=False),
    Column("answered_at", BigInteger),
    PrimaryKeyConstraint("sender", "original", "receiver", "message"),
    Index("effects_by_original", "original"),
)

REMARKS = Table(
    "remarks",
    METADATA,
    Column("sender", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("sender", "message", "id"),
    Index("remarks_by_message", "message"),
)

UPLOADS = Table(
    "uploads",
    METADATA,
    Column("party", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    PrimaryKeyConstraint("party", "id"),
)

FILES = Table(
    "files",
    METADATA,
    Column("party", Text, nullable=False),
    Column("digest", Text, nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("party", "digest"),
)

ATTACHMENTS = Table(
    "attachments",
    METADATA,
    Column("sender", Text, nullable=False),
    Column("message", Text, nullable=False, index=True),
    Column("ordinal", Integer, nullable=False),
    Column("content_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("digest", Text, nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    PrimaryKeyConstraint("sender", "message", "ordinal"),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("event", Text, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""Append-only: triggers of the database refuse to change or remove a row, and each row holds the digest of the one before."""
