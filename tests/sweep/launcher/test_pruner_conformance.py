"""Each pruner stops exactly the trials that Optuna's own loop stops, on recorded learning curves.

The curves are those of 200 linear classifiers of the digits with random learning rates.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import optuna
import pytest
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
    WilcoxonPruner,
)
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event, make_url

from sweep.definition.study import Study
from sweep.launcher.proposals import Proposals
from sweep.launcher.reconciliation import TrialEnd
from sweep.states import Outcome
from sweep.storage.optuna_queries import reopen
from sweep.storage.optuna_storage import optuna_storage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:PatientPruner is experimental"),
    pytest.mark.filterwarnings("ignore:WilcoxonPruner is experimental"),
    pytest.mark.filterwarnings("ignore:WilcoxonPruner finds steps"),
]

CURVES: list[dict[str, list[float]]] = json.loads(
    (Path(__file__).parent / "recorded_curves.json").read_text()
)
NAME = "toy"  # it determines the brackets of hyperband
OUTCOMES = {TrialState.COMPLETE: Outcome.COMPLETE, TrialState.PRUNED: Outcome.PRUNED}

PRUNERS: list[tuple[dict[str, Any], Callable[[], BasePruner]]] = [
    ({"name": "median"}, MedianPruner),
    (
        {"name": "median", "startup_trials": 2, "warmup_epochs": 3, "every_epochs": 2, "min_trials": 3},
        lambda: MedianPruner(n_startup_trials=2, n_warmup_steps=3, interval_steps=2, n_min_trials=3),
    ),
    (
        {"name": "percentile", "percentile": 30, "startup_trials": 4},
        lambda: PercentilePruner(30, n_startup_trials=4),
    ),
    ({"name": "successive_halving"}, SuccessiveHalvingPruner),
    (
        {"name": "hyperband", "max_epochs": 12, "reduction_factor": 2},
        lambda: HyperbandPruner(max_resource=12, reduction_factor=2),
    ),
    ({"name": "threshold", "lower": 0.3, "upper": 2.0}, lambda: ThresholdPruner(lower=0.3, upper=2.0)),
    ({"name": "wilcoxon"}, WilcoxonPruner),
    (
        {"name": "patient", "patience": 1, "min_delta": 0.01, "pruner": {"name": "median"}},
        lambda: PatientPruner(MedianPruner(), patience=1, min_delta=0.01),
    ),
    ({"name": "patient", "patience": 2}, lambda: PatientPruner(None, patience=2)),
]


class Event(NamedTuple):
    """What happened in Optuna's loop: a trial began, was judged after an epoch, or ended."""

    number: int
    epoch: int | None = None
    state: TrialState | None = None


class Recording:
    """Runs Optuna's loop on the curves of one metric and records in which order its threads proceed."""

    def __init__(self, metric: str) -> None:
        self.events: list[Event] = []
        self._metric = metric
        self._lock = Lock()

    def run(self, direction: str, pruner: BasePruner, num_threads: int) -> None:
        study = optuna.create_study(study_name=NAME, direction=direction, pruner=pruner)
        study.optimize(
            self._objective, n_trials=len(CURVES), n_jobs=num_threads, callbacks=[self._record_end]
        )

    def _objective(self, trial: optuna.Trial) -> float:
        curve = CURVES[trial.number][self._metric]
        trial.suggest_float("x", 0.0, 1.0)
        with self._lock:
            self.events.append(Event(trial.number))
        for epoch, value in enumerate(curve, start=1):
            self._lock.acquire()
            trial.report(value, epoch)
            self.events.append(Event(trial.number, epoch))
            is_last = epoch == len(curve)
            if trial.should_prune():
                raise optuna.TrialPruned  # the lock is released when the end is recorded
            if not is_last:
                self._lock.release()
        return curve[-1]

    def _record_end(self, _: optuna.Study, trial: FrozenTrial) -> None:
        self.events.append(Event(trial.number, state=trial.state))
        self._lock.release()


