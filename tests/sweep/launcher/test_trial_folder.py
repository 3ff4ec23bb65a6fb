"""What the launcher records if the files of a trial are not as a worker writes them."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from sweep.states import JobState
from sweep.worker.documents import EpochReport
from sweep.worker.regular_file import UnusableFileError, read_regular
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow

ONE_TRIAL = ("parallel=1", "trials=1", "failures.retries={lost: 0, error: 0}")


def start_trial(harness: LauncherHarness, executor: FakeExecutor) -> str:
    """Start a trial and return the token of its attempt."""
    harness.launch(*ONE_TRIAL)
    harness.step()
    executor.begin("1", at=harness.clock.now())
    return executor.attempt("1").read_spec().token


def valid_result(token: str, **changes: object) -> dict[str, object]:
    return {
        "token": token, "outcome": "complete", "ended_at": 160.0, "metrics": {"score": 1.0},
        "cause": None, "error": None, "notes": {}, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"metrics": {"score": [1, 2]}}, "metric 'score' must be a number, but is [1, 2]"),
        ({"metrics": None}, "metrics must be an object, but is null"),
        (
            {"metrics": {"other": 1.0}},
            "the study's metric is 'score', but the train function returned ['other']",
        ),
        ({"metrics": {"score": float("nan")}}, "the study's metric 'score' is nan"),
        ({"metrics": {"score": 1.0, "": 2.0}}, "the name of a metric must have 1 to at most 128 characters"),
        ({"metrics": {"score": 1.0, "a ": 2.0}}, "the name of a metric must not begin or end with spaces"),
        ({"outcome": "done"}, 'outcome must be one of complete, pruned, failed, superseded, but is "done"'),
        ({"ended_at": 1e20}, "ended_at must be seconds since 1970 until 2100, but is 1e+20"),
        ({"ended_at": "now"}, 'ended_at must be a number, but is "now"'),
        ({"token": 3}, "token must be text, but is 3"),
    ],
)
def test_trial_with_an_invalid_result_fails_with_the_reason(
    harness: LauncherHarness, executor: FakeExecutor, changes: dict[str, object], problem: str
) -> None:
    token = start_trial(harness, executor)
    executor.attempt("1").result.write_text(json.dumps({**valid_result(token), **changes}))
    executor.state["1"] = JobState.COMPLETE
    assert harness.step() == 0
    assert harness.attempts() == [(0, 1, "failed", "error")]
    assert problem in harness.read().trials["error"][0]
    assert harness.read().trials["error"][0].startswith("result.json is not valid: ")


def test_missing_key_of_a_result_is_named(harness: LauncherHarness, executor: FakeExecutor) -> None:
    token = start_trial(harness, executor)
    result = valid_result(token)
    del result["metrics"]
    executor.attempt("1").result.write_text(json.dumps(result))
    harness.step()
    assert harness.read().trials["error"][0] == "result.json is not valid: it has no metrics"


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "huge"])
def test_other_things_in_place_of_the_result_fail_the_trial(
    harness: LauncherHarness, executor: FakeExecutor, tmp_path: Path, kind: str
) -> None:
    token = start_trial(harness, executor)
    result = executor.attempt("1").result
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps(valid_result(token)))
    match kind:
        case "folder":
            result.mkdir()
        case "pipe":
            os.mkfifo(result)
        case "link":
            result.symlink_to(outside)
        case "huge":
            result.write_bytes(bytes(5_000_000))
    harness.step()
    assert harness.attempts() == [(0, 1, "failed", "error")]
    assert "result.json is not valid: it " in harness.read().trials["error"][0]


def test_damaged_result_counts_as_missing_until_the_job_has_ended(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    start_trial(harness, executor)
    executor.attempt("1").result.write_text('{"token": "ab')
    assert harness.step() == 1
    executor.state["1"] = JobState.COMPLETE
    assert harness.step() == 0
    assert harness.attempts() == [(0, 1, "failed", "lost")]
    assert harness.read().trials["error"][0] == "result.json is not valid: it is not JSON (JSONDecodeError)"


def test_first_report_of_an_epoch_is_recorded(harness: LauncherHarness, executor: FakeExecutor) -> None:
    """Two processes of a trial report the same epochs: within one poll cycle, and in different ones."""
    start_trial(harness, executor)
    folder = executor.attempt("1")
    for epoch, score in ((2, 0.2), (1, 0.1), (1, 0.9), (2, 0.9)):
        folder.append_epoch(EpochReport(epoch, 100.0, {"score": score}))
    harness.step()
    folder.append_epoch(EpochReport(1, 101.0, {"score": 0.8, "other": 1.0}))
    folder.append_epoch(EpochReport(3, 101.0, {"score": 0.3, "Score": 0.4}))
    harness.step()
    epochs = harness.read().epochs
    assert epochs[["epoch", "score"]].to_dict("list") == {"epoch": [1, 2, 3], "score": [0.1, 0.2, 0.3]}
    assert "other" not in epochs


@pytest.mark.parametrize(
    "line",
    [
        '{"epoch": 1, "reported_at": 1e20, "metrics": {"score": 1}}',
        '{"epoch": 1, "reported_at": -1, "metrics": {"score": 1}}',
        '{"epoch": 1, "reported_at": NaN, "metrics": {"score": 1}}',
        '{"epoch": 1, "reported_at": 1, "metrics": {"score": [1]}}',
        '{"epoch": 1, "reported_at": 1, "metrics": {"score": true}}',
        '{"epoch": 2147483648, "reported_at": 1, "metrics": {"score": 1}}',
        '{"epoch": 0, "reported_at": 1, "metrics": {"score": 1}}',
        '{"epoch": true, "reported_at": 1, "metrics": {"score": 1}}',
        '{"epoch": 1, "reported_at": 1}',
        "[" * 100_000,
        '{"epoch": ' + "9" * 5000 + "}",
    ],
)
def test_invalid_lines_are_ignored(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    start_trial(harness, executor)
    with executor.attempt("1").metrics.open("a") as lines:
        lines.write(line + "\n")
    executor.report("1", 0.5, first=7)
    executor.end("1", at=harness.clock.now())
    harness.step()
    data = harness.read()
    assert (data.epochs["epoch"].tolist(), data.trials["state"].tolist()) == ([7], ["complete"])
    assert "ignored 1 damaged lines" in caplog.text


def read_in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one poll cycle read 1,000 bytes of `metrics.jsonl`, in lines of 200 bytes at most."""
    monkeypatch.setattr("sweep.worker.attempt_folder.MAX_READ_BYTES", 1000)
    monkeypatch.setattr("sweep.worker.attempt_folder.MAX_LINE_BYTES", 200)


