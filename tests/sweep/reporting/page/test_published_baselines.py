"""The best trial of a study beside published results."""

import dataclasses

import pandas as pd
import pytest

from sweep.reporting.page.published_baselines import PublishedBaselines, published_baselines
from sweep.reporting.seed_statistics import evaluated_configurations
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies

SPACE = "\N{NO-BREAK SPACE}"


def compare(data: StudyData) -> PublishedBaselines:
    found = published_baselines(data, evaluated_configurations(data))
    assert found is not None
    return found


def evaluated(data: StudyData, values: list[float]) -> StudyData:
    """Return the study with an evaluation of its best trial, one value per seed."""
    best = data.trials.loc[[data.trials["value"].idxmax()]]
    params = best[[name for name in best.columns if name.startswith("param_")]]
    tests = pd.concat([params] * len(values), ignore_index=True).assign(
        number=range(len(values)), state="complete", value=values
    )
    evaluation = studies.with_definition(dataclasses.replace(data, trials=tests), metric="test_accuracy")
    return dataclasses.replace(data, evaluation=evaluation)


def test_best_trial_is_the_last_row_of_the_configurations() -> None:
    data = studies.with_baselines(studies.kmnist())
    best = data.trials.loc[data.trials["value"].idxmax()]
    table = compare(data).configurations
    assert [column.heading for column in table.columns] == [
        "", "epochs", "routing iterations", "augmentation", "train", "validation", "test",
    ]  # fmt: skip
    *published, own = table.rows
    assert [row.cells for row in published] == [
        ["shallow", "10", "1", "–", f"99.00{SPACE}%", "–", f"91.00{SPACE}%"],
        ["deep", "100", "–", "shift", f"99.50{SPACE}%", "–", f"94.00{SPACE}%"],
    ]
    assert own.kind == "best"
    assert own.cells == [
        f"this study, trial {best['number']}",
        "50",
        str(best["param_routing_iterations"]),
        str(best["param_augmentation"]),
        f"{100 * best['final_train_accuracy']:.2f}{SPACE}%",
        f"{100 * best['value']:.2f}{SPACE}%",
        "–",  # no test accuracy is known
    ]


def test_columns_of_numbers_are_numeric() -> None:
    columns = compare(studies.with_baselines(studies.kmnist())).configurations.columns
    assert [column.heading for column in columns if not column.numeric] == ["", "augmentation"]


def test_results_are_ranked_with_the_best_trial_by_its_validation_value() -> None:
    found = compare(studies.with_baselines(studies.kmnist()))
    assert not found.is_tested
    assert found.note == studies.BASELINES["note"]
    accuracies = [float(row.cells[1].partition(SPACE)[0]) for row in found.results.rows]
    assert len(accuracies) == 1 + len(studies.BASELINES["results"])
    assert accuracies == sorted(accuracies, reverse=True)
    assert [row.cells[2] for row in found.results.rows if row.kind == "best"] == ["validation"]


def test_evaluated_trial_is_ranked_by_its_test_value() -> None:
    found = compare(studies.with_baselines(evaluated(studies.kmnist(), [0.97, 0.99])))
    assert found.is_tested
    assert found.configurations.rows[-1].cells[-1].startswith(f"98.00{SPACE}% ±")
    names = [row.cells[0].partition(",")[0] for row in found.results.rows]
    assert names == ["ensemble *", "this study", "large network", "nearest neighbours"]
    assert found.results.rows[1].cells[2] == "test"


def test_smaller_result_is_better_when_minimizing() -> None:
    data = studies.of_values([0.2, 0.1], direction="minimize")
    data = studies.with_definition(data, metric="val_error")
    baselines = {**studies.BASELINES, "metric": "error"}
    rows = compare(dataclasses.replace(data, baselines=baselines)).results.rows
    assert [row.kind for row in rows] == ["best", "", "", ""]


@pytest.mark.parametrize(
    "data",
    [
        studies.kmnist(),
        studies.with_baselines(studies.with_definition(studies.kmnist(), metric="val_loss")),
        studies.with_baselines(studies.all_failed()),
        studies.with_baselines(studies.empty()),
    ],
    ids=["no baselines", "another metric", "no complete trial", "no trial"],
)
def test_study_without_a_comparable_result_has_no_comparison(data: StudyData) -> None:
    assert published_baselines(data, []) is None
