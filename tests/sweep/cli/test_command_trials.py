"""Studies whose trials are commands or objective functions of Optuna, run by the local executor."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweep.storage.study_data import StudyData
from sweep.storage.study_reader import study_data
from tests.sweep.cli.conftest import CommandResult
from tests.sweep.cli.test_launch import sweep_process

pytestmark = pytest.mark.slow

SCRIPT = """
import argparse, csv, os, pathlib, signal, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--lr", type=float)
parser.add_argument("--batch-size", type=int)
parser.add_argument("--model.width", type=int, dest="width")
parser.add_argument("--state", type=pathlib.Path)
parser.add_argument("--fault", default="")
options = parser.parse_args()
assert options.width and options.batch_size

state = options.state / "epoch"
done = int(state.read_text()) if state.exists() else 0
for epoch in range(done + 1, options.epochs + 1):
    print(f"Epoch {epoch}/{options.epochs}")
    print(f"loss: 0.5, val_acc={options.lr * epoch}")
    with open("ledger.txt", "a") as ledger:
        ledger.write(f"{os.environ['SWEEP_TRIAL']} {epoch} {os.getpid()} {options.lr}\\n")
    state.write_text(str(epoch))
    if options.fault == "exit":
        sys.exit("the data is missing")
    if options.fault == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    if options.fault == "kill once" and not done and epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if options.fault == "wait if bad" and options.lr < 0.5 and epoch == 2:
        print("Epoch 3", flush=True)
        time.sleep(300)
"""
STUDY = r"""
name: cmd
command: python main.py --epochs {epochs} --lr {lr} --state {checkpoint_dir} {args}
env: {RUN_NAME: "{study}-{trial}"}
metrics:
  stdout: {epoch: 'Epoch (\d+)', val_acc: 'val_acc[=:]\s*(\S+)'}
metric: val_acc
direction: maximize
trials: 3
parallel: 2
space:
  lr: {type: float, low: 0.1, high: 1.0}
  batch-size: {type: categorical, choices: [16, 32]}
  model.width: {type: int, low: 8, high: 64, log: true}
