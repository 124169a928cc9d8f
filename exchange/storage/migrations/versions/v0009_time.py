"""Keep batches of receipts with their time-stamps, and what was put beside messages to raise them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables, and the index that finds what waits for a time-stamp."""
    op.create_table(
        "stamp_batches",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "stamp_members",
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False, unique=True),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("batch", "place"),
    )
    op.create_table(
        "raised",
        sa.Column("message", sa.Text(), primary_key=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("renew_by", sa.BigInteger(), nullable=False),
    )
    op.create_index("evidence_at", "evidence", ["at"])
