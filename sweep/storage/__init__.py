"""The database: Optuna's tables and ours, side by side."""
