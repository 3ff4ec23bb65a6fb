"""The output of `sweep reproduce`."""

from dataclasses import replace
from typing import Any

import pytest

from sweep.operations.code_snapshot import Differences
from sweep.operations.environment_differences import Difference
from sweep.operations.reproduction import EnvironmentChanges, RecordedTrial
from sweep.reporting.reproduction_text import (
    epoch_line,
    introduction,
    is_different,
    result_line,
    verdict,
)
from sweep.states import AttemptState
from sweep.storage.tables import SnapshotRow
from sweep.worker.documents import EpochReport
from tests.sweep.reporting.synthetic_studies import STUDY

TRIAL = RecordedTrial(
    study=STUDY,
    number=7,
    proposed={"batch_size": 32.0, "augmentation": "shift"},
    seed=3,
    threads=None,
    state=AttemptState.COMPLETE,
    host="gpu03",
    gpu=None,
    environment={"git_commit": "3f9a", "git_dirty": False},
    packages={},
    epochs={1: {"val_accuracy": 0.5, "loss": 2.0}, 2: {"val_accuracy": 0.75, "loss": 1.0}},
    result={"val_accuracy": 0.75},
)
NO_CHANGES = EnvironmentChanges([], [])


def test_introduction_of_a_trial_in_the_same_environment() -> None:
    assert list(introduction(TRIAL, NO_CHANGES)) == [
        "trial 7 of study kmnist, complete: epochs=50, learning_rate=0.001, batch_size=32, "
        "augmentation=shift; seed 3",
        "it ran on gpu03, GPU none",
        "the data, Python and the packages are unchanged",
        "the code is that of commit 3f9a",
    ]


def test_introduction_lists_what_differs() -> None:
    changes = EnvironmentChanges([Difference("data_sha256", "51", "38")], [Difference("numpy", "1.0", None)])
    assert list(introduction(TRIAL, changes))[2:4] == [
        "different: the checksum of the data was 51, is 38",
        "different: numpy was 1.0, is None",
    ]


@pytest.mark.parametrize(
    ("environment", "changes", "sentence"),
    [
        ({}, [], "it is unknown whether the code is unchanged: it was not in a repository"),
        (
            {"git_commit": "3f9a", "git_dirty": True},
            [],
            "it is unknown whether the code is unchanged: it had uncommitted changes to commit 3f9a",
        ),
        (
            {"git_commit": "3f9a"},
            [Difference("git_commit", "3f9a", "07d2")],
            "the code is not that of commit 3f9a",
        ),
        (
            {"git_commit": "3f9a"},
            [Difference("git_dirty", False, True)],
            "the code is that of commit 3f9a, with uncommitted changes",
        ),
    ],
)
def test_introduction_states_whether_the_code_is_unchanged(
    environment: dict[str, Any], changes: list[Difference], sentence: str
) -> None:
    found = EnvironmentChanges(changes, [])
    assert list(introduction(replace(TRIAL, environment=environment), found))[-1] == sentence


@pytest.mark.parametrize(
    ("epoch", "value", "line"),
    [
        (1, 0.5, "epoch 1: val_accuracy = 0.5, as recorded"),
        (2, 0.5, "epoch 2: val_accuracy = 0.5, recorded 0.75, difference 0.25"),
        (3, 0.5, "epoch 3: val_accuracy = 0.5, no recorded value"),
    ],
)
def test_epoch_is_compared_with_the_recorded_one(epoch: int, value: float, line: str) -> None:
    assert epoch_line(TRIAL, EpochReport(epoch, 0.0, {"val_accuracy": value})) == line


def test_result_is_compared_with_the_recorded_one() -> None:
    assert result_line(TRIAL, {"val_accuracy": 0.75}) == "result: val_accuracy = 0.75, as recorded"


def test_verdict_separates_identical_from_different_metrics() -> None:
    epochs = {1: {"val_accuracy": 0.5, "loss": 2.0}, 2: {"val_accuracy": 0.75, "loss": 1.5}}
    assert list(verdict(TRIAL, epochs, {"val_accuracy": 0.75})) == [
        "identical to the last bit over 2 epochs: val_accuracy",
        "different from epoch 2 on: loss, by at most 0.5",
    ]


def test_verdict_without_a_common_epoch() -> None:
    lines = verdict(TRIAL, {3: {"val_accuracy": 0.5}}, {})
    assert list(lines) == ["nothing to compare: no epoch that was trained again is recorded"]


def test_packages_beyond_a_number_are_counted() -> None:
    packages = [Difference(f"package{number}", "1", "2") for number in range(12)]
    lines = list(introduction(TRIAL, EnvironmentChanges([], packages)))
    assert [line for line in lines if line.startswith("different")] == [
        *(f"different: package{number} was 1, is 2" for number in range(5)),
        "different: 7 other packages",
    ]


def test_code_of_the_trial_is_named_by_its_snapshot() -> None:
    row = SnapshotRow(digest="3f2a9c1d" * 8, git_commit="1a2b3c4d5e", is_clean=False, files={})
    trial = replace(TRIAL, snapshot=row)
    name = "snapshot 3f2a9c1, commit 1a2b3c4 with uncommitted changes"
    assert list(introduction(trial, NO_CHANGES))[-1] == f"the code is that of the trial: {name}"
    same, other = Differences([], [], []), Differences(["a.py"], [], ["b.py", "c.py"])
    assert (
        list(introduction(trial, NO_CHANGES, same))[-1] == f"the project's code is that of the trial: {name}"
    )
    assert list(introduction(trial, NO_CHANGES, other))[-1] == (
        f"the project's code differs from that of the trial, {name} (changed: a.py; removed: b.py, c.py)"
    )


@pytest.mark.parametrize(("value", "is_different_then"), [(0.75, False), (0.76, True)])
def test_different_result_is_recognized(value: float, is_different_then: bool) -> None:
    assert is_different(TRIAL, {}, {"val_accuracy": value}) is is_different_then
