"""A hyperparameter sweep orchestrator: Optuna studies whose trials run as submitit jobs.

`sweep.api` is the public Python API.
"""

__version__ = "0.1.0"