def test_all_epochs_are_recorded_before_the_result_however_many_there_are(
    harness: LauncherHarness, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_in_small_pieces(monkeypatch)
    start_trial(harness, executor)
    executor.report("1", *[0.5] * 50)
    executor.end("1", at=harness.clock.now())
    assert harness.step() == 1
    for _ in range(10):
        harness.step()
    data = harness.read()
    assert data.epochs["epoch"].tolist() == list(range(1, 51))
    assert data.trials["state"].tolist() == ["complete"]


def test_line_without_an_end_is_skipped(
    harness: LauncherHarness, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_in_small_pieces(monkeypatch)
    start_trial(harness, executor)
    with executor.attempt("1").metrics.open("a") as lines:
        lines.write("x" * 2500 + "\n")
    executor.report("1", 0.5)
    for _ in range(5):
        harness.step()
    assert harness.read().epochs["epoch"].tolist() == [1]


def test_unusable_metrics_are_named_once(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    start_trial(harness, executor)
    os.mkfifo(executor.attempt("1").metrics)
    for _ in range(3):
        harness.step()
    assert caplog.text.count("metrics.jsonl is ignored, because it is not a regular file") == 1
    executor.end("1", at=harness.clock.now())
    harness.step()
    assert harness.states() == ["complete"]


def test_request_to_stop_that_cannot_be_written_does_not_stop_the_launcher(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    start_trial(harness, executor)
    executor.attempt("1").stop.mkdir()
    executor.state["1"] = JobState.GONE
    assert harness.step() == 0
    assert harness.attempts() == [(0, 1, "failed", "lost")]
    assert "the request to stop cannot be written" in caplog.text


@pytest.mark.parametrize(("started_at", "ended_at"), [(0.0, 4e9), (4e9, 0.0), (1e9, 1.0)])
def test_wrong_clock_of_a_node_does_not_spend_the_budget(
    harness: LauncherHarness, executor: FakeExecutor, started_at: float, ended_at: float
) -> None:
    harness.launch("parallel=1", "trials=2", "budget.gpu_hours=3")
    harness.step()
    folder = executor.attempt("1")
    token = folder.read_spec().token
    start = {
        "token": token, "started_at": started_at, "host": "n1", "pid": 1, "gpu": None, "python": "3",
        "packages": {},
    }  # fmt: skip
    folder.started.write_text(json.dumps(start))
    executor.state["1"] = JobState.RUNNING
    harness.step()
    folder.result.write_text(json.dumps(valid_result(token, ended_at=ended_at)))
    executor.state["1"] = JobState.COMPLETE
    harness.step()
    assert 0 <= harness.read().attempts["gpu_seconds"][0] < 2 * 3600
    assert len(executor.jobs) == 2


@pytest.mark.parametrize("kind", ["file", "link"])
def test_trial_whose_folder_was_replaced_fails(
    harness: LauncherHarness, executor: FakeExecutor, tmp_path: Path, kind: str
) -> None:
    """Its next attempt could not be created."""
    harness.launch("parallel=1", "trials=2", "failures.retries={lost: 1}")
    harness.step()
    trial = executor.attempt("1").path.parent
    shutil.rmtree(trial)
    if kind == "file":
        trial.write_text("")
    else:
        trial.symlink_to(tmp_path)
    executor.state["1"] = JobState.FAILED
    for _ in range(3):
        harness.step()
    error = harness.read().trials["error"][0]
    assert ("cannot be opened (Not a directory)" if kind == "file" else "is not a folder that can") in error
    assert harness.states() == ["failed", "running"]
    assert list(tmp_path.glob("attempt-*")) == []


def test_loss_of_all_access_is_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Kerberos ticket that has expired makes all files inaccessible."""
    file = tmp_path / "toy" / "00000" / "attempt-1-abc" / "result.json"
    file.parent.mkdir(parents=True)
    accessible = True

    def fail(path: str, flags: int, **options: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", fail)
    monkeypatch.setattr(os, "access", lambda path, mode: accessible)
    with pytest.raises(UnusableFileError, match="it cannot be opened \\(Permission denied\\)"):
        read_regular(file, 100)
    accessible = False
    with pytest.raises(PermissionError):
        read_regular(file, 100)
