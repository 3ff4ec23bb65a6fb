import math

import numpy as np
import pytest

from sweep.reporting.formatting import (
    format_choices,
    format_duration,
    format_metric,
    format_param,
    format_params,
    heading,
    headline_metrics,
    reading_order,
)


def test_heading_replaces_abbreviations() -> None:
    assert heading("val_accuracy") == "validation accuracy"
    assert heading("lr_decay") == "LR decay"
    assert heading("größe") == "größe"


def test_reading_order_starts_with_the_objective_and_goes_by_base_metric() -> None:
    metrics = ["train_loss", "val_accuracy", "seconds", "val_loss", "train_accuracy"]
    ordered = ["train_accuracy", "val_accuracy", "train_loss", "val_loss", "seconds"]
    assert reading_order(metrics, ["val_accuracy"]) == ordered


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("val_accuracy", 0.9845, "98.45\N{NO-BREAK SPACE}%"),
        ("val_accuracy", 98.45, "98.45"),
        ("val_loss", 0.123456, "0.1235"),
        ("val_loss", math.nan, "–"),
        ("val_loss", math.inf, "–"),
        ("val_loss", None, "–"),
    ],
)
def test_metric_is_formatted_by_its_kind(metric: str, value: float | None, shown: str) -> None:
    assert format_metric(metric, value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.float64(32.0), "32"),
        (np.int64(3), "3"),
        (0.0005123456789123, "0.0005123"),
        (0.000512345, "0.000512345"),
        (math.nan, "–"),
        (True, "True"),
        (None, "–"),
        (0.99995, "0.99995"),
        (0.9999512345678, "0.99995"),
        (0.99999999999912, "1"),
        (1234567.0, "1234567"),
        (1e-05, "1e-05"),
        (0.1 + 0.2, "0.3"),
        ([64, 64.5], "[64, 64.5]"),
    ],
)
def test_param_is_formatted_by_its_type(value: object, shown: str) -> None:
    assert format_param(value) == shown


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.999, 0.9999, 0.99995, 0.99999], ["0.999", "0.9999", "0.99995", "0.99999"]),
        ([0.999912345678, 0.999951234567], ["0.99991235", "0.99995123"]),
        ([0.12345678901234, 0.98765432109876], ["0.1235", "0.9877"]),
        ([1e-5 / 3, 1 / 3], ["3.333e-06", "0.3333"]),
        ([1 / 3, 1 / 3], ["0.3333", "0.3333"]),
        ([32.0, math.nan, None], ["32", "–", "–"]),
        (["adam", True, [1, 2]], ["adam", "True", "[1, 2]"]),
        ([math.inf, 0.5], ["inf", "0.5"]),
        ([], []),
    ],
)
def test_params_are_rounded_by_their_range(values: list[object], shown: list[str]) -> None:
    assert format_params(values) == shown


def test_choices_are_told_apart_by_value() -> None:
    choices = [0.999, 0.9999, 0.99995, 0.99999, 1 / 3, 1 / 3 + 1e-12, 1, "1", None, "None", "none"]
    texts = format_choices(choices)
    assert len(set(texts)) == len(choices)
    assert texts[:4] == ["0.999", "0.9999", "0.99995", "0.99999"]
    assert texts[6:] == ["1", '"1"', "None", '"None"', "none"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (89, "89 s"),
        (3540, "59 min"),
        (3599, "1 h 00 min"),
        (11_100, "3 h 05 min"),
        (200_000, "2 d 7 h"),
        (math.nan, "–"),
    ],
)
def test_duration_has_at_most_two_units(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


def test_headline_metrics_are_all_metrics_if_they_are_few() -> None:
    few = ["val_loss", "train_accuracy", "seconds", "val_accuracy"]
    assert headline_metrics(few, ["val_accuracy"]) == [
        "train_accuracy",
        "val_accuracy",
        "val_loss",
        "seconds",
    ]
    many = [*few, "train_loss", "rate", "train_margin_loss", "val_margin_loss"]
    assert headline_metrics(many, ["val_accuracy"]) == ["train_accuracy", "val_accuracy"]
    assert headline_metrics(many, ["val_accuracy"], "loss") == [
        "train_accuracy", "val_accuracy", "train_loss", "val_loss",
    ]  # fmt: skip
