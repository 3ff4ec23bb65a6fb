"""Fixtures shared by all tests."""

import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# A shell makes its background jobs and their children ignore SIGINT, which some tests send to a launcher.
signal.signal(signal.SIGINT, signal.default_int_handler)

MODEL = '''
"""A train function whose parameters control its duration, its memory and its faults."""

import os
import sys
import time
from pathlib import Path


def train(params, trial):
    resume = trial.checkpoint_dir / "epoch"
    done = int(resume.read_text()) if resume.exists() else 0
    for epoch in range(done + 1, params.get("epochs", 3) + 1):
        while epoch == params.get("hold") and not any((at / "go").exists() for at in (Path(), trial.folder)):
            time.sleep(0.05)
        if params.get("mb", 0) > int(os.environ.get("SLURM_MEM_PER_NODE", sys.maxsize)):
            excess = bytearray(params["mb"] << 20)
            time.sleep(120)
        with open(Path(params["ledger"]), "a") as ledger:
            ledger.write(f"{trial.seed} {epoch} {os.getpid()}\\n")
        time.sleep(params.get("epoch_s", 0.0))
        trial.report(epoch, {"score": params["x"] * epoch})
        resume.write_text(str(epoch))
        match params.get("fault"):
            case "raise":
                raise RuntimeError("the model has diverged")
            case "vanish":
                os._exit(7)
            case "vanish once" if not done:
                os._exit(7)
            case "exit":
                sys.exit(0)
            case "nan":
                return {"score": float("nan")}
            case "no metric":
                return {"other": 1.0}
    trial.note("data_sha256", "abc")
    return {"score": params["x"] * params.get("epochs", 3), "size": 10}


def prepare(dataset, data_dir):
    if dataset == "missing":
        raise FileNotFoundError("no such data; run: get it")
    return f"checksum of {dataset}"


not_a_function = 3
'''

STUDY = """
name: toy
train: toy_model:train
metric: score
direction: maximize
trials: 4
parallel: 2
space:
  x: {type: float, low: 0.0, high: 1.0}
fixed: {ledger: ledger.txt}
working_dir: project               # the trials share the ledger
"""

CLUSTER = """
default: local
profiles:
  local: {executor: local, poll_seconds: 0.1}
  inline: {executor: inline, poll_seconds: 0.01}
  slurm: {executor: slurm, timeout_min: 60, cpus_per_task: 2, gres: "gpu:1", partition: gpu}
"""


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    """Remove the handler that a command adds to the logger of `sweep`; its stream is closed by then."""
    logger = logging.getLogger("sweep")
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into a folder with a model, a study and a cluster file; its name has a space and a quote."""
    folder = tmp_path / "it's a place"
    (folder / "studies").mkdir(parents=True)
    (folder / "toy_model.py").write_text(MODEL)
    (folder / "studies" / "toy.yaml").write_text(STUDY)
    (folder / "cluster.yaml").write_text(CLUSTER)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "toy_model", raising=False)
    for variable in ("SWEEP_STORAGE", "SWEEP_CLUSTER_FILE"):
        monkeypatch.delenv(variable, raising=False)
    return folder