class Replay:
    """Lets launchers see the events of a recording, and compares what their pruner stops."""

    def __init__(self, folder: Path, objective: str, direction: str, pruner: Mapping[str, Any]) -> None:
        self._url = make_url(f"sqlite:///{folder}/optuna.db")
        self._objective = objective
        self._study = Study.model_validate(
            {
                "name": NAME,
                "train": "toy:train",
                "metric": objective,
                "direction": direction,
                "trials": len(CURVES),
                "space": {"x": {"type": "float", "low": 0.0, "high": 1.0}},
                "sampler": {"name": "random"},
                "pruner": pruner,
            }
        )
        self._ids: dict[int, int] = {}
        self._judged_epochs: dict[int, dict[int, float]] = {}  # what our tables record
        self.pruned: dict[int, int] = {}

    def run(self, events: list[Event], num_per_launch: int) -> None:
        """Replay the events with a new launcher after each `num_per_launch` of them."""
        for start in range(0, len(events), num_per_launch):
            with self._launcher() as proposals:
                for happened in events[start : start + num_per_launch]:
                    self._replay(happened, proposals)

    @contextmanager
    def _launcher(self) -> Iterator[Proposals]:
        with optuna_storage(self._url) as storage:
            event.listen(storage.engine, "connect", _do_not_wait_for_the_disk)
            storage.engine.dispose()  # connections that were opened before
            yield Proposals(self._study, storage, self._judged_epochs)

    def _replay(self, happened: Event, proposals: Proposals) -> None:
        number, epoch, state = happened
        curves = CURVES[number]
        if epoch is not None:
            metrics = {name: curve[epoch - 1] for name, curve in curves.items()}
            proposals.report(self._ids[number], epoch, metrics)
            if self._study.pruner.other_metric() is not None:
                judged = metrics[self._study.pruner.other_metric().name]  # type: ignore[union-attr]
                self._judged_epochs.setdefault(self._ids[number], {})[epoch] = judged
            if proposals.should_prune({self._ids[number]: [epoch]}):
                self.pruned[number] = epoch
            elif number % 7 == 3 and epoch == 2:
                self._fail_and_retry(number, proposals)
        elif state is not None:
            value = curves[self._objective][-1] if state is TrialState.COMPLETE else None
            proposals.tell(number, TrialEnd(OUTCOMES[state], () if value is None else (value,)))
        else:
            while number not in self._ids:
                proposal = proposals.propose()
                self._ids[proposal.number] = proposal.optuna_trial_id

    def _fail_and_retry(self, number: int, proposals: Proposals) -> None:
        proposals.tell(number, TrialEnd(Outcome.FAILED))
        with optuna_storage(self._url) as storage, storage.engine.begin() as connection:
            connection.execute(reopen(self._ids[number]))
        proposals.reread()


def _do_not_wait_for_the_disk(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")


def pruned(events: list[Event]) -> dict[int, int]:
    """Return the last epoch of each trial that was pruned."""
    last = {number: epoch for number, epoch, _ in events if epoch is not None}
    return {number: last[number] for number, _, state in events if state is TrialState.PRUNED}


@pytest.mark.parametrize("num_threads", [1, 4], ids=["in order", "out of order"])
@pytest.mark.parametrize(
    ("settings", "make"), PRUNERS, ids=[str(settings).replace("'", "") for settings, _ in PRUNERS]
)
def test_pruner_stops_the_trials_that_optuna_stops(
    settings: dict[str, Any], make: Callable[[], BasePruner], num_threads: int, tmp_path: Path
) -> None:
    recording = Recording("val_accuracy")
    recording.run("maximize", make(), num_threads)
    replay = Replay(tmp_path, "val_accuracy", "maximize", settings)
    replay.run(recording.events, num_per_launch=500)
    assert 10 < len(replay.pruned) < len(CURVES)
    assert replay.pruned == pruned(recording.events)


@pytest.mark.parametrize(("settings", "make"), PRUNERS[3:7], ids=[each[0]["name"] for each in PRUNERS[3:7]])
def test_pruner_judges_by_another_metric_as_optuna_judges_that_objective(
    settings: dict[str, Any], make: Callable[[], BasePruner], tmp_path: Path
) -> None:
    recording = Recording("val_loss")
    recording.run("minimize", make(), num_threads=4)
    judged = settings | {"metric": "val_loss", "direction": "minimize"}
    replay = Replay(tmp_path, "val_accuracy", "maximize", judged)
    replay.run(recording.events, num_per_launch=500)
    assert 10 < len(replay.pruned) < len(CURVES)
    assert replay.pruned == pruned(recording.events)
