"""The invariants of the chaos test hold for a correct study and find each kind of error."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from sweep.storage.study_data import StudyData
from sweep.worker.attempt_folder import attempt_folder
from sweep.worker.documents import EpochReport
from tests.invariants import find_cost_violations, find_violations

BEGIN = 1_800_000_000.0
X = 0.5


class World:
    """A study of one trial, whose node failed in epoch 2; its second attempt trained epochs 2 and 3."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trial: dict[str, Any] = {
            "state": TrialState.COMPLETE,
            "value": 3 * X,
            "intermediate_values": {epoch: X * epoch for epoch in (1, 2, 3)},
        }
        self.attempts = [
            self._attempt(1, "failed", "node_failure", started=0, ended=20),
            self._attempt(2, "complete", None, started=30, ended=40),
        ]
        self.epochs = [{"epoch": epoch, "score": X * epoch, "attempt": min(epoch, 2)} for epoch in (1, 2, 3)]
        self.ledger = [(1, "begin", 1, 1), (1, "saved", 1, 2), (1, "begin", 2, 3)]
        self.ledger += [(2, "begin", 2, 31), (2, "saved", 2, 32), (2, "begin", 3, 33), (2, "saved", 3, 34)]
        self.reports = {1: [(1, 2)], 2: [(1, 2), (2, 32), (3, 34)]}
        self.cancelled: set[str] = set()

    @staticmethod
    def _attempt(number: int, state: str, cause: str | None, started: float, ended: float) -> dict[str, Any]:
        return {
            "number": 0,
            "attempt": number,
            "token": "token",
            "state": state,
            "cause": cause,
            "job_id": f"10_{number}",
            "started_at": datetime.fromtimestamp(BEGIN + started, UTC),
            "ended_at": datetime.fromtimestamp(BEGIN + ended, UTC),
            "gpu_seconds": ended - started,
        }

    def data(self) -> StudyData:
        """Return the study as the reports read it."""
        trials = pd.DataFrame([{"number": 0, "seed": 7, "folder": str(self.folder / "00000")}])
        epochs = pd.DataFrame([{"number": 0, **epoch} for epoch in self.epochs])
        return StudyData(None, {}, trials, epochs, pd.DataFrame(self.attempts))  # type: ignore[arg-type]

    def violations(self) -> list[str]:
        """Write the files of the study and return its violations."""
        lines = [f"7 {attempt} {event} {epoch} {BEGIN + at}\n" for attempt, event, epoch, at in self.ledger]
        (self.folder / "ledger.txt").write_text("".join(lines))
        for attempt, reports in self.reports.items():
            folder = attempt_folder(self.folder / "00000", attempt, "token")
            folder.path.mkdir(parents=True)
            for epoch, at in reports:
                folder.append_epoch(EpochReport(epoch, BEGIN + at, {"score": X * epoch}))
        trial: FrozenTrial = optuna.create_trial(
            params={"x": X}, distributions={"x": FloatDistribution(0, 1)}, **self.trial
        )
        trial.number = 0
        return find_violations(self.data(), [trial], self.folder / "ledger.txt", self.cancelled, 3)


def test_correct_study_has_no_violations(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.violations() == []
    assert find_cost_violations(world.data(), {"10_1": 20, "10_2": 11}) == []


def test_cancelled_trial_is_correct_if_a_user_has_cancelled_its_job(tmp_path: Path) -> None:
    world = World(tmp_path)
    _cancel(world)
    world.cancelled = {"10_2"}
    assert world.violations() == []


def _cancel(world: World) -> None:
    world.trial |= {"state": TrialState.FAIL, "value": None}
    world.attempts[1] |= {"state": "failed", "cause": "cancelled"}


def _fail(world: World) -> None:
    _cancel(world)
    world.attempts[1]["cause"] = "lost"


def _fail_without_a_fault(world: World) -> None:
    world.attempts[0]["cause"] = "out_of_memory"


def _leave_active(world: World) -> None:
    world.trial |= {"state": TrialState.RUNNING, "value": None}
    world.attempts[1]["state"] = "running"


def _prune_in_optuna_only(world: World) -> None:
    world.trial["state"] = TrialState.PRUNED


def _complete_twice(world: World) -> None:
    world.attempts[0] |= {"state": "complete", "cause": None}


def _drop_an_epoch(world: World) -> None:
    del world.epochs[1]


def _drop_an_epoch_in_optuna(world: World) -> None:
    del world.trial["intermediate_values"][2]


def _record_another_value(world: World) -> None:
    world.trial["value"] = 1.0


def _record_another_score(world: World) -> None:
    world.epochs[2]["score"] = 9.0


def _begin_an_epoch_twice(world: World) -> None:
    world.ledger.append((2, "begin", 3, 35))


def _continue_the_superseded_attempt(world: World) -> None:
    world.ledger.append((1, "begin", 3, 32))


def _record_the_superseded_attempt(world: World) -> None:
    world.epochs[2]["attempt"] = 1


def _lose_the_checkpoint(world: World) -> None:
    world.ledger.insert(3, (2, "begin", 1, 30.5))


def _report_more_than_is_recorded(world: World) -> None:
    world.reports[1].append((4, 5))


def _report_twice(world: World) -> None:
    world.reports[2].append((3, 34))


ERRORS: list[tuple[Callable[[World], None], str]] = [
    (_cancel, "no user has cancelled its job"),
    (_fail, "it failed (lost)"),
    (_fail_without_a_fault, "no fault explains that attempts failed for ['out_of_memory']"),
    (_leave_active, "it has not ended in Optuna"),
    (_prune_in_optuna_only, "its state is PRUNED in Optuna"),
    (_complete_twice, "an attempt before the last one has not failed"),
    (_drop_an_epoch, "the recorded epochs are [1, 3]"),
    (_drop_an_epoch_in_optuna, "the scores are {1: 0.5, 3: 1.5} in Optuna"),
    (_record_another_value, "its value is 1.0"),
    (_record_another_score, "the scores are"),
    (_begin_an_epoch_twice, "has begun the same epoch twice"),
    (_continue_the_superseded_attempt, "has begun an epoch after attempt 2 had started"),
    (_record_the_superseded_attempt, "recorded from attempt 1, which has not trained it"),
    (_lose_the_checkpoint, "has trained the epochs [1] again"),
    (_report_more_than_is_recorded, "has reported the epochs [4], which are not recorded"),
    (_report_twice, "has reported the epochs [1, 2, 3, 3]"),
]


@pytest.mark.parametrize(("make_error", "message"), ERRORS)
def test_error_is_found(tmp_path: Path, make_error: Callable[[World], None], message: str) -> None:
    world = World(tmp_path)
    make_error(world)
    assert any(message in violation for violation in world.violations())


@pytest.mark.parametrize("elapsed_s", [{"10_1": 20, "10_2": 26}, {"10_2": -51}])
def test_cost_that_differs_from_accounting_is_found(tmp_path: Path, elapsed_s: dict[str, int]) -> None:
    violations = find_cost_violations(World(tmp_path).data(), elapsed_s)
    assert violations[0].startswith("job 10_2: 10.0 GPU seconds are recorded")
