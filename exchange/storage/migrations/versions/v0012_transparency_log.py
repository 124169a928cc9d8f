"""Keep a transparency log. What was stated before it began stays outside, and its receipts as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables of the log."""
    op.create_table(
        "logs",
        sa.Column("log", sa.Integer(), primary_key=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
    )
    op.create_table(
        "log_pending",
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("evidence", sa.Text(), nullable=False, unique=True),
    )
    op.create_table(
        "log_entries",
        sa.Column("log", sa.Integer(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False, unique=True),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("log", "place"),
    )
    op.create_index("log_entries_by_mailbox", "log_entries", ["log", "mailbox", "number"], unique=True)
    op.create_index("log_entries_by_message", "log_entries", ["message", "log", "place"])
    _make_tree()


def _make_tree() -> None:
    op.create_table(
        "log_tiles",
        sa.Column("log", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("tile", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "level", "tile"),
    )
    op.create_table(
        "log_checkpoints",
        sa.Column("log", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "size"),
    )
