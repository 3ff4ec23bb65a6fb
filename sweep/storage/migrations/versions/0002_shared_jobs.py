"""Jobs that several attempts share, and the cost of jobs according to the scheduler."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")


def upgrade() -> None:
    with op.batch_alter_table("sweep_attempts") as attempts:
        attempts.alter_column("job_name", existing_type=sa.String(length=255), nullable=True)
        attempts.add_column(sa.Column("job_size", sa.Integer(), nullable=False, server_default="1"))
        attempts.add_column(sa.Column("job_ended_at", MOMENT, nullable=True))
        attempts.add_column(sa.Column("is_charged", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("sweep_attempts") as attempts:
        attempts.alter_column("job_size", existing_type=sa.Integer(), server_default=None)
        attempts.alter_column("is_charged", existing_type=sa.Boolean(), server_default=None)
