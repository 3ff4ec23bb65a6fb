"""`sweep stop` and `sweep retry` as a person uses them: real processes, one machine."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.storage.database import connect, parse_url
from sweep.storage.reading import read_study
from sweep.storage.study_data import StudyData

NUM_EPOCHS = 60
LAUNCH = ["launch", "--study", "toy", "--trials", "2", "--set", f"fixed.epochs={NUM_EPOCHS}",
          "--set", "fixed.epoch_s=0.1"]  # fmt: skip


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sweep", *arguments], capture_output=True, text=True, timeout=120
    )


def read() -> StudyData:
    url = parse_url("sqlite:///sweep.db")
    engine = connect(url)
    data = read_study(engine, url, "toy")
    engine.dispose()
    return data


@pytest.fixture
def launcher(workplace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A launcher at work, whose two trials are at it."""
    launcher = subprocess.Popen(
        [sys.executable, "-m", "sweep", *LAUNCH], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    ledger, deadline = workplace / "ledger.txt", time.monotonic() + 60
    while not ledger.exists() or len({line.split()[0] for line in ledger.read_text().splitlines()}) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield launcher
    if launcher.poll() is None:
        launcher.kill()
    launcher.wait()


def check_both_are_cancelled() -> None:
    attempts = read().attempts
    assert attempts["state"].tolist() == ["failed"] * 2
    assert attempts["cause"].tolist() == ["cancelled"] * 2


def test_by_the_launcher_at_work(launcher: subprocess.Popen[bytes]) -> None:
    done = sweep("stop", "--study", "toy", "--cancel-jobs")
    assert done.returncode == 0, done.stderr
    assert f"the launcher at work, process {launcher.pid} on " in done.stdout
    assert "sweep retry --study toy --failed" in done.stdout
    assert launcher.wait(timeout=60) == 0
    check_both_are_cancelled()


def test_in_the_place_of_a_launcher_and_then_on_again(
    workplace: Path, launcher: subprocess.Popen[bytes]
) -> None:
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    done = sweep("stop", "--study", "toy", "--cancel-jobs")
    assert done.returncode == 0, done.stderr
    assert "study toy: 2 failed" in done.stdout
    check_both_are_cancelled()
    trained = (workplace / "ledger.txt").read_text()
    asked = sweep("retry", "--study", "toy", "--failed")
    assert asked.stdout.splitlines() == [
        "to be tried again: trial 0, trial 1", "they begin with the next launch: sweep launch --study toy",
    ]  # fmt: skip
    assert (workplace / "ledger.txt").read_text() == trained  # nobody trains meanwhile
    again = sweep(*LAUNCH)
    assert again.returncode == 0, again.stderr
    data = read()
    assert data.trials["state"].tolist() == ["complete"] * 2
    assert data.trials["num_attempts"].tolist() == [2, 2]
    epochs = Counter(tuple(line.split()[:2]) for line in (workplace / "ledger.txt").read_text().splitlines())
    assert len(epochs) == 2 * NUM_EPOCHS
    assert epochs.total() <= 2 * NUM_EPOCHS + 2  # at most the epoch that was broken off is trained anew


def test_to_stop_and_to_retry_where_there_is_nothing_to_do(workplace: Path) -> None:
    assert sweep("launch", "--study", "toy", "--cluster", "inline").returncode == 0
    done = sweep("stop", "--study", "toy")
    assert done.stdout.splitlines() == [
        "no launcher is at work: no trial is proposed, and jobs that are there go on",
        "to cancel them: sweep stop --study toy --cancel-jobs",
        "to go on with the study: sweep launch --study toy",
    ]
    assert sweep("stop", "--study", "toy", "--cancel-jobs").returncode == 0
    assert read().trials["state"].tolist() == ["complete"] * 4
    assert sweep("retry", "--study", "toy", "--failed").stdout == "study toy has no failed trial\n"
    mistake = sweep("retry", "--study", "toy", "--trial", "0")
    assert (mistake.returncode, mistake.stderr) == (
        2, "error: trial 0 of study toy is completed; only a failed trial is tried again\n",
    )  # fmt: skip
