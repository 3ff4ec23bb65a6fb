"""The forecast of a study's end."""

import pytest

from sweep.reporting.status.forecast import Forecast, Plan, Spent, forecast, mean_cost
from sweep.storage.status_queries import TrialCost

HOUR = TrialCost(slot_s=3600, gpu_s=3000)


@pytest.mark.parametrize(
    ("plan", "spent", "active_s", "expected"),
    [
        (Plan(4, 2, None, None), Spent(0, 0, 0), [], Forecast(7200, 4, "trials")),
        (Plan(5, 2, None, None), Spent(0, 0, 0), [], Forecast(3 * 3600, 5, "trials")),
        (Plan(4, 2, None, None), Spent(2, 9, 0), [1800, 600], Forecast(3000 + 3600, 4, "trials")),
        (
            Plan(2, 2, None, None),
            Spent(2, 9, 0),
            [7200],
            Forecast(0, 2, "trials"),
        ),  # active for longer than the expected cost
        (Plan(2, 2, None, None), Spent(2, 9, 9), [], None),
        (Plan(9, 1, 2.5, None), Spent(0, 0, 0), [], Forecast(3 * 3600, 3, "hours")),
        (Plan(9, 1, 2.5, None), Spent(3, 3, 0), [], None),
        (Plan(9, 2, None, 3.0), Spent(0, 0, 0), [], Forecast(7200, 4, "gpu_hours")),
        (Plan(9, 2, None, 3.0), Spent(4, 3, 3.1), [1800], Forecast(1800, 4, "gpu_hours")),
    ],
)
def test_forecast_assigns_trials_to_free_slots_until_a_limit(
    plan: Plan, spent: Spent, active_s: list[float], expected: Forecast | None
) -> None:
    assert forecast(plan, spent, HOUR, active_s) == expected


def test_mean_cost_is_the_mean_of_each_component() -> None:
    assert mean_cost([]) is None
    assert mean_cost([TrialCost(10, 0), TrialCost(20, 3)]) == TrialCost(15, 1.5)
