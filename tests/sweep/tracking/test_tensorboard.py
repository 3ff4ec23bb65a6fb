"""`track: {tensorboard: DIR}`: what TensorBoard reads from the event files of a study."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sweep.storage.study_reader import study_data
from sweep.tracking.tensorboard import MARK_FILE
from tests.sweep.cli.conftest import Sweep
from tests.sweep.launcher.test_crash import run_and_kill

if TYPE_CHECKING:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

pytestmark = pytest.mark.slow

LAUNCH = ("launch", "--study", "toy", "--cluster", "inline", "--set", "track.tensorboard=events")

PICTURE = """
def train(params, trial):
    from PIL import Image
    Image.new("L", (4, 4)).save(trial.folder / "noise.png")
    trial.report(1, {"score": params["x"]})
    trial.report(2, {"score": float("nan"), "lärm": 1e300})
    return {"score": params["x"]}
"""


def read_events(folder: Path) -> EventAccumulator:
    """Return what TensorBoard reads from the folder of a trial, which must have one event file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow, which TensorBoard imports if it is installed
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        (file,) = folder.glob("events.*")
        events = EventAccumulator(str(file))
        events.Reload()
    return events


def scalars(events: EventAccumulator, metric: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(metric)]


def check_events(workplace: Path) -> None:
    """Check that the event files contain what the database contains, once."""
    data = study_data("toy")
    folders = sorted(path.name for path in (workplace / "events" / "toy").iterdir())
    assert folders == [f"{number:05d}" for number in data.trials["number"]]
    for row in data.trials.itertuples():
        events = read_events(workplace / "events" / "toy" / f"{row.number:05d}")
        epochs = data.epochs[data.epochs["number"] == row.number]
        expected = list(zip(epochs["epoch"], epochs["score"], strict=True))
        assert scalars(events, "score") == [(epoch, pytest.approx(score)) for epoch, score in expected]
        assert scalars(events, "final/score") == [(3, pytest.approx(row.value))]


def params(events: EventAccumulator) -> dict[str, object]:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = HParamsPluginData.FromString(content).session_start_info
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}


def test_event_files_contain_epochs_and_params(workplace: Path, sweep: Sweep) -> None:
    assert sweep(*LAUNCH, "--set", "fixed.layers=[64, 32]").code == 0
    check_events(workplace)
    events = read_events(workplace / "events/toy/00000")
    x = study_data("toy").trials["param_x"][0]
    assert params(events) == {"x": x, "ledger": "ledger.txt", "layers": "[64, 32]"}


def test_pictures_and_numbers_that_are_not_finite_are_recorded(workplace: Path, sweep: Sweep) -> None:
    (workplace / "toy_model.py").write_text(PICTURE)
    assert sweep(*LAUNCH, "--trials", "1").code == 0
    events = read_events(workplace / "events/toy/00000")
    assert [step for step, _ in scalars(events, "score")] == [1, 2]
    assert scalars(events, "lärm") == [(2, float("inf"))]
    assert [len(events.Images(tag)) for tag in events.Tags()["images"]] == [1]


def test_relaunch_writes_nothing_again(workplace: Path, sweep: Sweep) -> None:
    sweep(*LAUNCH)
    before = {path: path.stat().st_mtime_ns for path in (workplace / "events").rglob("*")}
    assert sweep(*LAUNCH).code == 0
    assert {path: path.stat().st_mtime_ns for path in (workplace / "events").rglob("*")} == before


def test_trackers_of_a_study_may_change(workplace: Path, sweep: Sweep) -> None:
    assert sweep("launch", "--study", "toy", "--cluster", "inline").code == 0
    assert not (workplace / "events").exists()
    assert sweep(*LAUNCH).code == 0
    check_events(workplace)


@pytest.mark.parametrize("name", ["add_values", "add_end"])
def test_killed_launcher_leaves_no_duplicates(workplace: Path, sweep: Sweep, name: str) -> None:
    local = [word if word != "inline" else "local" for word in LAUNCH]
    run_and_kill(("sweep.tracking.tensorboard", "_EventFile", name, "after"), *local)
    assert sweep(*local).code == 0
    check_events(workplace)


def test_failures_are_logged_once_and_do_not_affect_the_study(workplace: Path, sweep: Sweep) -> None:
    (workplace / "events").write_text("a file in the place of the folder")
    local = [word if word != "inline" else "local" for word in LAUNCH]
    result = sweep(*local, "--set", "fixed.epoch_s=1")
    assert result.code == 0
    assert result.err.count("TensorBoard fails") == 1
    assert set(study_data("toy").trials["state"]) == {"complete"}
    (workplace / "events").unlink()
    assert sweep(*local, "--set", "fixed.epoch_s=1").code == 0
    check_events(workplace)


def test_study_of_the_same_name_in_another_database_changes_nothing(workplace: Path, sweep: Sweep) -> None:
    sweep(*LAUNCH)
    before = {path: path.read_bytes() for path in (workplace / "events").rglob("*") if path.is_file()}
    result = sweep(*LAUNCH, "--storage", "sqlite:///other.db", "--workdir", "elsewhere")
    assert result.code == 0
    assert "contains the trials of another study of that name" in result.err
    assert {path: path.read_bytes() for path in before} == before
    assert len(list((workplace / "events").rglob(MARK_FILE))) == 4


@pytest.mark.parametrize(
    ("key", "package"), [("tensorboard", "tensorboardX"), ("mlflow", "mlflow")], ids=["tensorboard", "mlflow"]
)
def test_missing_package_is_an_error_that_names_the_extra(
    workplace: Path, sweep: Sweep, monkeypatch: pytest.MonkeyPatch, key: str, package: str
) -> None:
    monkeypatch.setattr(
        "sweep.definition.required_package.find_spec", lambda name: None if name == package else object()
    )
    result = sweep("launch", "--study", "toy", "--set", f"track.{key}=http://nowhere")
    assert result.code == 2
    assert f"pip install 'capsweep[{key}]'" in result.err
    assert not (workplace / "sweep.db").exists()
