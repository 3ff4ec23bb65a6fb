"""The data of the optimization history."""

import numpy as np

from sweep.reporting.figures.history import MAX_DOTS, history_info
from tests.sweep.reporting import synthetic_studies as studies


def test_best_so_far_has_a_step_for_each_improvement() -> None:
    info = history_info(studies.of_values([0.5, 0.4, 0.7, 0.6, 0.8]))
    assert info.values == [0.5, 0.4, 0.7, 0.6, 0.8]
    assert (info.best_numbers, info.best_values) == ([0, 2, 4], [0.5, 0.7, 0.8])


def test_smaller_value_is_an_improvement_when_minimizing() -> None:
    info = history_info(studies.of_values([0.5, 0.7, 0.4], direction="minimize"))
    assert info.best_numbers == [0, 2]


def test_pruned_and_failed_trials_are_listed_separately() -> None:
    data = studies.kmnist()
    info = history_info(data)
    by_state = data.trials.groupby("state")["number"].agg(list)
    assert info.numbers == by_state["complete"]
    assert info.incomplete == {state: by_state[state] for state in ("pruned", "failed")}


def test_thinning_keeps_the_best_trial() -> None:
    values = np.random.default_rng(0).uniform(size=10_000)
    info = history_info(studies.of_values(values.tolist()))
    assert len(info.numbers) == MAX_DOTS
    assert info.num_complete == 10_000
    assert int(values.argmax()) in info.numbers
    assert info.best_values[-1] == values.max()
