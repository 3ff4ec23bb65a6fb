"""A hyperparameter sweep orchestrator: Optuna studies whose trials run as submitit jobs."""

__version__ = "0.1.0"
