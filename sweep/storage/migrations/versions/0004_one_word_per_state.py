"""One word per state, and the published baselines of a study.

The state of an attempt that returned a value is "complete" instead of "completed", as in Optuna's tables and
in reports. The column `is_charged` becomes `is_cost_final`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE sweep_attempts SET state = 'complete' WHERE state = 'completed'")
    op.execute("ALTER TABLE sweep_attempts RENAME COLUMN is_charged TO is_cost_final")
    op.add_column("sweep_studies", sa.Column("baselines", sa.JSON(), nullable=True))
