"""What polls remember: sizes of folders, ids of messages, rejected logins, the last reading."""

# ruff: noqa: INP001 - Alembic runs this file by its path

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the three tables, and room for the last reading."""
    op.add_column("mailbox", sa.Column("reading", sa.Text))
    op.create_table(
        "folder_sizes",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("folder", sa.LargeBinary, primary_key=True),
        sa.Column("validity", sa.Text, nullable=False),
        sa.Column("next_uid", sa.BigInteger),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("blocks", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "unique_ids",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("mailbox", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "refusal",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
