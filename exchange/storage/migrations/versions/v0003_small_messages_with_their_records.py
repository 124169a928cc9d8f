"""Make room for the bytes of small messages beside their records, and find certificates without looking at all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table and the index; what was filed before stays where it is."""
    op.create_table(
        "contents",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "message"),
    )
    op.create_index(op.f("ix_party_certificates_fingerprint"), "party_certificates", ["fingerprint"], unique=False)
