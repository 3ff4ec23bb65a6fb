"""Why the rules of a study have ended it early."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sweep_studies", sa.Column("stopped_early", sa.Text(), nullable=True))
