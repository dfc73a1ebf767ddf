"""How alerts come and go, and what people know of one that got worse within a silence."""

# ruff: noqa: INP001 - Alembic runs this file by its path

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and add the column."""
    op.create_table(
        "flapping",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("root", sa.Text, primary_key=True),
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("episodes", sa.Integer, nullable=False),
        sa.Column("well", sa.Boolean, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.add_column("alert", sa.Column("told_as", sa.Text))
