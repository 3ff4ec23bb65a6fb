"""The probe of `sweep doctor`: a train function that examines its node instead of training."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweep.worker.atomic_file import write_atomically
from sweep.worker.trial import Trial

METRIC = "finished"
COUNTER = "counter.json"
FINDINGS = "findings.json"
CHECK_TIMEOUT_S = 300
REPLACE_FILE_S = 30.0  # how long the counter is replaced, unless the doctor creates the stop file before
PADDING = "x" * 50_000  # a network file system needs several writes for it

# Each script runs in a process of its own, because the code that it imports may end the process.
IMPORT_LOADER = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv.pop(1))  # the folder of this package, which the user may have a file for as well
from sweep.worker.train_function import load_function
del sys.path[0]
"""
IMPORT = f"""{IMPORT_LOADER}
load_function(sys.argv[1], os.getcwd())
"""
CHECK_NODE = f"""{IMPORT_LOADER}
text = load_function(sys.argv[1], os.getcwd())(int(sys.argv[2]))
Path(sys.argv[3]).write_text(str(text), encoding="utf-8")
"""
OWN_PATH = str(Path(__file__).resolve().parents[2])


def probe(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """Examine the node and write the findings to `findings.json` in the trial's folder.

    Args:
        params: `shared_file`, a file that the doctor has written; `stop_file`, which the doctor creates when
            it has observed enough replacements of `counter.json`; `num_gpus`, the number of GPUs of the job;
            and the dotted paths `train` and `check_node`, which may be None.
        trial: The trial.
    """
    findings: dict[str, Any] = {
        "shared_text": _read(Path(params["shared_file"])),
        "train_error": _import_error(params["train"]) if params["train"] else None,
        "node_check": None,
    }
    if params["check_node"]:
        findings["node_check"] = _check_node(params["check_node"], params["num_gpus"], trial.folder)
    end, count = time.monotonic() + REPLACE_FILE_S, 0
    while time.monotonic() < end and not Path(params["stop_file"]).exists():
        count += 1
        content = {"count": count, "written_at": time.time(), "padding": PADDING}
        write_atomically(trial.folder / COUNTER, json.dumps(content))
        time.sleep(0.01)
    write_atomically(trial.folder / FINDINGS, json.dumps(findings))
    return {METRIC: 1.0}


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _import_error(path: str) -> str | None:
    """Return the last line of the error that importing a function raises; None if it can be imported."""
    return _run(IMPORT, path)


def _check_node(path: str, num_gpus: int, folder: Path) -> dict[str, str]:
    """Call the study's `check_node`, and return {"text": its text} or {"error": the error's last line}."""
    reply = folder / "node_check.txt"
    error = _run(CHECK_NODE, path, str(num_gpus), str(reply))
    return {"text": reply.read_text(encoding="utf-8")} if error is None else {"error": error}


def _run(code: str, *arguments: str) -> str | None:
    """Run Python code in a process of its own; return the last line of its stderr if it fails."""
    command = [sys.executable, "-c", code, OWN_PATH, *arguments]
    try:
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=CHECK_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {CHECK_TIMEOUT_S} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the process ended with exit code {done.returncode} and printed nothing"
