"""Know of every party by which revision of the directory it was changed last, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; a party that is not changed from now on has revision 0, and the moment is not known."""
    op.add_column("parties", sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("parties", sa.Column("changed_at", sa.BigInteger(), nullable=True))
