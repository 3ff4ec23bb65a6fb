"""One word per state, and the published baselines of a study.

Attempts that returned a value are "complete" (formerly "completed"), as in Optuna's tables and in reports.
Whether the cost of an attempt is final has a name that says so.
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
