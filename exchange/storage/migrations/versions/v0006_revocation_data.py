"""Keep what authorities say of revocations, where they are asked, and who was met in messages."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables; nothing is known at first, and the hub asks by itself."""
    current = sa.text("superseded_at IS NULL")
    op.create_table(
        "revocation_data",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("this_update", sa.BigInteger(), nullable=False),
        sa.Column("next_update", sa.BigInteger()),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("fetched_at", sa.BigInteger(), nullable=False),
        sa.Column("superseded_by", sa.Text()),
        sa.Column("superseded_at", sa.BigInteger()),
        sa.Column("stood", sa.Integer(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
    )
    op.create_index(
        "revocation_data_current", "revocation_data", ["slot"], sqlite_where=current, postgresql_where=current
    )
    _add_sources()
    op.create_table(
        "met_certificates",
        sa.Column("fingerprint", sa.Text(), primary_key=True),
        sa.Column("authority", sa.Integer(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("met_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "revocation_standings",
        sa.Column("authority", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
    )


def _add_sources() -> None:
    op.create_table(
        "revocation_sources",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("wanted_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("fetched_at", sa.BigInteger()),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place", "certificate"),
    )
    op.create_index("ix_revocation_sources_due_at", "revocation_sources", ["due_at"])
