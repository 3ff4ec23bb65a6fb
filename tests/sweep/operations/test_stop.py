"""`sweep stop` and `sweep retry` in processes of their own, on one machine."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.storage.database import connect, parse_url
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.study_data import StudyData
from sweep.storage.study_reader import read_study
from tests.sweep.launcher.test_crash import run_and_kill

pytestmark = pytest.mark.slow

URL = parse_url("sqlite:///sweep.db")
NUM_EPOCHS, HOLD = 4, 3  # a trial waits before epoch HOLD until there is a file "go"
LAUNCH = ["launch", "--study", "toy", "--trials", "2", "--set", f"fixed.epochs={NUM_EPOCHS}",
          "--set", f"fixed.hold={HOLD}"]  # fmt: skip


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sweep", *arguments], capture_output=True, text=True, timeout=120
    )


def read() -> StudyData:
    engine = connect(URL)
    data = read_study(engine, URL, "toy")
    engine.dispose()
    return data


def are_held(workplace: Path) -> bool:
    """Return whether both trials have saved the last epoch before HOLD."""
    checkpoints = list(workplace.glob("sweeps/toy/*/attempt-1-*/checkpoints/epoch"))
    return [file.read_text() for file in checkpoints] == [str(HOLD - 1)] * 2


@pytest.fixture
def launcher(workplace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running launcher with two running trials."""
    launcher = subprocess.Popen(
        [sys.executable, "-m", "sweep", *LAUNCH], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not are_held(workplace):
        assert time.monotonic() < deadline
        assert launcher.poll() is None
        time.sleep(0.05)
    yield launcher
    if launcher.poll() is None:
        launcher.kill()
    launcher.wait()


def check_both_are_cancelled() -> None:
    attempts = read().attempts
    assert attempts["state"].tolist() == ["failed"] * 2
    assert attempts["cause"].tolist() == ["cancelled"] * 2


def test_running_launcher_cancels_the_jobs(launcher: subprocess.Popen[bytes]) -> None:
    done = sweep("stop", "--study", "toy", "--cancel-jobs")
    assert done.returncode == 0, done.stderr
    assert f"the running launcher (process {launcher.pid} on " in done.stdout
    assert "sweep retry --study toy --failed" in done.stdout
    assert launcher.wait(timeout=60) == 0
    check_both_are_cancelled()


def test_jobs_are_cancelled_without_a_launcher_and_retried_by_the_next_launch(
    workplace: Path, launcher: subprocess.Popen[bytes]
) -> None:
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    done = sweep("stop", "--study", "toy", "--cancel-jobs")
    assert done.returncode == 0, done.stderr
    assert "study toy: 2 failed" in done.stdout
    check_both_are_cancelled()
    trained = (workplace / "ledger.txt").read_text()
    retried = sweep("retry", "--study", "toy", "--failed")
    assert retried.stdout.splitlines() == [
        "to be retried: trial 0, trial 1", "the next launch starts them: sweep launch --study toy",
    ]  # fmt: skip
    assert (workplace / "ledger.txt").read_text() == trained  # no trial is trained before the launch
    (workplace / "go").touch()
    again = sweep(*LAUNCH)
    assert again.returncode == 0, again.stderr
    data = read()
    assert data.trials["state"].tolist() == ["complete"] * 2
    assert data.trials["num_attempts"].tolist() == [2, 2]
    check_each_epoch_was_trained_once(workplace)


def check_each_epoch_was_trained_once(workplace: Path) -> None:
    lines = (line.split() for line in (workplace / "ledger.txt").read_text().splitlines())
    trained = sorted((int(seed), int(epoch)) for seed, epoch, _ in lines)
    assert trained == [(seed, epoch) for seed in (0, 1) for epoch in range(1, NUM_EPOCHS + 1)]


STOPPING = [
    ("sweep.scheduler.factory", "LocalExecutor", "cancel", "before"),
    ("sweep.scheduler.factory", "LocalExecutor", "cancel", "after"),
    ("sweep.launcher.proposals", "Proposals", "tell", "after"),
]
RETRYING = [
    ("sweep.launcher.proposals", "Proposals", "reread", "after"),
    ("sweep.storage.study_records", "StudyRecords", "reopen", "after"),
    ("sweep.scheduler.factory", "LocalExecutor", "submit", "after"),
]


@pytest.mark.parametrize(
    "moments",
    list(zip(STOPPING, RETRYING, strict=True)),
    ids=lambda pair: " ".join(pair[0][2:] + pair[1][2:]),
)
def test_stop_and_retry_survive_kills(
    workplace: Path,
    launcher: subprocess.Popen[bytes],
    moments: tuple[tuple[str, str, str, str], tuple[str, str, str, str]],
) -> None:
    """The command that stops the study is killed first, then the launch that retries its trials."""
    launcher.kill()
    launcher.wait()
    run_and_kill(moments[0], "stop", "--study", "toy", "--cancel-jobs", timeout=120)
    assert sweep("stop", "--study", "toy", "--cancel-jobs").returncode == 0
    check_both_are_cancelled()
    sweep("retry", "--study", "toy", "--failed")
    (workplace / "go").touch()
    run_and_kill(moments[1], *LAUNCH, timeout=120)
    assert sweep(*LAUNCH).returncode == 0
    data = read()
    assert data.trials["state"].tolist() == ["complete"] * 2
    assert data.attempts["state"].tolist() == ["failed", "complete"] * 2
    assert data.epochs.groupby("number").size().tolist() == [NUM_EPOCHS] * 2
    with optuna_storage(URL) as storage:
        trials = storage.get_all_trials(storage.get_study_id_from_name("toy"))
    assert [trial.value for trial in trials] == data.trials["value"].tolist()
    check_each_epoch_was_trained_once(workplace)


def test_stop_and_retry_of_an_idle_study_report_that_nothing_is_to_be_done(workplace: Path) -> None:
    assert sweep("launch", "--study", "toy", "--cluster", "inline").returncode == 0
    done = sweep("stop", "--study", "toy")
    assert done.stdout.splitlines() == [
        "no launcher is running: no more trials are proposed, and submitted jobs continue",
        "to cancel the jobs: sweep stop --study toy --cancel-jobs",
        "to continue the study: sweep launch --study toy",
    ]
    assert sweep("stop", "--study", "toy", "--cancel-jobs").returncode == 0
    assert read().trials["state"].tolist() == ["complete"] * 4
    assert sweep("retry", "--study", "toy", "--failed").stdout == "study toy has no failed trials\n"
    rejected = sweep("retry", "--study", "toy", "--trial", "0")
    assert (rejected.returncode, rejected.stderr) == (
        2, "error: trial 0 of study toy is complete; only failed trials can be retried\n",
    )  # fmt: skip
