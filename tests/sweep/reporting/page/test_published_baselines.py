import dataclasses

import pandas as pd
import pytest

from sweep.reporting.page.published_baselines import standing
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies


def changed(**definition: object) -> StudyData:
    return studies.with_definition(studies.kmnist(), **definition)


def test_the_best_trial_stands_in_the_starting_work_s_table() -> None:
    data = studies.kmnist()
    best = data.trials.loc[data.trials["value"].idxmax()]
    found = standing(data)
    assert found is not None
    *theirs, own = found.starting_work.rows
    assert [row.cells[-1] for row in theirs] == [
        f"{x}\N{NO-BREAK SPACE}%" for x in ("95.17", "95.34", "97.49", "98.45")
    ]
    assert own.kind == "best"
    assert own.cells[:4] == [
        f"trial {best['number']}",
        "50",
        str(best["param_routing_iterations"]),
        str(best["param_batch_size"]),
    ]
    assert own.cells[-2:] == [
        f"{100 * best['value']:.2f}\N{NO-BREAK SPACE}%",
        "–",
    ]  # no test accuracy is known


def test_published_results_are_in_order_with_the_study_among_them() -> None:
    found = standing(studies.kmnist())
    assert found is not None
    accuracies = [
        float(row.cells[1].split("\N{NO-BREAK SPACE}")[0].split()[0]) for row in found.published.rows
    ]
    assert accuracies == sorted(accuracies, reverse=True)
    assert [row.cells[2] for row in found.published.rows if row.kind == "best"] == ["validation"]


def test_once_it_is_evaluated_it_stands_by_its_test_accuracy() -> None:
    data = studies.kmnist()
    best = data.trials.loc[[data.trials["value"].idxmax()]]
    params = best[[name for name in best.columns if name.startswith("param_")]]
    tests = pd.concat([params] * 2, ignore_index=True).assign(
        number=[0, 1], state="complete", value=[0.97, 0.99]
    )
    evaluation = studies.with_definition(dataclasses.replace(data, trials=tests), metric="test_accuracy")
    found = standing(dataclasses.replace(data, evaluation=evaluation))
    assert found is not None
    assert found.is_tested
    assert found.starting_work.rows[-1].cells[-1].startswith("98.00\N{NO-BREAK SPACE}% ±")
    place = [row.kind for row in found.published.rows].index("best")
    assert [row.cells[0] for row in found.published.rows][place + 1] == "PreActResNet-18"  # 97.82
    assert found.published.rows[place].cells[2] == "test"


@pytest.mark.parametrize(
    "data",
    [
        changed(dataset="digits"),
        changed(dataset=None),
        changed(fixed={"epochs": 1, "num_samples": 300}),
        changed(metric="val_loss"),
        studies.all_failed(),
        studies.empty(),
    ],
)
def test_only_a_result_on_all_of_kuzushiji_mnist_stands_there(data: StudyData) -> None:
    assert standing(data) is None


def test_a_limit_that_is_none_is_no_limit() -> None:
    assert standing(changed(fixed={"epochs": 1, "num_samples": None})) is not None
