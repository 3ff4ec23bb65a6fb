"""What the dashboard is given of a trial, and that giving it twice changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import optuna_dashboard
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.storages import RDBStorage

from sweep.definition.study import load_study
from sweep.launcher.dashboard_artifacts import (
    MAX_NOTE_LENGTH,
    MAX_PICTURE_BYTES,
    collect_artifacts,
    show_in_dashboard,
)
from sweep.launcher.proposals import Proposals
from sweep.states import Outcome
from sweep.storage.tables import AttemptRow, TrialRow
from sweep.worker.attempt_folder import AttemptFolder, attempt_folder
from sweep.worker.documents import EpochReport, Result


class Bench:
    """A study with one trial under way, whose attempt has left some files."""

    def __init__(self, workplace: Path) -> None:
        self.proposals = Proposals(load_study("toy"), RDBStorage("sqlite:///sweep.db"))
        self.proposal = self.proposals.propose()
        self.folder = attempt_folder(workplace / "sweeps" / "toy" / "00000", 1, "abc")
        self.folder.artifacts.mkdir(parents=True)
        self.folder.log.write_text("epoch 1\nredis://me:hunter2@db says no\n")
        self.folder.append_epoch(EpochReport(1, 0.0, {"score": 0.5}))
        (self.folder.artifacts / "reconstructions.png").write_bytes(b"a picture")
        self.attempt = AttemptRow(number=1, token="abc", host="node1", job_id="7", cause=None, gpu=None)
        self.attempt.trial = TrialRow(
            number=0,
            optuna_trial_id=self.proposal.optuna_trial_id,
            seed=5,
            folder=str(self.folder.path.parent),
        )
        self.store = workplace / "sweeps" / "toy" / "dashboard"

    def show_in_dashboard(self, **metrics: float) -> None:
        result = Result("abc", Outcome.COMPLETE, 0.0, metrics) if metrics else None
        show_in_dashboard(self.attempt, self.folder, result, "score", self.proposals, self.store)

    def study(self) -> optuna.Study:
        return optuna.load_study(study_name="toy", storage="sqlite:///sweep.db")

    def trial(self) -> optuna.trial.FrozenTrial:
        return self.study().trials[0]

    def note(self) -> str:
        study = self.study()
        trial = optuna.trial.Trial(study, self.proposal.optuna_trial_id)
        return optuna_dashboard.get_note(trial)

    def artifacts(self) -> dict[str, bytes]:
        found = get_all_artifact_meta(self.trial(), storage=self.study()._storage)
        assert len({meta.filename for meta in found}) == len(found)
        return {meta.filename: (self.store / meta.artifact_id).read_bytes() for meta in found}


@pytest.fixture
def bench(workplace: Path) -> Bench:
    return Bench(workplace)


def test_files_attributes_and_a_note_of_the_best(bench: Bench) -> None:
    bench.show_in_dashboard(score=0.9, size=10.0)
    files = bench.artifacts()
    assert set(files) == {"reconstructions.png", "log.txt", "learning_curves.svg"}
    assert files["reconstructions.png"] == b"a picture"
    attributes = bench.trial().user_attrs
    assert (attributes["host"], attributes["seed"], attributes["size"]) == ("node1", 5, 10.0)
    assert "score" not in attributes
    assert bench.note().startswith("**The best trial when it ended**\n\n- score: 0.9\n- size: 10\n")


def test_shown_again_by_the_launcher_after_a_crash_it_is_the_same(bench: Bench) -> None:
    bench.show_in_dashboard(score=0.9)
    before = (bench.artifacts(), bench.trial().user_attrs, bench.note(), sorted(bench.store.iterdir()))
    bench.show_in_dashboard(score=0.9)
    bench.proposals.tell(0, Outcome.COMPLETE, 0.9)
    bench.show_in_dashboard(score=0.9)
    assert (
        bench.artifacts(),
        bench.trial().user_attrs,
        bench.note(),
        sorted(bench.store.iterdir()),
    ) == before


def test_a_file_that_a_crash_left_out_is_put_back(bench: Bench) -> None:
    bench.show_in_dashboard(score=0.9)
    for file in bench.store.iterdir():
        file.unlink()
    bench.proposals.tell(0, Outcome.COMPLETE, 0.9)
    bench.show_in_dashboard(score=0.9)
    assert bench.artifacts()["reconstructions.png"] == b"a picture"


def test_a_trial_that_is_neither_best_nor_failed_has_no_note(bench: Bench) -> None:
    bench.proposals.tell(bench.proposals.propose().number, Outcome.COMPLETE, 1.0)
    bench.show_in_dashboard(score=0.9)
    assert bench.note() == ""
    assert "log.txt" in bench.artifacts()


def test_a_failed_trial_says_why_without_a_password(bench: Bench) -> None:
    bench.attempt.cause = "out_of_memory"
    bench.show_in_dashboard()
    assert bench.note().startswith("**Failed: out_of_memory**")
    assert "    redis://me:***@db says no" in bench.note()
    assert b"hunter2" not in bench.artifacts()["log.txt"]
    assert bench.trial().user_attrs["cause"] == "out_of_memory"


def test_a_trial_that_left_nothing_is_shown_too(bench: Bench) -> None:
    bench.folder = AttemptFolder(bench.folder.path / "gone")
    bench.attempt.cause = "lost"
    bench.show_in_dashboard()
    assert bench.artifacts() == {}
    assert bench.note().endswith("    (it is empty)")


def test_no_study_fails_for_its_pictures(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.store.parent.mkdir(exist_ok=True)
    bench.store.write_text("a file where the folder should be")
    bench.show_in_dashboard(score=0.9)
    assert "does not have all of its files" in caplog.text
    assert bench.note()


def of(bench: Bench, **metrics: float) -> Any:
    result = Result("abc", Outcome.COMPLETE, 0.0, metrics)
    return collect_artifacts(bench.attempt, bench.folder, result, "score", is_best=True)


def test_a_note_is_kept_short_by_leaving_out_the_older_lines(bench: Bench) -> None:
    bench.folder.log.write_text("".join(f"{number} {'x' * 300}\n" for number in range(50)))
    note = of(bench, score=0.5).note
    assert len(note) <= MAX_NOTE_LENGTH
    assert f"\n    49 {'x' * 197}" in note


@pytest.mark.parametrize(
    ("spoil", "missing"),
    [
        (lambda folder: folder.log.unlink(), "log.txt"),
        (lambda folder: folder.metrics.unlink(), "learning_curves.svg"),
    ],
)
def test_what_is_not_there_is_left_out(
    bench: Bench, spoil: Callable[[AttemptFolder], None], missing: str
) -> None:
    assert missing in of(bench, score=0.5).contents
    spoil(bench.folder)
    assert missing not in of(bench, score=0.5).contents


def test_a_huge_picture_is_left_out(bench: Bench) -> None:
    (bench.folder.artifacts / "huge.png").write_bytes(bytes(MAX_PICTURE_BYTES + 1))
    assert [file.name for file in of(bench, score=0.5).pictures] == ["reconstructions.png"]


def test_attributes_are_what_a_browser_can_read(bench: Bench) -> None:
    attributes = of(bench, score=0.5, loss=float("nan"), size=3.0).attributes
    assert json.loads(json.dumps(attributes, allow_nan=False))["size"] == 3.0
