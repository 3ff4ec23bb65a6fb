"""Train functions for the tests of jobs."""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from typing import Any

METRICS = {"score": 1.0}


def finish(params: Mapping[str, Any], trial: Any) -> Mapping[str, float]:
    """Return the metrics immediately."""
    return METRICS


def sleep(params: Mapping[str, Any], trial: Any) -> Mapping[str, float]:
    """Return the metrics after a number of seconds."""
    time.sleep(params["seconds"])
    return METRICS


def fail(params: Mapping[str, Any], trial: Any) -> Mapping[str, float]:
    """Raise an error."""
    raise RuntimeError("the model has diverged")


def vanish(params: Mapping[str, Any], trial: Any) -> Mapping[str, float]:
    """End the process without a result."""
    os._exit(3)


def take_memory(params: Mapping[str, Any], trial: Any) -> Mapping[str, float]:
    """Occupy a number of megabytes for a minute."""
    memory = bytearray(params["mb"] * 2**20)
    time.sleep(60)
    return {"score": len(memory)}


def record_resources(params: Mapping[str, Any], trial: Any) -> Mapping[str, float]:
    """Write the job's GPU, node, start, end and Slurm step to `resources.json`."""
    resources = {"gpu": os.environ.get("CUDA_VISIBLE_DEVICES"), "node": os.environ["SLURMD_NODENAME"]}
    step = f"{os.environ['SLURM_JOB_ID']}.{os.environ['SLURM_STEP_ID']}"
    resources["step"] = subprocess.check_output(["scontrol", "show", "step", step], text=True)
    begin = time.time()
    time.sleep(params["seconds"])
    (trial.folder / "resources.json").write_text(
        json.dumps({**resources, "begin": begin, "end": time.time()})
    )
    return METRICS
