"""The file that defines the cluster's profiles."""

import os
from pathlib import Path


def cluster_file() -> Path | None:
    """Return the file that SWEEP_CLUSTER_FILE names, else ./cluster.yaml, or None if it does not exist."""
    if named := os.environ.get("SWEEP_CLUSTER_FILE"):
        return Path(named).expanduser()
    file = Path("cluster.yaml")
    return file if file.exists() else None
