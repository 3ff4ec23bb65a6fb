"""Tests that training killed with SIGKILL reaches the same metrics as uninterrupted training."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# The script trains with a trial that is stored in files. It kills itself at the given moment: after an epoch
# is reported, or after the checkpoint of an epoch is written.
TRAINING = """
import json, os, signal, sys
from pathlib import Path
from types import SimpleNamespace

from capsmodel.training import epochs
from capsmodel.train import train

folder, moment, last_epoch = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
lines = folder / "metrics.jsonl"
(folder / "checkpoints").mkdir(exist_ok=True)
recorded = dict(json.loads(line) for line in lines.read_text().splitlines()) if lines.exists() else {}
NOT_COMPARED = ("epoch_seconds", "images_per_second", "epochs_trained")

def kill_at(event, epoch):
    if (event, epoch) == (moment, last_epoch):
        os.kill(os.getpid(), signal.SIGKILL)

def report(epoch, metrics):
    values = {name: value.hex() for name, value in metrics.items() if name not in NOT_COMPARED}
    assert recorded.setdefault(epoch, values) == values, f"epoch {epoch} has different metrics"
    with lines.open("a") as file:
        file.write(json.dumps([epoch, values]) + "\\n")
    kill_at("reported", epoch)

def save_checkpoint(path, history, arrays, save=epochs.save_checkpoint):
    save(path, history, arrays)
    kill_at("saved", len(history))

epochs.save_checkpoint = save_checkpoint
trial = SimpleNamespace(folder=folder, checkpoint_dir=folder / "checkpoints", seed=7, dataset="digits",
                        data_dir=None, report=report, note=lambda *_: None)
params = {"conv_filters": 8, "primary_channels": 2, "decoder_widths": [16], "epochs": 4, "batch_size": 32,
          "num_samples": 80, "augmentation": "shift+cutout", "decoder_dropout": 0.2, "precision": "float32"}
train(params, trial)
"""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")


def run(folder: Path, moment: str = "never", epoch: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", TRAINING, str(folder), moment, str(epoch)],
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == (0 if moment == "never" else -signal.SIGKILL), done.stderr[-2000:]


def reported(folder: Path) -> list[list[object]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow",
    reason="starts five processes, which one backend is enough for",
)
@pytest.mark.timeout(900)
def test_killed_training_reaches_same_metrics_bit_for_bit(tmp_path: Path) -> None:
    """Test the metrics of training that is killed twice after a report and once after a checkpoint.

    Each process also checks that an epoch that is trained again has the same metrics.
    """
    uninterrupted, killed = tmp_path / "uninterrupted", tmp_path / "killed"
    run(uninterrupted)
    assert [epoch for epoch, _ in reported(uninterrupted)] == [1, 2, 3, 4]

    run(killed, "reported", 1)  # killed before the checkpoint, so the epoch is trained again
    run(killed, "saved", 2)
    newest = max((killed / "checkpoints").glob("*.npz"))
    newest.write_bytes(newest.read_bytes()[:-1000])  # truncated, so the previous checkpoint is loaded
    run(killed, "reported", 3)
    run(killed)
    assert [epoch for epoch, _ in reported(killed)] == [1, 1, 2, 2, 3, 3, 4]
    assert dict(reported(killed)) == dict(reported(uninterrupted))
