"""What the doctor's job does on a node: a train function that looks around instead of training."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweep.worker.atomic_file import write_atomically
from sweep.worker.trial import Trial

METRIC = "looked"
COUNTER = "counter.json"
SEEN = "seen.json"
IMPORT_TIMEOUT_S = 300
RENAMES_S = 30.0  # for how long a file is renamed over and over, until the doctor has seen enough
FILLER = "x" * 50_000  # more than one write of a network file system
TENSORFLOW = """
import json, tensorflow
gpus = [device.name for device in tensorflow.config.list_physical_devices("GPU")]
print(json.dumps({"version": tensorflow.__version__, "gpus": gpus}))
"""


def look_around(params: Mapping[str, Any], trial: Trial) -> dict[str, float]:
    """Read the doctor's file, rename one under its eyes, try the train function and the GPU if asked to."""
    seen = {
        "letter": _read(Path(params["letter"])),
        "train": _why_not_imported(params["train"]) if params["train"] else None,
        "tensorflow": _tensorflow() if params["asks_gpu"] else None,
    }
    end, count = time.monotonic() + RENAMES_S, 0
    while time.monotonic() < end and not Path(params["enough"]).exists():
        count += 1
        page = {"count": count, "written_at": time.time(), "filler": FILLER}
        write_atomically(trial.folder / COUNTER, json.dumps(page))
        time.sleep(0.01)
    write_atomically(trial.folder / SEEN, json.dumps(seen))
    return {METRIC: 1.0}


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _why_not_imported(train: str) -> str | None:
    """In a process of its own, where it may end as it likes; None when it imports."""
    command = [sys.executable, "-c", "import sys; from sweep.worker.run import load_function; "
               "sys.path.insert(0, '.'); load_function(sys.argv[1])", train]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_TIMEOUT_S)
    return None if done.returncode == 0 else _last_line(done.stderr)


def _tensorflow() -> dict[str, Any]:
    """TensorFlow's version and the GPUs it sees, or the last line of why it sees nothing; from a process
    of its own, which may end as it likes."""
    command = [sys.executable, "-c", TENSORFLOW]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_TIMEOUT_S)
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except subprocess.TimeoutExpired:
        return {"error": f"it did not start in {IMPORT_TIMEOUT_S} s"}
    except (IndexError, ValueError):
        return {"error": _last_line(done.stderr)}


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
