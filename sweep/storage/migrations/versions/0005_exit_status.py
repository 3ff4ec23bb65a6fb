"""How the processes of attempts ended, and names of metrics that MySQL compares exactly.

MySQL's usual collations treat `Loss` and `loss` as the same key.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sweep_attempts", sa.Column("exit_status", sa.String(length=64), nullable=True))
    if op.get_bind().dialect.name in {"mysql", "mariadb"}:
        for table in ("sweep_epochs", "sweep_final_metrics"):
            op.execute(
                f"ALTER TABLE {table} MODIFY metric VARCHAR(128) "
                "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
            )
