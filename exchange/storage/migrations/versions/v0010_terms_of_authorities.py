"""Keep on which terms an authority is trusted; nothing written means as usual."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    op.add_column("trust_certificates", sa.Column("terms", sa.Text(), server_default="", nullable=False))
