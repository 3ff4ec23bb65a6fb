"""Names and numbers as a reader of a report sees them."""

import math
from collections.abc import Iterable
from typing import Any

NONE = "–"
FEW = 6  # metrics that can all be shown
SPLITS = ("train", "val", "test")
WORDS = {"lr": "LR", "val": "validation", "num": "number of"}


def heading(name: str) -> str:
    """`val_accuracy` as "validation accuracy"."""
    return " ".join(WORDS.get(word, word) for word in name.split("_") if word)


def reading_order(metrics: Iterable[str], objective: str) -> list[str]:
    """The objective's family first, and train before validation before test in each family."""

    def key(metric: str) -> tuple[bool, str, int]:
        return family(metric) != family(objective), family(metric), _split_rank(metric)

    return sorted(metrics, key=key)


def chief_metrics(metrics: Iterable[str], objective: str, *families: str) -> list[str]:
    """What a reader looks at first: the objective's family and these; all metrics where they are few."""
    ordered = reading_order(metrics, objective)
    chief = [metric for metric in ordered if family(metric) in {family(objective), *families}]
    return ordered if len(ordered) <= FEW else chief


def family(metric: str) -> str:
    """What is measured, whatever it is measured on: "accuracy" of `val_accuracy`."""
    split, _, rest = metric.partition("_")
    return rest if split in SPLITS and rest else metric


def is_share(metric: str) -> bool:
    """Whether the metric is a share of one by its name; some report percentages under such a name too."""
    return "accuracy" in metric


def show_metric(metric: str, value: Any) -> str:
    if value is None or not math.isfinite(value):
        return NONE
    return f"{100 * value:.2f}\N{NO-BREAK SPACE}%" if is_share(metric) and 0 <= value <= 1 else f"{value:.4g}"


def show_param(value: Any) -> str:
    """A parameter's value; whole numbers that a DataFrame keeps as floats lose their ".0"."""
    value = value.item() if hasattr(value, "item") else value
    if value is None:
        return NONE
    if isinstance(value, float):
        return NONE if math.isnan(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:g}"
    return str(value)


def show_count(count: int, noun: str, plural: str | None = None) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"


def show_duration(seconds: float) -> str:
    """Two units at most: "45 s", "12 min", "3 h 05 min", "2 d 4 h"."""
    if not math.isfinite(seconds):
        return NONE
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _split_rank(metric: str) -> int:
    split = metric.partition("_")[0]
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)
