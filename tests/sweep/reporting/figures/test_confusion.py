"""The confusion matrix and the accuracy of each class."""

import json
import math

import pytest

from sweep.reporting.figures.confusion import (
    ConfusionInfo,
    confusion_info,
    describe_class_accuracy,
    describe_confusion,
    draw_class_accuracy,
    draw_confusion,
)
from tests.sweep.reporting import synthetic_studies as studies

ONE_SEED = {"confusion": json.dumps(studies.CONFUSION)}


def test_confusion_is_added_up_over_seeds() -> None:
    info = confusion_info([ONE_SEED, ONE_SEED, {"data_sha256": "abc"}])
    assert info == ConfusionInfo([[16, 4, 0], [2, 18, 0], [0, 0, 0]], 2)
    assert info.accuracies[:2] == [0.8, 0.9]
    assert math.isnan(info.accuracies[2])
    assert "class 0 predicted as 1, 4 times" in describe_confusion(info)
    assert "lowest for class 0, 80.0 %" in describe_class_accuracy(info)
    assert list(draw_confusion(info).data[0].text[0]) == ["16", "4", ""]
    assert len(draw_class_accuracy(info).data[0].x) == 3


@pytest.mark.parametrize(
    "notes", [[], [{}], [ONE_SEED, {"confusion": json.dumps([[1]])}]], ids=["none", "not noted", "unlike"]
)
def test_missing_or_differing_matrices_yield_no_figure(notes: list[dict[str, str]]) -> None:
    assert confusion_info(notes) is None


def test_description_of_a_perfect_classifier() -> None:
    info = ConfusionInfo([[3, 0], [0, 4]], 1)
    assert describe_confusion(info) == "No test image was predicted as another class."
