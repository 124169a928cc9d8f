"""Know when certificates end and which one signed each message, hold messages back, and tell those concerned."""

import json

import sqlalchemy as sa
from alembic import op

from trust_store.certificate import load
from trust_store.errors import Refused

revision = "0011"
down_revision = "0010"
_MICROS = 1_000_000
_STRIDE = 1000


def upgrade() -> None:
    """Add the tables and columns; of messages and certificates that are there, what is known is filled in."""
    op.create_table(
        "certificate_terms",
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("signed_part", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("in_use", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("party", "fingerprint"),
    )
    for column in ("fingerprint", "signed_part", "not_after"):
        op.create_index(f"ix_certificate_terms_{column}", "certificate_terms", [column])
    _create_notices()
    op.add_column("messages", sa.Column("certificate", sa.Text(), server_default="", nullable=False))
    op.add_column("deliveries", sa.Column("held", sa.Text(), server_default="", nullable=False))
    op.create_index("messages_by_certificate", "messages", ["certificate", "submitted_at"])
    held = sa.text("held != ''")
    op.create_index("deliveries_held", "deliveries", ["message"], sqlite_where=held, postgresql_where=held)
    _fill_terms(op.get_bind())
    _fill_certificates(op.get_bind())


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("title_vi", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("text_vi", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("read_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("party", "id"),
    )
    op.create_index("notices_by_time", "notices", ["party", "at", "id"])
    op.create_index("notices_by_subject", "notices", ["party", "subject"])
    op.create_table(
        "mails",
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("party", "notice", "address"),
    )
    op.create_index("mails_by_state", "mails", ["state", "next_at"])


def _fill_terms(connection: sa.Connection) -> None:
    """Read the registered certificates; one that cannot be read is left to the doctor."""
    stored = connection.execute(sa.text("SELECT party, fingerprint, der FROM party_certificates"))
    insert = sa.text("INSERT INTO certificate_terms VALUES (:party, :fingerprint, :part, :subject, :since, :until, 1)")
    for party, fingerprint, der in stored:
        try:
            certificate = load(bytes(der))
        except (Refused, TypeError):
            continue
        values = {
            "party": party,
            "fingerprint": fingerprint,
            "part": certificate.signed_part,
            "subject": certificate.subject,
            "since": round(certificate.not_before.timestamp()) * _MICROS,
            "until": round(certificate.not_after.timestamp()) * _MICROS,
        }
        connection.execute(insert, values)


def _fill_certificates(connection: sa.Connection) -> None:
    """Take the certificate of each message from its verdict, where it has stood from the beginning."""
    select = sa.text("SELECT key, verdict FROM messages WHERE key > :after ORDER BY key LIMIT :limit")
    update = sa.text("UPDATE messages SET certificate = :certificate WHERE key = :key")
    after = ""
    while rows := connection.execute(select, {"after": after, "limit": _STRIDE}).fetchall():
        found = [{"key": key, "certificate": _certificate(verdict)} for key, verdict in rows]
        known = [each for each in found if each["certificate"]]
        if known:
            connection.execute(update, known)
        after = rows[-1][0]


def _certificate(verdict: str) -> str:
    try:
        return str(json.loads(verdict).get("certificate", ""))
    except (ValueError, AttributeError):
        return ""
