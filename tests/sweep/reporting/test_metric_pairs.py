"""Which metrics are recognized as a pair."""

import pytest

from sweep.reporting.metric_pairs import MetricPair, metric_pairs, without_split


@pytest.mark.parametrize(
    ("metrics", "pairs"),
    [
        (["accuracy", "val_accuracy"], [("accuracy", "accuracy", "val_accuracy")]),
        (["train_accuracy", "val_accuracy"], [("accuracy", "train_accuracy", "val_accuracy")]),
        (["train/acc", "val/acc"], [("acc", "train/acc", "val/acc")]),
        (["train_loss", "valid_loss"], [("loss", "train_loss", "valid_loss")]),
        (["training/loss", "validation/loss"], [("loss", "training/loss", "validation/loss")]),
        (["loss", "train_loss", "val_loss"], [("loss", "train_loss", "val_loss")]),
        (
            ["val_loss", "accuracy", "loss", "val_accuracy"],
            [("loss", "loss", "val_loss"), ("accuracy", "accuracy", "val_accuracy")],
        ),
        (["train/a/b", "val/a/b"], [("a/b", "train/a/b", "val/a/b")]),
        (["accuracy", "test_accuracy"], []),
        (["val_accuracy"], []),
        (["train_loss", "val_accuracy"], []),
        (["value", "training", "val_"], []),
        ([], []),
    ],
)
def test_pairs_are_recognized(metrics: list[str], pairs: list[tuple[str, str, str]]) -> None:
    assert metric_pairs(metrics) == [MetricPair(*pair) for pair in pairs]


@pytest.mark.parametrize(
    ("metric", "base"), [("val/acc", "acc"), ("valid_loss", "loss"), ("loss", "loss"), ("value", "value")]
)
def test_split_is_removed(metric: str, base: str) -> None:
    assert without_split(metric) == base
