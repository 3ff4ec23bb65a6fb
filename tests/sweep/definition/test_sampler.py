"""Tests of the samplers' seeds and settings."""

from typing import Any

import optuna
import pytest

from sweep.definition.sampler import QMC, TPE, Random, Sampler, make_sampler
from sweep.definition.space import Entry, FloatEntry, IntEntry

SPACE: dict[str, Entry] = {
    "lr_decay": FloatEntry(type="float", low=0, high=1),
    "epochs": IntEntry(type="int", low=1, high=99),
}


def _proposals(sampler: Sampler, trials: int, study: optuna.Study | None = None) -> list[dict[str, Any]]:
    study = study or optuna.create_study()
    study.sampler = make_sampler(sampler, num_asked=len(study.trials))
    for _ in range(trials):
        trial = study.ask()
        for name, entry in SPACE.items():
            entry.suggest(trial, name)
        study.tell(trial, trial.params["lr_decay"])
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("sampler", [TPE(name="tpe"), Random(name="random"), QMC(name="qmc")])
def test_seed_determines_the_proposals(sampler: Sampler) -> None:
    first = _proposals(sampler, 12)
    assert first == _proposals(sampler, 12)
    assert first != _proposals(sampler.model_copy(update={"seed": 1}), 12)


@pytest.mark.parametrize("sampler", [TPE(name="tpe"), Random(name="random"), QMC(name="qmc")])
def test_relaunched_study_proposes_different_points(sampler: Sampler) -> None:
    study = optuna.create_study()
    _proposals(sampler, 4, study)
    params = _proposals(sampler, 4, study)
    assert len({str(point) for point in params}) == 8


def test_tpe_settings_are_passed_to_optuna(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(optuna.samplers, "TPESampler", lambda **arguments: given.update(arguments))
    make_sampler(TPE(name="tpe", seed=3, startup_trials=2, multivariate=False, constant_liar=False))
    assert given == {"seed": 3, "n_startup_trials": 2, "multivariate": False, "constant_liar": False}
