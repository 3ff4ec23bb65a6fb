"""What seeds tell: intervals, and whether one configuration is better than another."""

import math

import pandas as pd
import pytest

from sweep.reporting.evaluation import Evaluated, evaluated, show_mean, verdict
from sweep.storage.study_data import StudyData


def study(rows: list[tuple[float, str, float | None]], direction: str = "maximize") -> StudyData:
    """An evaluation's trials: their params x and kind, and the objective; None for one that failed."""
    trials = pd.DataFrame(
        {
            "number": range(len(rows)),
            "state": ["failed" if value is None else "complete" for *_, value in rows],
            "param_x": [x for x, *_ in rows],
            "param_kind": [kind for _, kind, _ in rows],
            "value": pd.Series([value for *_, value in rows], dtype="float64"),
        }
    )
    definition = {"space": {"x": {}, "kind": {}}}
    none = pd.DataFrame()
    return StudyData("toy-evaluation", "test_accuracy", direction, definition, {}, trials, none, none)


def test_mean_and_interval() -> None:
    (only,) = evaluated(study([(1.0, "a", 0.90), (1.0, "a", 0.92), (1.0, "a", 0.94)]))
    assert only.params == {"x": 1.0, "kind": "a"}
    assert only.mean == pytest.approx(0.92)
    assert only.half_width == pytest.approx(4.3027 * 0.02 / math.sqrt(3), rel=1e-4)  # t, 2 degrees of freedom
    assert show_mean(only).replace("\N{NO-BREAK SPACE}", " ") == "92.00 % ± 4.97 %"


@pytest.mark.parametrize(("direction", "first"), [("maximize", "b"), ("minimize", "a")])
def test_the_best_first_and_failed_seeds_left_out(direction: str, first: str) -> None:
    rows = [(1.0, "a", 0.90), (2.0, "b", 0.95), (1.0, "a", 0.91), (2.0, "b", None)]
    found = evaluated(study(rows, direction))
    assert found[0].params["kind"] == first
    assert sorted(len(each.values) for each in found) == [1, 2]


def configuration(*values: float) -> Evaluated:
    return Evaluated({"x": values[0]}, "test_accuracy", list(values))


@pytest.mark.parametrize(
    ("configurations", "words"),
    [
        ([], "nothing has been tested"),
        ([configuration(0.9)], "one seed says nothing"),
        ([configuration(0.9, 0.92)], "95% confidence interval"),
        ([configuration(0.95, 0.96, 0.94), configuration(0.94, 0.95, 0.93)], "less than seeds do"),
        ([configuration(0.95, 0.951, 0.949), configuration(0.90, 0.901, 0.899)], "ahead of the next by 5.00"),
        ([configuration(0.95, 0.95), configuration(0.95, 0.95)], "less than seeds do"),
        ([configuration(0.95, 0.96), configuration(0.9)], "cannot be told"),
    ],
)
def test_the_verdict(configurations: list[Evaluated], words: str) -> None:
    assert words in verdict(configurations)


def test_welchs_interval_against_scipys() -> None:
    from scipy.stats import ttest_ind

    one, other = [0.951, 0.957, 0.949, 0.955], [0.947, 0.941, 0.951]
    interval = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    half_width = (interval.high - interval.low) / 2
    assert f"± {100 * half_width:.2f}" in verdict([configuration(*one), configuration(*other)])
