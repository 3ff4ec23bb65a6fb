"""The figures of an evaluation, by their data, and its section of the page."""

import json
import math
from dataclasses import replace

import pandas as pd
import pytest

from sweep.reporting.figures.confusion import (
    ConfusionInfo,
    confusion_info,
    describe_class_accuracy,
    describe_confusion,
    draw_class_accuracy,
    draw_confusion,
)
from sweep.reporting.figures.seeds import describe_seeds, draw_seeds, seeds_info
from sweep.reporting.page.page import page
from sweep.reporting.seed_statistics import EvaluatedConfiguration, evaluated_configurations
from sweep.storage.study_data import StudyData
from tests.sweep.reporting.synthetic_studies import STUDY, kmnist, with_definition

ONE_SEED = {"confusion": json.dumps([[8, 2, 0], [1, 9, 0], [0, 0, 0]])}


def evaluation(values: list[tuple[int, float]]) -> StudyData:
    """Trials of batch sizes, with their test accuracies, each noting the same confusion."""
    numbers = list(range(len(values)))
    trials = pd.DataFrame(
        {
            "number": numbers,
            "state": "complete",
            "param_batch_size": [batch_size for batch_size, _ in values],
            "value": [value for _, value in values],
        }
    )
    attempts = pd.DataFrame({"number": numbers, "state": "complete", "notes": [ONE_SEED] * len(values)})
    return with_definition(
        StudyData(STUDY, {}, trials, epochs=pd.DataFrame(), attempts=attempts),
        name="kmnist-evaluation",
        metric="test_accuracy",
        space={"batch_size": {"type": "categorical", "choices": [32, 64]}},
    )


def study(values: list[tuple[int, float]]) -> StudyData:
    """A study in which batch size 32 did best on validation data, as trial 1, and its evaluation."""
    tested = evaluation(values)
    found = with_definition(evaluation([(64, 0.8), (32, 0.9)]), metric="val_accuracy")
    return replace(found, evaluation=tested)


def test_seeds() -> None:
    configurations = evaluated_configurations(study([(64, 0.90), (32, 0.95), (64, 0.92), (32, 0.97)]))
    info = seeds_info(configurations)
    assert (info.names, info.values) == (["trial 1", "trial 0"], [[0.95, 0.97], [0.90, 0.92]])
    assert info.means == pytest.approx([0.96, 0.91])
    figure = draw_seeds(info)
    assert figure.data[0].error_x.array[0] == pytest.approx(
        12.706 * 0.01, rel=1e-3
    )  # t, one degree of freedom
    assert "2 tested configurations" in describe_seeds(info, configurations)


def test_no_configuration_and_a_single_seed() -> None:
    assert describe_seeds(seeds_info([]), []) == "No configuration has been tested yet."
    assert not draw_seeds(seeds_info([])).data
    one = [EvaluatedConfiguration(3, {"x": 1}, "test_accuracy", [0.9], [0])]
    assert math.isnan(seeds_info(one).half_widths[0])
    draw_seeds(seeds_info(one))


def test_confusion_is_added_up() -> None:
    info = confusion_info([ONE_SEED, ONE_SEED, {"data_sha256": "abc"}])
    assert info == ConfusionInfo([[16, 4, 0], [2, 18, 0], [0, 0, 0]], 2)
    assert info.accuracies[:2] == [0.8, 0.9]
    assert math.isnan(info.accuracies[2])
    assert "class 0 for 1, 4 times" in describe_confusion(info)
    assert "lowest for class 0, 80.0 %" in describe_class_accuracy(info)
    assert list(draw_confusion(info).data[0].text[0]) == ["16", "4", ""]
    assert len(draw_class_accuracy(info).data[0].x) == 3


@pytest.mark.parametrize(
    "notes", [[], [{}], [ONE_SEED, {"confusion": json.dumps([[1]])}]], ids=["none", "not noted", "unlike"]
)
def test_no_confusion(notes: list[dict[str, str]]) -> None:
    assert confusion_info(notes) is None


def test_a_perfect_classifier() -> None:
    info = ConfusionInfo([[3, 0], [0, 4]], 1)
    assert describe_confusion(info) == "No test image was taken for another class."


def test_on_the_page() -> None:
    data = kmnist()
    best = data.complete_trials.iloc[[0]]
    params = best[[name for name in best.columns if name.startswith("param_")]]
    tested = pd.concat([params] * 2, ignore_index=True).assign(
        number=[0, 1], state="complete", value=[0.95, 0.96]
    )
    text = page(replace(data, evaluation=replace(evaluation([(0, 0.0)] * 2), trials=tested))).decode()
    assert "How good is it on test data?" in text
    assert "Results by class" in text
    assert "on test data: 95.50\N{NO-BREAK SPACE}% ±" in text
    assert "How good is it on test data?" not in page(data).decode()


def test_an_evaluation_that_has_nothing_yet() -> None:
    text = page(replace(kmnist(), evaluation=evaluation([]))).decode()
    assert "No evaluation has completed yet." in text
