"""User requests, and the profile that a study was last launched with."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sweep_studies", sa.Column("cluster", sa.String(length=255), nullable=True))
    op.add_column("sweep_studies", sa.Column("stop", sa.String(length=16), nullable=True))
    op.add_column(
        "sweep_trials",
        sa.Column("retry_requested", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
