"""Names and numbers as text for the readers of a report."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

NONE = "–"
MAX_METRICS = 6  # up to this number, a report shows all metrics
SPLITS = ("train", "val", "test")
WORDS = {"lr": "LR", "val": "validation", "num": "number of", "gpu": "GPU", "gb": "GB"}


def heading(name: str) -> str:
    """Return a name in words: "validation accuracy" for `val_accuracy`."""
    return " ".join(WORDS.get(word, word) for word in name.split("_") if word)


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


def format_param(value: Any) -> str:
    """Return a hyperparameter's value as text, a list or a mapping as JSON.

    The ".0" that a DataFrame adds to a whole number is omitted.
    """
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    value = value.item() if hasattr(value, "item") else value
    if value is None:
        return NONE
    if isinstance(value, float):
        return NONE if math.isnan(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:g}"
    return str(value)


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
