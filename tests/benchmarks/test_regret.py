"""Tests of the benchmark of samplers: its problems, its costs and its regret."""

import math

import numpy as np
import optuna
import pytest

from benchmarks.regret import BUDGETS, Curve, Hartmann6, Table, load_problem, regret, search, train

SPACE = {"x": (0.0, 1.0, False, False), "y": (1.0, 100.0, False, True)}
ROWS = np.array([[0.0, 1.0, 0.1, 0.2], [1.0, 100.0, 0.3, 0.9], [0.5, 10.0, 0.4, 0.5]])


def test_regret_is_the_difference_from_the_best_trial_within_the_cost() -> None:
    complete = [(10, 0.5), (20, 0.8), (30, 0.9)]
    assert regret(complete, 20, 1.0) == pytest.approx(0.2)
    assert math.isnan(regret(complete, 9, 1.0))


def test_table_returns_the_curve_of_the_nearest_configuration() -> None:
    table = Table(SPACE, ROWS)
    assert (table.best, table.epochs) == (0.9, 2)
    assert table.suggest(optuna.trial.FixedTrial({"x": 0.9, "y": 80.0})).values == [0.3, 0.9]
    assert table.suggest(optuna.trial.FixedTrial({"x": 0.5, "y": 9.0})).values == [0.4, 0.5]


def test_hartmann6_has_its_published_optimum() -> None:
    optimum = np.array([0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573])
    assert Hartmann6().value(optimum) == pytest.approx(Hartmann6.best, abs=1e-4)


def test_epochs_of_a_configuration_are_paid_for_once() -> None:
    study = optuna.create_study(pruner=optuna.pruners.NopPruner())
    paid: dict[object, int] = {}
    for _ in range(2):
        assert train(study.ask(), Curve("same", [0.1, 0.2, 0.3]), paid) == 0.3
    assert paid == {"same": 3}


def test_pruned_trial_costs_the_epochs_until_it_is_pruned() -> None:
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.ThresholdPruner(lower=0.5))
    paid: dict[object, int] = {}
    assert train(study.ask(), Curve("bad", [0.6, 0.1, 0.7]), paid) is None
    assert paid == {"bad": 2}


def test_random_search_finds_the_best_of_a_small_table() -> None:
    regrets = search(Table(SPACE, ROWS), "random", "none", seed=0)
    assert len(regrets) == len(BUDGETS)
    assert regrets[-1] == 0.0


def test_median_pruner_misses_a_curve_that_is_low_at_first() -> None:
    assert search(Table(SPACE, ROWS), "random", "median", seed=0)[-1] == pytest.approx(0.4)


@pytest.mark.parametrize("name", ["perceptron", "boosting"])
def test_committed_tables_are_complete(name: str) -> None:
    problem = load_problem(name)
    assert 0.5 < problem.best <= 1.0
