"""Make room for small messages beside their records, find certificates quickly, and know how long tokens were to last."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table, the index and the column; what was filed before stays where it is."""
    op.create_table(
        "contents",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "message"),
    )
    op.create_index(op.f("ix_party_certificates_fingerprint"), "party_certificates", ["fingerprint"], unique=False)
    op.add_column("tokens", sa.Column("lifetime", sa.BigInteger(), nullable=True))
