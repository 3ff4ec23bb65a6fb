"""The database: Optuna's tables and ours next to them, and all queries on both."""
