"""Proposals of all samplers, with launchers that are interrupted before and during each proposal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy import make_url

from sweep.definition.conditions import num_points
from sweep.definition.study import Study
from sweep.launcher.proposals import Proposal, Proposals
from sweep.launcher.reconciliation import TrialEnd
from sweep.states import Outcome
from sweep.storage.optuna_storage import optuna_storage

pytestmark = pytest.mark.slow
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="needs PyTorch")
needs_cmaes = pytest.mark.skipif(find_spec("cmaes") is None, reason="needs cmaes")

SAMPLERS = [
    pytest.param({"name": "tpe", "startup_trials": 4}, id="tpe"),
    pytest.param({"name": "tpe", "startup_trials": 4, "multivariate": False}, id="tpe-univariate"),
    pytest.param({"name": "tpe", "startup_trials": 4, "group": True}, id="tpe-group"),
    pytest.param({"name": "random"}, id="random"),
    pytest.param({"name": "qmc"}, id="qmc"),
    pytest.param({"name": "grid"}, id="grid"),
    pytest.param({"name": "nsgaii", "population_size": 4}, id="nsgaii"),
    pytest.param({"name": "nsgaiii", "population_size": 4}, id="nsgaiii"),
    pytest.param({"name": "cmaes", "population_size": 4}, id="cmaes", marks=needs_cmaes),
    pytest.param(
        {"name": "cmaes", "population_size": 4, "with_margin": True}, id="cmaes-margin", marks=needs_cmaes
    ),
    pytest.param({"name": "gp", "startup_trials": 4}, id="gp", marks=needs_torch),
]
NUM_TRIALS = 14


def study(sampler: Mapping[str, Any], **keys: Any) -> Study:
    values: dict[str, Any] = {
        "name": "toy",
        "train": "toy:train",
        "metric": "score",
        "direction": "maximize",
        "trials": NUM_TRIALS,
        "space": {
            "width": {"type": "int", "low": 1, "high": 8},
            "decay": {"type": "float", "low": 0.0, "high": 1.0, "step": 0.25},
            "shift": {"type": "categorical", "choices": ["none", "shift"]},
        },
        "sampler": sampler,
    }
    return Study.model_validate({key: value for key, value in (values | keys).items() if value is not None})


def score(params: Mapping[str, Any]) -> float:
    bonus = 1.0 if params["shift"] == "shift" else 0.0
    return float(-((params["width"] - 5) ** 2) - (params["decay"] - 0.5) ** 2 + bonus)


@contextmanager
def launcher(definition: Study, folder: Path) -> Iterator[Proposals]:
    with optuna_storage(make_url(f"sqlite:///{folder}/optuna.db")) as storage:
        yield Proposals(definition, storage)


def finish(proposals: Proposals, proposal: Proposal) -> dict[str, Any]:
    params = proposals.params(proposal.optuna_trial_id)
    for epoch in range(1, 10):
        proposals.report(proposal.optuna_trial_id, epoch, {"score": score(params)})
        proposals.should_prune({proposal.optuna_trial_id: [epoch]})
    proposals.tell(proposal.number, TrialEnd(Outcome.COMPLETE, (score(params),)))
    return params


class Interruption(Exception):  # noqa: N818
    """Ends a launcher at a chosen moment."""


def proposed_without_interruption(definition: Study, folder: Path, num_trials: int) -> list[dict[str, Any]]:
    with launcher(definition, folder) as proposals:
        return [finish(proposals, proposals.propose()) for _ in range(num_trials)]


@pytest.mark.parametrize(
    ("sampler", "pruner"),
    [
        *(pytest.param(*each.values, {"name": "none"}, id=each.id, marks=each.marks) for each in SAMPLERS),
        pytest.param({"name": "tpe", "startup_trials": 2}, {"name": "hyperband"}, id="tpe-hyperband"),
    ],
)
def test_proposals_do_not_depend_on_interruptions(
    sampler: dict[str, Any], pruner: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = study(sampler, pruner=pruner)
    (tmp_path / "whole").mkdir()
    expected = proposed_without_interruption(definition, tmp_path / "whole", NUM_TRIALS)
    last = next(reversed(definition.space))

    def interrupted(*_: Any) -> Any:
        raise Interruption

    params: list[dict[str, Any]] = []
    for number in range(NUM_TRIALS):
        if number % 2:  # this launcher dies when all hyperparameters but the last one are proposed
            with launcher(definition, tmp_path) as proposals, monkeypatch.context() as patch:
                patch.setattr(type(definition.space[last]), "suggest", interrupted)
                with pytest.raises(Interruption):
                    proposals.propose()
        with launcher(definition, tmp_path) as proposals:
            lost = proposals.unrecorded(range(number))
            params.append(finish(proposals, lost[0] if lost else proposals.propose()))
    assert params == expected


@pytest.mark.parametrize("sampler", [each for each in SAMPLERS if each.id != "gp"])
def test_seed_determines_the_proposals(sampler: dict[str, Any], tmp_path: Path) -> None:
    found = []
    for name, seed in (("first", 0), ("second", 0), ("third", 1)):
        (tmp_path / name).mkdir()
        found.append(proposed_without_interruption(study({**sampler, "seed": seed}), tmp_path / name, 8))
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_grid_evaluates_every_point_once_although_it_is_interrupted_extended_and_retried(
    tmp_path: Path,
) -> None:
    """Let trials fail, restart the launcher after each seven proposals, and extend the study to the grid."""
    enqueued = [{"width": 3, "decay": 0.5, "shift": "none"}]
    part = study({"name": "grid"}, trials=30, enqueue=enqueued)
    whole = study({"name": "grid"}, trials=None, enqueue=enqueued)
    assert whole.trials == num_points(whole.space) == 80
    running: list[Proposal] = []
    for definition in (part, whole):
        num_free = definition.trials
        while num_free > 0:
            with launcher(definition, tmp_path) as proposals:
                num_free = definition.trials - proposals.num_proposed()
                running += [proposals.propose() for _ in range(min(7, num_free))]
                ended, running = running[2:], running[:2]
                for proposal in ended:
                    if proposals.params(proposal.optuna_trial_id)["width"] == 2:
                        proposals.tell(proposal.number, TrialEnd(Outcome.FAILED))
                    else:
                        finish(proposals, proposal)
    recorded = optuna.load_study(study_name="toy", storage=f"sqlite:///{tmp_path}/optuna.db").trials
    assert recorded[0].params == enqueued[0]
    assert len(recorded) == len({str(trial.params) for trial in recorded}) == 80


def test_point_of_the_grid_that_is_enqueued_later_is_not_repeated(tmp_path: Path) -> None:
    definition = study({"name": "grid"}, trials=None)
    (done, *_) = proposed_without_interruption(definition, tmp_path, 3)
    other = next(
        {"width": width, "decay": 1.0, "shift": "none"}
        for width in range(1, 9)
        if {"width": width, "decay": 1.0, "shift": "none"} != done
    )
    extended = study({"name": "grid"}, trials=None, enqueue=[done, other])
    with launcher(extended, tmp_path) as proposals:
        while proposals.num_proposed() < extended.trials:
            finish(proposals, proposals.propose())
    recorded = optuna.load_study(study_name="toy", storage=f"sqlite:///{tmp_path}/optuna.db").trials
    assert len(recorded) == len({str(trial.params) for trial in recorded}) == 80
