"""Which configurations get more seeds."""

from sweep.operations.seed_allocation import Evaluated, allocate

GOOD, SAME, BAD = [0.90, 0.92, 0.94], [0.91, 0.93, 0.92], [0.60, 0.62, 0.61]


def evaluated(*results: list[float]) -> list[Evaluated]:
    return [Evaluated(len(values), values) for values in results]


def test_those_in_contention_get_a_seed_and_those_that_cannot_win_do_not() -> None:
    assert allocate(evaluated(GOOD, BAD, SAME), "maximize", 0.95, 20).chosen == [0, 2]


def test_evaluation_ends_at_the_level() -> None:
    allocation = allocate(evaluated(GOOD, BAD), "maximize", 0.95, 20)
    assert allocation.chosen == []
    assert "which reaches 0.95" in allocation.reason


def test_evaluation_ends_at_the_limit_of_seeds() -> None:
    allocation = allocate(evaluated(GOOD, SAME, BAD), "maximize", 0.95, 3)
    assert allocation.chosen == []
    assert "have 3 seeds, which is the limit" in allocation.reason


def test_failed_seeds_count_towards_the_limit() -> None:
    configurations = [Evaluated(6, GOOD), Evaluated(3, SAME)]
    assert allocate(configurations, "maximize", 0.95, 6).chosen == [1]


def test_configuration_whose_trials_failed_is_not_compared() -> None:
    configurations = [*evaluated(GOOD, SAME), Evaluated(3, [])]
    assert allocate(configurations, "maximize", 0.95, 20).chosen == [0, 1]
    allocation = allocate([Evaluated(3, GOOD), Evaluated(3, [])], "maximize", 0.95, 20)
    assert allocation.chosen == []
    assert "fewer than two" in allocation.reason


def test_unknown_variation_gives_each_configuration_a_seed() -> None:
    assert allocate([Evaluated(3, [0.9]), Evaluated(3, [0.8])], "maximize", 0.95, 20).chosen == [0, 1]
