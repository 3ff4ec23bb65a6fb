"""The environment that a worker runs in."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from sweep.worker.documents import Start

NVIDIA_SMI_TIMEOUT_S = 20


def current_start(token: str) -> Start:
    """Return the start of an attempt that starts now in this process."""
    return Start(
        token=token,
        started_at=time.time(),
        host=os.environ.get("SLURMD_NODENAME") or platform.node(),
        pid=os.getpid(),
        gpu=visible_gpus(),
        python=platform.python_version(),
        packages=installed_packages(),
    )


def installed_packages() -> dict[str, str]:
    """Return the versions of the installed packages by name.

    They are read from the names of the `.dist-info` folders, because `importlib.metadata` opens a file per
    package.
    """
    folders = [folder for entry in reversed(sys.path) for folder in Path(entry).glob("*.dist-info")]
    pairs = (folder.stem.rpartition("-") for folder in folders)
    return {name: version for name, _, version in sorted(pairs)}


def visible_gpus() -> str | None:
    """Return the names of the GPUs that this process may use; their indices if no driver names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not visible:
        return None
    command = ["nvidia-smi", f"--id={visible}", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=NVIDIA_SMI_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return visible
    return ", ".join(done.stdout.split("\n")).strip(", ")
