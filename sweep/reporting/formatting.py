"""Names and numbers as text for the readers of a report."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

NONE = "–"
MAX_METRICS = 6  # up to this number, a report shows all metrics
NUM_DIGITS = 4  # significant digits of a number that is rounded
MAX_ROUNDED_DIGITS = 8  # of a number that fewer digits would round to a single one
MAX_WRITTEN_DIGITS = 10  # up to this number of significant digits, a number is not rounded
EXACT_DIGITS = 17  # distinguish any two numbers
SPLITS = ("train", "val", "test")
WORDS = {"lr": "LR", "val": "validation", "num": "number of", "gpu": "GPU", "gb": "GB"}


def heading(name: str) -> str:
    """Return a name in words: "validation accuracy" for `val_accuracy`."""
    return " ".join(WORDS.get(word, word) for word in name.split("_") if word)


def shortened(text: str, length: int) -> str:
    """Return a text of at most this length, of which the beginning and the end remain."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def base_metric(metric: str) -> str:
    """Return a metric's name without the split it was measured on: "accuracy" for `val_accuracy`."""
    split, _, rest = metric.partition("_")
    return rest if split in SPLITS and rest else metric


def reading_order(metrics: Iterable[str], objectives: Sequence[str]) -> list[str]:
    """Sort metrics by base metric, those of the objectives first, then by split: train, validation, test."""
    first = [base_metric(objective) for objective in objectives]

    def key(metric: str) -> tuple[int, str, int]:
        base = base_metric(metric)
        return first.index(base) if base in first else len(first), base, _split_rank(metric)

    return sorted(metrics, key=key)


def headline_metrics(metrics: Iterable[str], objectives: Sequence[str], *base_metrics: str) -> list[str]:
    """Return the metrics that a report shows, in reading order.

    Args:
        metrics: The metrics that were reported.
        objectives: The metrics of the objectives.
        base_metrics: Further base metrics to show beside those of the objectives.

    Returns:
        All metrics if there are at most `MAX_METRICS`; otherwise those with one of the base metrics.
    """
    ordered = reading_order(metrics, objectives)
    if len(ordered) <= MAX_METRICS:
        return ordered
    shown = {*map(base_metric, objectives), *base_metrics}
    return [metric for metric in ordered if base_metric(metric) in shown]


def is_share(metric: str) -> bool:
    """Return whether a metric is a share of one by its name; some programs report percentages instead."""
    return "accuracy" in metric


def format_metric(metric: str, value: Any) -> str:
    """Return a metric's value as text; a share of one as a percentage."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{100 * value:.2f}\N{NO-BREAK SPACE}%" if is_share(metric) and 0 <= value <= 1 else f"{value:.4g}"


def format_difference(metric: str, one: float, other: float) -> str:
    """Return the distance of two values of a metric as text; in percentage points for shares."""
    if is_share(metric) and min(one, other) >= 0 and max(one, other) <= 1:
        return f"{100 * abs(one - other):.2f} points"
    return f"{abs(one - other):.4g}"


def format_param(value: Any, num_digits: int = NUM_DIGITS) -> str:
    """Return a hyperparameter's value as text, a list or a mapping as JSON.

    A number that a user may have written is exact, so that different choices are different texts. A number
    with more than `MAX_WRITTEN_DIGITS` significant digits has been sampled or computed, and is rounded, but
    not to a single digit if a few more distinguish it: 0.999951234567 is "0.99995", not "1". The ".0" that a
    DataFrame adds to a whole number is omitted.

    Args:
        value: The value.
        num_digits: The significant digits of a number that is rounded.
    """
    exact = format_choice(value)
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, float) or _num_digits(exact) <= MAX_WRITTEN_DIGITS or value.is_integer():
        return exact
    rounded = [f"{value:.{digits}g}" for digits in range(num_digits, max(num_digits, MAX_ROUNDED_DIGITS) + 1)]
    return next((text for text in rounded if _num_digits(text) > 1), rounded[0])


def format_params(values: Sequence[Any]) -> list[str]:
    """Return the values of one hyperparameter as text, rounded to a thousandth of their range or finer."""
    numbers = [float(value) for value in values if _is_finite(value)]
    digits = NUM_DIGITS
    if numbers and (spread := max(numbers) - min(numbers)) > 0:
        digits = 3 + math.ceil(math.log10(max(map(abs, numbers)) / spread))
    return [format_param(value, min(max(NUM_DIGITS, digits), EXACT_DIGITS)) for value in values]


def format_choice(choice: Any) -> str:
    """Return a value as text without rounding: different numbers are different texts."""
    if isinstance(choice, list | dict):
        return json.dumps(choice, ensure_ascii=False)
    choice = choice.item() if hasattr(choice, "item") else choice
    if choice is None or (isinstance(choice, float) and math.isnan(choice)):
        return NONE
    return repr(choice).removesuffix(".0") if isinstance(choice, float) else str(choice)


def format_choices(choices: Sequence[Any]) -> list[str]:
    """Return different choices as different texts: a string is quoted if it looks like another choice."""
    texts = ["None" if choice is None else format_choice(choice) for choice in choices]
    return [
        json.dumps(choice, ensure_ascii=False) if isinstance(choice, str) and texts.count(text) > 1 else text
        for choice, text in zip(choices, texts, strict=True)
    ]


def format_count(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: "1 trial", "1,200 trials"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"


def format_duration(seconds: float) -> str:
    """Return a duration in at most two units: "45 s", "12 min", "3 h 05 min", "2 d 4 h"."""
    if not math.isfinite(seconds):
        return NONE
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def format_size(num_bytes: int) -> str:
    """Return a size on disk: "0 B", "1.5 kB", "120 MB", "3.2 GB"."""
    size, unit = float(num_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):  # noqa: B007
        if size < 999.5:
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"


def _split_rank(metric: str) -> int:
    split = metric.partition("_")[0]
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)


def _num_digits(number: str) -> int:
    """Return the number of significant digits of a number's text."""
    mantissa = number.lstrip("-").partition("e")[0]
    return len(mantissa.replace(".", "").lstrip("0"))


def _is_finite(value: Any) -> bool:
    value = value.item() if hasattr(value, "item") else value
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
