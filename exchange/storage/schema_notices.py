"""The tables of what ends and what was told: the terms of certificates, notices, and the mail that carries them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from exchange.storage.schema import DELIVERIES, MESSAGES, METADATA

TERMS = Table(
    "certificate_terms",
    METADATA,
    Column("party", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, index=True),
    Column("signed_part", Text, nullable=False, index=True),
    Column("subject", Text, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False, index=True),
    Column("in_use", Integer, nullable=False),
    PrimaryKeyConstraint("party", "fingerprint"),
)
"""Every certificate that was registered for a party or signed a message of it; `in_use` is 0 once it was removed."""

NOTICES = Table(
    "notices",
    METADATA,
    Column("party", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("title_vi", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("text_vi", Text, nullable=False),
    Column("text_en", Text, nullable=False),
    Column("read_at", BigInteger),
    Column("read_by", Text, nullable=False),
    PrimaryKeyConstraint("party", "id"),
    Index("notices_by_time", "party", "at", "id"),
    Index("notices_by_subject", "party", "subject"),
)

MAILS = Table(
    "mails",
    METADATA,
    Column("party", Text, nullable=False),
    Column("notice", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    PrimaryKeyConstraint("party", "notice", "address"),
    Index("mails_by_state", "state", "next_at"),
)
"""One row for each address that a notice goes to; none while no mail server is configured."""

_IS_HELD = DELIVERIES.c.held != ""
Index("deliveries_held", DELIVERIES.c.message, sqlite_where=_IS_HELD, postgresql_where=_IS_HELD)
Index("messages_by_certificate", MESSAGES.c.certificate, MESSAGES.c.submitted_at)
