"""What the status page shows: usage and outlook of all, and of each folders, failures, notices."""

# ruff: noqa: INP001 - Alembic runs this file by its path

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room in `mailbox`, and create the three tables."""
    op.add_column("mailbox", sa.Column("usage_ratio", sa.Float))
    op.add_column("mailbox", sa.Column("outlooks", sa.Text))
    op.create_table(
        "folders",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("listing", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spell",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("began_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("failure", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "told",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("root", sa.Text, primary_key=True),
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("receiver", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
