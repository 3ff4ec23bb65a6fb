"""`track: {mlflow: URI}` with a real MLflow server: the runs of a study after faults of both sides."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from sweep.storage.study_reader import study_data
from tests.cluster import daemons
from tests.cluster.mlflow_server import MlflowServer
from tests.sweep.launcher.test_crash import run_and_kill

ARTIFACT = """
def train(params, trial):
    (trial.folder / "weights.bin").write_bytes(b"weights")
    (trial.folder / "passwd").symlink_to("/etc/passwd")
    for epoch in (1, 2, 3):
        trial.report(epoch, {"score": params["x"] * epoch, "größe @ 1": 5.0 * epoch})
    print("the log of", trial.seed)
    if trial.seed == 1:
        raise RuntimeError("the model has diverged")
    return {"score": params["x"], "size": float("nan")}
"""


@pytest.fixture(autouse=True)
def _quick_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make MLflow's client give up quickly."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")


def arguments(uri: str, study: str, *options: str) -> list[str]:
    """Return the arguments of a launch; the study's name distinguishes the tests on the server."""
    settings = [f"--set=name={study}", f"--set=track.mlflow={uri}"]
    return ["launch", "--study=toy", "--cluster=local", *settings, *options]


def launch(uri: str, study: str, *options: str) -> str:
    """Launch a study, wait until it is complete, and return its log."""
    command = [sys.executable, "-m", "sweep", *arguments(uri, study, *options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stderr


def runs_by_trial(server: MlflowServer, study: str) -> dict[int, Run]:
    """Return the runs of a study, after a check that no trial has two."""
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    numbers = [int(run.data.tags["sweep.trial"]) for run in runs]
    assert len(set(numbers)) == len(numbers)
    return dict(zip(numbers, runs, strict=True))


def history(server: MlflowServer, run: Run, metric: str) -> list[tuple[int, float]]:
    """Return the epochs and values of a metric of a run."""
    values = MlflowClient(server.uri).get_metric_history(run.info.run_id, metric)
    return sorted((value.step, value.value) for value in values)


def check_runs(server: MlflowServer, study: str) -> None:
    """Check that the runs contain what the database contains, once."""
    data = study_data(study)
    runs = runs_by_trial(server, study)
    assert set(runs) == set(data.trials["number"])
    for row in data.trials.itertuples():
        run = runs[row.number]
        epochs = data.epochs[data.epochs["number"] == row.number]
        expected = list(zip(epochs["epoch"], epochs["score"], strict=True))
        assert history(server, run, "score") == expected
        assert history(server, run, "final/score") == [(len(epochs), row.value)]
        assert run.data.params["x"] == str(row.param_x)
        assert run.info.status == "FINISHED"


def test_runs_contain_params_epochs_final_metrics_and_artifacts(
    workplace: Path, mlflow_server: MlflowServer
) -> None:
    (workplace / "toy_model.py").write_text(ARTIFACT)
    launch(mlflow_server.uri, "content", "--trials=2")
    runs = runs_by_trial(mlflow_server, "content")
    client = MlflowClient(mlflow_server.uri)
    complete, failed = runs[0], runs[1]
    x = study_data("content").trials["param_x"][0]
    assert complete.data.params == {"x": str(x), "ledger": "ledger.txt"}
    assert history(mlflow_server, complete, "score") == [(1, x), (2, 2 * x), (3, 3 * x)]
    mapped = next(name for name in complete.data.metrics if name.startswith("gr"))
    assert history(mlflow_server, complete, mapped) == [(1, 5.0), (2, 10.0), (3, 15.0)]
    assert complete.data.metrics["final/score"] == x
    assert (complete.info.status, failed.info.status) == ("FINISHED", "FAILED")
    assert failed.data.tags["sweep.cause"] == "error"
    files = {file.path for file in client.list_artifacts(complete.info.run_id)}
    assert files == {"log.txt", "artifacts"}
    (artifact,) = client.list_artifacts(complete.info.run_id, "artifacts")  # not the link to /etc/passwd
    assert artifact.path == "artifacts/weights.bin"
    log = client.download_artifacts(complete.info.run_id, "log.txt", str(workplace))
    assert "the log of 0" in Path(log).read_text()


@pytest.mark.parametrize(
    "moment",
    [
        ("mlflow", "MlflowClient", "create_run", "after"),
        ("mlflow", "MlflowClient", "log_batch", "after"),
        ("sweep.tracking.mlflow", "MlflowTracker", "_log_artifacts", "before"),  # the metrics are complete
        ("mlflow", "MlflowClient", "set_terminated", "after"),  # the mark is missing
    ],
    ids=lambda moment: moment[2],
)
def test_killed_launcher_leaves_no_duplicates(
    workplace: Path, mlflow_server: MlflowServer, moment: tuple[str, str, str, str]
) -> None:
    study = f"killed-{moment[2].strip('_')}"
    run_and_kill(moment, *arguments(mlflow_server.uri, study), timeout=120)
    launch(mlflow_server.uri, study)
    check_runs(mlflow_server, study)


def test_retried_trial_continues_its_run(workplace: Path, mlflow_server: MlflowServer) -> None:
    launch(mlflow_server.uri, "retried", "--set=fixed.fault='vanish once'", "--set=failures.retries.error=1")
    check_runs(mlflow_server, "retried")
    assert {run.data.tags["sweep.attempts"] for run in runs_by_trial(mlflow_server, "retried").values()} == {
        "2"
    }


def test_server_that_is_down_during_the_study_gets_everything_later(
    workplace: Path, mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "user")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")
    mlflow_server.stop()
    try:
        log = launch(mlflow_server.uri, "outage", "--set=fixed.epoch_s=1", "--parallel=1")
    finally:
        mlflow_server.start()
    assert set(study_data("outage").trials["state"]) == {"complete"}
    assert log.count("MLflow fails") == 1
    assert "hunter2" not in log
    launch(mlflow_server.uri, "outage", "--set=fixed.epoch_s=1", "--parallel=1")
    check_runs(mlflow_server, "outage")


def test_server_that_fails_in_the_middle_of_the_study_gets_everything_before_its_end(
    workplace: Path, mlflow_server: MlflowServer
) -> None:
    command = [sys.executable, "-m", "sweep", *arguments(mlflow_server.uri, "middle", "--set=fixed.hold=3")]
    launcher = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        daemons.wait_until("a trial is recorded", lambda: _num_runs(mlflow_server, "middle") > 0)
        mlflow_server.stop()
        mlflow_server.start()
        (workplace / "go").touch()
        _, log = launcher.communicate(timeout=120)
    finally:
        launcher.send_signal(signal.SIGKILL)
    assert launcher.returncode == 0, log
    check_runs(mlflow_server, "middle")


def _num_runs(server: MlflowServer, study: str) -> int:
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name(study)
    return 0 if experiment is None else len(client.search_runs([experiment.experiment_id]))
