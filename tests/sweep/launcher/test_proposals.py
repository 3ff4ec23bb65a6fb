"""What Optuna proposes for a search space with conditions and labels."""

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from sweep.definition.conditions import present_params
from sweep.definition.study import Study
from sweep.launcher.proposals import Proposals
from sweep.launcher.reconciliation import TrialEnd
from sweep.states import Outcome
from sweep.storage.database import connect, parse_url, upgrade
from sweep.storage.optuna_storage import PolledStorage, optuna_storage

RANGE = {"type": "float", "low": 0.0, "high": 1.0}
STUDY = Study.model_validate(
    {
        "name": "toy",
        "train": "m:f",
        "metric": "score",
        "direction": "maximize",
        "trials": 40,
        "space": {
            "scale": {"type": "int", "low": 1, "high": 9, "when": {"nesterov": True}},
            "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
            "nesterov": {"type": "categorical", "choices": [True, False], "when": {"optimizer": "sgd"}},
            "beta": {**RANGE, "when": {"optimizer": "adam"}},
            "widths": {"type": "categorical", "choices": {"small": [8, 8], "large": [64]}},
        },
        "enqueue": [{"optimizer": "sgd", "nesterov": True, "widths": "small"}],
        "sampler": {"name": "tpe", "startup_trials": 5},
    }
)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[PolledStorage]:
    url = parse_url(f"sqlite:///{tmp_path / 'sweep.db'}")
    upgrade(connect(url))
    with optuna_storage(url) as opened:
        yield opened


def test_trial_has_no_value_of_an_absent_hyperparameter(storage: PolledStorage) -> None:
    proposals = Proposals(STUDY, storage)
    for number in range(STUDY.trials):
        proposal = proposals.propose()
        params = proposals.params(proposal.optuna_trial_id)
        assert params.keys() == present_params(STUDY.space, params).keys()
        assert params["widths"] in {"small", "large"}
        if number == 0:
            assert params == {**STUDY.enqueue[0], "scale": params["scale"]}
        proposals.tell(number, TrialEnd(Outcome.COMPLETE, (params.get("beta", 0.0),)))
    (best,) = proposals.best()
    assert best.params["beta"] > 0.9  # TPE models it although a part of the trials does not have it


def test_interrupted_proposal_is_completed_with_the_values_that_it_has(storage: PolledStorage) -> None:
    Proposals(STUDY, storage)
    trial = optuna.load_study(study_name="toy", storage=storage).ask()
    assert trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "sgd"  # then the launcher was killed
    proposals = Proposals(STUDY, storage)
    (proposal,) = proposals.unrecorded([])
    params = proposals.params(proposal.optuna_trial_id)
    assert (params["optimizer"], params["widths"]) == ("sgd", "small")
    assert params.keys() == {"optimizer", "nesterov", "scale", "widths"}