fixed: {epochs: 3, fault: none}
working_dir: project
"""


@pytest.fixture
def study(workplace: Path) -> Path:
    (workplace / "main.py").write_text(SCRIPT)
    (workplace / "studies" / "cmd.yaml").write_text(STUDY)
    return workplace


def launch(*overrides: str) -> CommandResult:
    options = [word for override in overrides for word in ("--set", override)]
    return sweep_process("launch", "--study", "cmd", *options)


def causes(data: StudyData) -> list[tuple[int, str, str | None]]:
    rows = data.attempts.to_dict("records")
    return [
        (row["attempt"], row["state"], row["cause"] if row["state"] == "failed" else None) for row in rows
    ]


def test_script_with_argparse_is_searched(study: Path) -> None:
    result = launch("space.model.width.low=16", "space.batch-size.choices=[64, 128]")
    assert result.code == 0, result.err
    data = study_data("cmd")
    assert data.trials["state"].tolist() == ["complete"] * 3
    assert data.trials["value"].tolist() == pytest.approx((data.trials["param_lr"] * 3).tolist())
    assert data.trials["param_model.width"].min() >= 16
    assert set(data.trials["param_batch-size"]) <= {64, 128}
    assert data.epochs["epoch"].tolist() == [1, 2, 3] * 3
    log = sweep_process("logs", "--study", "cmd", "--trial", "1").out.splitlines()
    assert log[0].startswith("+ python main.py --epochs 3 --lr 0.")
    assert log[-1].startswith("loss: 0.5, val_acc=")
    assert sweep_process("status", "--study", "cmd").code == 0
    report = sweep_process("report", "--study", "cmd")
    assert report.code == 0, report.err
    document = json.loads((study / "report" / "cmd" / "report.json").read_text())
    assert set(document["best"]["params"]) == {"lr", "batch-size", "model.width"}
    assert "param_model.width" in (study / "report" / "cmd" / "trials.csv").read_text().splitlines()[0]
    reproduced = sweep_process("reproduce", "--study", "cmd", "--trial", "1")
    assert "identical to the last bit over 3 epochs: val_acc" in reproduced.out, reproduced.err
    evaluation = sweep_process("evaluate", "--study", "cmd")
    assert evaluation.code == 2
    assert "trains with a command, and has no `evaluate` function" in evaluation.err


def test_dry_run_of_a_command(study: Path) -> None:
    result = sweep_process("launch", "--study", "cmd", "--dry-run", "--set", "dry_run.params={epochs: 1}")
    assert "study cmd-dryrun: 2 complete" in result.out, result.err
    assert [line.split()[1] for line in (study / "ledger.txt").read_text().splitlines()] == ["1", "1"]


def test_command_is_pruned(study: Path) -> None:
    points = "[" + ", ".join(f"{{lr: {lr}, batch-size: 16, model.width: 8}}" for lr in (0.9, 0.8, 0.2)) + "]"
    result = launch(
        f"enqueue={points}",
        "parallel=1",
        "fixed.fault=wait if bad",
        "pruner={name: median, startup_trials: 1, warmup_epochs: 1}",
    )
    assert result.code == 0, result.err
    data = study_data("cmd")
    assert data.trials["state"].tolist() == ["complete", "complete", "pruned"]
    pid = int((study / "ledger.txt").read_text().splitlines()[-1].split()[2])
    assert not Path(f"/proc/{pid}").exists()


def test_killed_command_continues_from_its_checkpoint(study: Path) -> None:
    result = launch("trials=1", "fixed.fault=kill once")
    assert result.code == 0, result.err
    data = study_data("cmd")
    assert causes(data) == [(1, "failed", "lost"), (2, "complete", None)]
    ledger = [line.split()[1] for line in (study / "ledger.txt").read_text().splitlines()]
    assert ledger == ["1", "2", "3"]
    assert data.epochs["epoch"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("exit", "the command ended with exit code 1: the data is missing"),
        ("signal", "the command was ended by signal SIGSEGV (Segmentation fault)"),
    ],
)
def test_failed_command_is_recorded_with_its_error(study: Path, fault: str, error: str) -> None:
    result = launch("trials=1", f"fixed.fault={fault}")
    data = study_data("cmd")
    assert causes(data) == [(1, "failed", "error")]
    assert error in data.attempts["error"][0]
    assert error in result.out + result.err


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("command=python mian.py {args}", "the command names the script mian.py, but "),
        (
            "command=no-such-program {args}",
            "the command names the program no-such-program, but there is none",
        ),
        ("command=./main.py {args}", "the command names the program ./main.py, but there is none in "),
    ],
)
def test_missing_program_is_found_before_the_first_trial(study: Path, override: str, message: str) -> None:
    result = launch(override)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_unused_hyperparameters_are_logged(study: Path) -> None:
    result = launch("command=python main.py --lr {lr}", "trials=1")
    assert "contains neither {args} nor the hyperparameters batch-size, model.width, epochs" in result.err


def test_launcher_that_is_killed_continues_with_its_commands(study: Path) -> None:
    options = ["--set", "fixed.epochs=4", "--set", "trials=2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sweep", "launch", "--study", "cmd", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (study / "ledger.txt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    result = sweep_process("launch", "--study", "cmd", *options, "--wait")
    assert result.code == 0, result.err
    epochs = [tuple(line.split()[:2]) for line in (study / "ledger.txt").read_text().splitlines()]
    assert sorted(epochs) == [(trial, epoch) for trial in "01" for epoch in "1234"]


OBJECTIVE = """
import optuna

def objective(trial):
    lr = trial.suggest_float("lr", 0.1, 1.0)
    width = trial.suggest_int("model.width", 8, 64, log=True)
    act = trial.suggest_categorical("act", ["relu", "gelu"])
    for step in range(3):
        trial.report(lr * step, step)
        if trial.should_prune():
            raise optuna.TrialPruned()
    trial.set_user_attr("width", width)
    return lr * step
"""


def test_objective_of_optuna_is_searched(workplace: Path) -> None:
    (workplace / "tune.py").write_text(OBJECTIVE)
    (workplace / "studies" / "cmd.yaml").write_text(
        "name: cmd\nobjective: tune:objective\nmetric: accuracy\ndirection: maximize\ntrials: 3\n"
        "space:\n  lr: {type: float, low: 0.1, high: 1.0}\n"
        "  model.width: {type: int, low: 8, high: 64, log: true}\n"
        "  act: {type: categorical, choices: [relu, gelu]}\n"
    )
    result = launch()
    assert result.code == 0, result.err
    data = study_data("cmd")
    assert data.trials["state"].tolist() == ["complete"] * 3
    assert data.trials["value"].tolist() == pytest.approx((data.trials["param_lr"] * 2).tolist())
    assert data.epochs["epoch"].tolist() == [1, 2, 3] * 3
    other = launch("space.lr.low=0.2", "name=other", "trials=1")
    assert "differ in 'lr': low is 0.1 in the function, and 0.2 in the file" in other.err + other.out
