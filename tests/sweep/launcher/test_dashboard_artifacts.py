"""What Optuna's dashboard shows about a trial."""

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
from sweep.launcher.reconciliation import TrialEnd
from sweep.states import Outcome
from sweep.storage.tables import AttemptRow, TrialRow
from sweep.worker.attempt_folder import AttemptFolder, attempt_folder
from sweep.worker.documents import EpochReport, Result


class RecordedTrial:
    """A study with one active trial, whose attempt has written some files."""

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
        end = TrialEnd(Outcome.COMPLETE, (metrics["score"],)) if metrics else TrialEnd(Outcome.FAILED)
        show_in_dashboard(self.attempt, self.folder, result, end, self.proposals, self.store)

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
def recorded(workplace: Path) -> RecordedTrial:
    return RecordedTrial(workplace)


def test_best_trial_has_files_attributes_and_a_note(recorded: RecordedTrial) -> None:
    recorded.show_in_dashboard(score=0.9, size=10.0)
    files = recorded.artifacts()
    assert set(files) == {"reconstructions.png", "log.txt", "learning_curves.svg"}
    assert files["reconstructions.png"] == b"a picture"
    attributes = recorded.trial().user_attrs
    assert (attributes["host"], attributes["seed"], attributes["size"]) == ("node1", 5, 10.0)
    assert "score" not in attributes
    assert recorded.note().startswith("**The best trial when it ended**\n\n- score: 0.9\n- size: 10\n")


def test_repetition_after_a_crash_changes_nothing(recorded: RecordedTrial) -> None:
    recorded.show_in_dashboard(score=0.9)
    before = (
        recorded.artifacts(),
        recorded.trial().user_attrs,
        recorded.note(),
        sorted(recorded.store.iterdir()),
    )
    recorded.show_in_dashboard(score=0.9)
    recorded.proposals.tell(0, TrialEnd(Outcome.COMPLETE, (0.9,)))
    recorded.show_in_dashboard(score=0.9)
    assert (
        recorded.artifacts(),
        recorded.trial().user_attrs,
        recorded.note(),
        sorted(recorded.store.iterdir()),
    ) == before


def test_file_that_a_crash_left_out_is_restored(recorded: RecordedTrial) -> None:
    recorded.show_in_dashboard(score=0.9)
    for file in recorded.store.iterdir():
        file.unlink()
    recorded.proposals.tell(0, TrialEnd(Outcome.COMPLETE, (0.9,)))
    recorded.show_in_dashboard(score=0.9)
    assert recorded.artifacts()["reconstructions.png"] == b"a picture"


def test_trial_that_is_neither_best_nor_failed_has_no_note(recorded: RecordedTrial) -> None:
    recorded.proposals.tell(recorded.proposals.propose().number, TrialEnd(Outcome.COMPLETE, (1.0,)))
    recorded.show_in_dashboard(score=0.9)
    assert recorded.note() == ""
    assert "log.txt" in recorded.artifacts()


def test_note_of_a_failed_trial_gives_its_cause_without_passwords(recorded: RecordedTrial) -> None:
    recorded.attempt.cause = "out_of_memory"
    recorded.show_in_dashboard()
    assert recorded.note().startswith("**Failed: out_of_memory**")
    assert "    redis://me:***@db says no" in recorded.note()
    assert b"hunter2" not in recorded.artifacts()["log.txt"]
    assert recorded.trial().user_attrs["cause"] == "out_of_memory"


def test_note_shows_names_and_the_log_literally(recorded: RecordedTrial) -> None:
    recorded.attempt.host = "<script>alert(1)</script>"
    recorded.folder.log.write_text("\x1b[2J# heading\r\n```\n<script>\n")
    recorded.show_in_dashboard(
        **{"score": 0.9, "![x](http://example.org)": 1.0, "a\n# b": 2.0, "m" * 5000: 3.0}
    )
    note = recorded.note()
    assert r"- \!\[x\](http://example.org): 1" in note
    assert r"- a \# b: 2" in note
    assert r"on \<script\>alert(1)\</script\>" in note
    assert note.endswith("\n    # heading\n    ```\n    <script>")
    assert len(note) <= MAX_NOTE_LENGTH


def test_trial_without_files_has_attributes(recorded: RecordedTrial) -> None:
    recorded.folder = AttemptFolder(recorded.folder.path / "gone")
    recorded.attempt.cause = "lost"
    recorded.show_in_dashboard()
    assert recorded.artifacts() == {}
    assert recorded.note().endswith("    (it is empty)")


def test_file_that_cannot_be_copied_is_logged(
    recorded: RecordedTrial, caplog: pytest.LogCaptureFixture
) -> None:
    recorded.store.parent.mkdir(exist_ok=True)
    recorded.store.write_text("a file where the folder should be")
    recorded.show_in_dashboard(score=0.9)
    assert "does not have all of its files" in caplog.text
    assert recorded.note()


def of(recorded: RecordedTrial, **metrics: float) -> Any:
    result = Result("abc", Outcome.COMPLETE, 0.0, metrics)
    return collect_artifacts(
        recorded.attempt, recorded.folder, result, recorded.proposals.goals, is_best=True
    )


def test_long_note_omits_the_oldest_lines_of_the_log(recorded: RecordedTrial) -> None:
    recorded.folder.log.write_text("".join(f"{number} {'x' * 300}\n" for number in range(50)))
    note = of(recorded, score=0.5).note
    assert len(note) <= MAX_NOTE_LENGTH
    assert f"\n    49 {'x' * 197}" in note


@pytest.mark.parametrize(
    ("spoil", "missing"),
    [
        (lambda folder: folder.log.unlink(), "log.txt"),
        (lambda folder: folder.metrics.unlink(), "learning_curves.svg"),
    ],
)
def test_missing_file_is_left_out(
    recorded: RecordedTrial, spoil: Callable[[AttemptFolder], None], missing: str
) -> None:
    assert missing in of(recorded, score=0.5).contents
    spoil(recorded.folder)
    assert missing not in of(recorded, score=0.5).contents


def test_large_picture_is_left_out(recorded: RecordedTrial) -> None:
    (recorded.folder.artifacts / "huge.png").write_bytes(bytes(MAX_PICTURE_BYTES + 1))
    assert [file.name for file in of(recorded, score=0.5).pictures] == ["reconstructions.png"]


def test_attributes_are_valid_json(recorded: RecordedTrial) -> None:
    attributes = of(recorded, score=0.5, loss=float("nan"), size=3.0).attributes
    assert json.loads(json.dumps(attributes, allow_nan=False))["size"] == 3.0
