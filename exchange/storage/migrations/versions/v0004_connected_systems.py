"""Make room for connected systems, and for how far they have come with what they collect."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables, the columns and the index of what waits; what was delivered before has no transport status."""
    op.create_table(
        "systems",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("admits", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "system_parties",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("only_here", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("system", "party"),
    )
    op.create_table(
        "system_secrets",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("locked", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("system", "id"),
    )
    op.add_column("deliveries", sa.Column("transport", sa.Text(), server_default="", nullable=False))
    op.add_column("deliveries", sa.Column("transport_text", sa.Text(), server_default="", nullable=False))
    op.add_column("deliveries", sa.Column("transport_at", sa.BigInteger(), nullable=True))
    waiting = sa.text("handed_over_at IS NULL")
    op.create_index(
        "deliveries_waiting",
        "deliveries",
        ["receiver", "consigned_at", "key"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
