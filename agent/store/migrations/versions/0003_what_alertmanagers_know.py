"""What Alertmanagers know: alerts by their labels, until some time after their end."""

# ruff: noqa: INP001 - Alembic runs this file by its path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "announced",
        sa.Column("labels", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("transition", sa.Text, nullable=False),
    )
    op.create_index("announced_of_alert", "announced", ["account", "rule", "root", "resource"])
