"""Snapshots of the code, the snapshot that each attempt runs, and the current one of each study."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")


def upgrade() -> None:
    op.create_table(
        "sweep_snapshots",
        sa.Column("study_id", sa.Integer(), sa.ForeignKey("sweep_studies.id"), primary_key=True),
        sa.Column("digest", sa.String(length=64), primary_key=True),
        sa.Column("git_commit", sa.String(length=64), nullable=True),
        sa.Column("is_clean", sa.Boolean(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        mysql_collate="utf8mb4_bin",
    )
    op.add_column("sweep_studies", sa.Column("snapshot", sa.String(length=64), nullable=True))
    op.add_column("sweep_attempts", sa.Column("snapshot", sa.String(length=64), nullable=True))
