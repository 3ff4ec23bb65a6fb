"""Confidence intervals over seeds, and comparisons of configurations."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from sweep.errors import InputError
from sweep.reporting.evaluation_table import evaluation_table
from sweep.reporting.seed_statistics import (
    EvaluatedConfiguration,
    evaluated_configurations,
    format_mean,
    verdict,
)
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies


def trials(name: str, rows: list[tuple[float, str, float | None]], direction: str) -> StudyData:
    """Return a study with trials of these hyperparameters x and kind, and values; None for a failed trial."""
    table = pd.DataFrame(
        {
            "number": range(len(rows)),
            "state": ["failed" if value is None else "complete" for *_, value in rows],
            "param_x": [x for x, *_ in rows],
            "param_kind": [kind for _, kind, _ in rows],
            "value": pd.Series([value for *_, value in rows], dtype="float64"),
        }
    )
    space = {
        "x": {"type": "float", "low": 0.0, "high": 9.0},
        "kind": {"type": "categorical", "choices": ["a", "b"]},
    }
    data = replace(studies.empty(), trials=table)
    return studies.with_definition(
        data, name=name, metric=f"{name}_accuracy", direction=direction, space=space
    )


def study(
    found: list[tuple[float, str, float]],
    tested: list[tuple[float, str, float | None]],
    direction: str = "maximize",
) -> StudyData:
    return replace(trials("val", found, direction), evaluation=trials("test", tested, direction))


def test_mean_has_a_confidence_interval() -> None:
    (only,) = evaluated_configurations(
        study([(1.0, "a", 0.9), (2.0, "a", 0.5)], [(1, "a", 0.90), (1, "a", 0.92), (1, "a", 0.94)])
    )
    assert (only.trial, only.params) == (0, {"x": 1.0, "kind": "a"})
    assert only.mean == pytest.approx(0.92)
    assert only.half_width == pytest.approx(4.3027 * 0.02 / math.sqrt(3), rel=1e-4)  # t, 2 degrees of freedom
    assert format_mean(only).replace("\N{NO-BREAK SPACE}", " ") == "92.00 % ± 4.97 %"


@pytest.mark.parametrize(("direction", "order"), [("maximize", [1, 0]), ("minimize", [0, 1])])
def test_configurations_are_ranked_by_validation_and_not_by_test_results(
    direction: str, order: list[int]
) -> None:
    found = [(1.0, "a", 0.90), (2.0, "b", 0.91)]
    tested: list[tuple[float, str, float | None]] = [
        (1.0, "a", 0.99), (2.0, "b", 0.80), (1.0, "a", 0.98), (2.0, "b", None),
    ]  # fmt: skip
    configurations = evaluated_configurations(study(found, tested, direction))
    assert [each.trial for each in configurations] == order
    assert sorted(len(each.values) for each in configurations) == [1, 2]  # a failed seed is left out


def test_study_without_an_evaluation_has_no_configurations() -> None:
    assert evaluated_configurations(trials("val", [(1.0, "a", 0.9)], "maximize")) == []


def configuration(*values: float, trial: int = 0) -> EvaluatedConfiguration:
    return EvaluatedConfiguration(
        trial, {"x": values[0]}, "test_accuracy", list(values), list(range(len(values)))
    )


@pytest.mark.parametrize(
    ("configurations", "words"),
    [
        ([], "no evaluation is complete"),
        ([configuration(0.9)], "one seed does not show"),
        ([configuration(0.9, 0.92)], "95% confidence interval"),
        (
            [configuration(0.95, 0.96, 0.94), configuration(0.94, 0.95, 0.93)],
            "within the variation between seeds",
        ),
        (
            [configuration(0.95, 0.951, 0.949), configuration(0.90, 0.901, 0.899)],
            "is ahead of trial 0",
        ),
        ([configuration(0.95, 0.95), configuration(0.95, 0.95)], "within the variation between seeds"),
        ([configuration(0.95, 0.96), configuration(0.9)], "cannot be compared"),
        ([configuration(0.9, 0.901), configuration(0.99, 0.991, trial=4)], "is behind trial 4 by 9.00"),
    ],
)
def test_verdict_compares_the_chosen_configuration_with_its_best_rival(
    configurations: list[EvaluatedConfiguration], words: str
) -> None:
    assert words in verdict(configurations, "maximize")


def test_interval_of_a_difference_is_welchs() -> None:
    from scipy.stats import ttest_ind

    one, other = [0.951, 0.957, 0.949, 0.955], [0.947, 0.941, 0.951]
    interval = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    half_width = (interval.high - interval.low) / 2
    assert f"± {100 * half_width:.2f}" in verdict([configuration(*one), configuration(*other)], "maximize")


def test_intervals_without_scipy_raise_error_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.reporting.seed_statistics.find_spec", lambda name: None)
    one, two = (EvaluatedConfiguration(0, {}, "test_accuracy", values, []) for values in ([0.5], [0.5, 0.6]))
    assert math.isnan(one.half_width)  # a single seed has no interval
    with pytest.raises(InputError, match=r"need SciPy.*\n.*pip install 'capsweep\[statistics\]'"):
        _ = two.half_width


def test_absent_params_identify_a_configuration_too() -> None:
    space = {
        "kind": {"type": "categorical", "choices": ["a", "b"]},
        "x": {"type": "float", "low": 0.0, "high": 9.0, "when": {"kind": "a"}},
    }
    found = studies.of_values([0.9, 0.8], {"kind": ["b", "a"], "x": [None, 1.0]}, space)
    tested = studies.of_values([0.7, 0.6], {"kind": ["b", "b"], "x": [None, None]}, space)
    (only,) = evaluated_configurations(replace(found, evaluation=tested))
    assert (only.trial, only.params, only.values) == (0, {"kind": "b"}, [0.7, 0.6])
    other = only._replace(trial=1, params={"kind": "a", "x": 1.0})
    assert [row.cells[1:3] for row in evaluation_table([only, other], "maximize").rows] == [
        ["b", "–"],
        ["a", "1"],
    ]
