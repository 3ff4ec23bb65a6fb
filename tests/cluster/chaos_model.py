"""The model of the chaos test: epochs of a chosen duration, a checkpoint after each one, and a ledger.

The test copies this file into the working directory of its study.
"""

import os
import time
from pathlib import Path


def train(params, trial):
    """Train the epochs after the last checkpoint, and report the score and the attempt's number."""
    attempt = int(trial.folder.parent.name.split("-")[1])
    checkpoint = trial.checkpoint_dir / "epoch"
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    for epoch in range(done + 1, params["epochs"] + 1):
        record(params, trial, attempt, "begin", epoch)
        time.sleep(params["epoch_s"])
        trial.report(epoch, {"score": params["x"] * epoch, "attempt": attempt})
        save(checkpoint, str(epoch))
        record(params, trial, attempt, "saved", epoch)
    return {"score": params["x"] * params["epochs"], "attempt": attempt}


def record(params, trial, attempt, event, epoch):
    """Append a line to the ledger, which is not on the disk that becomes full, with one write."""
    line = f"{trial.seed} {attempt} {event} {epoch} {time.time()}\n"
    file = os.open(params["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def save(checkpoint: Path, content: str) -> None:
    """Replace the checkpoint in one step, so that a full disk or a kill leaves the previous one."""
    temporary = checkpoint.with_name("epoch.tmp")
    temporary.write_text(content)
    temporary.replace(checkpoint)
