"""The metrics that a script prints, as far as its source shows them."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

VALUE = "\0"
"""What stands for a printed value in a text."""
PLACEHOLDER = re.compile(r"\{[^{}]*\}|%[-+ #0]*[\d*]*(?:\.\d+)?[dfegs]")
LABELLED = re.compile(rf"([A-Za-z][\w ./-]*?)\s*([:=]?)\s*{VALUE}")
NUMBER = r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)"
RANKS = ("val|dev|eval", "test", "")
"""Parts of the names of metrics, those of the validation data first, because test data must not choose."""
MAXIMIZED = re.compile(r"acc|auc|score|reward|precision|recall|(^|_)(f1|r2|iou|dice|bleu|map)(_|$)")
MINIMIZED = re.compile(r"loss|error|perplexity|(^|_)(err|ppl|rmse|mse|mae|nll)(_|$)")
MAX_METRICS = 6
"""The maximum number of metrics of a study file."""


class PrintedMetrics(NamedTuple):
    """The metrics that a script prints.

    Attributes:
        patterns: A regular expression for each metric by its name, and for `epoch` if it is printed.
        metric: The metric that is probably the objective.
        direction: Whether to `maximize` or `minimize` it.
        is_found: Whether the source contains them; False if they are a guess.
    """

    patterns: dict[str, str]
    metric: str
    direction: str
    is_found: bool


GUESS = PrintedMetrics(
    {"epoch": r"[Ee]poch\D*(\d+)", "loss": rf"loss\s*[:=]?\s*{NUMBER}"}, "loss", "minimize", False
)


def printed_metrics(source: str) -> PrintedMetrics:
    """Return the metrics that a script prints, or a guess if its source shows none."""
    patterns: dict[str, str] = {}
    for label, separator in _labels(source):
        name = re.sub(r"\W+", "_", label.lower()).strip("_")
        words = r"\s+".join(map(re.escape, label.split()))
        before_value = rf"\s*{separator}\s*" if separator else r"\s+"
        if re.search(r"\bepoch$", label.lower()):
            patterns.setdefault("epoch", rf"{words}{before_value}(\d+)")
        elif MAXIMIZED.search(name) or MINIMIZED.search(name):
            patterns.setdefault(name, rf"\b{words}{before_value}{NUMBER}")
    names = [name for name in patterns if name != "epoch"][:MAX_METRICS]
    if not names:
        return GUESS
    metric = min(names, key=_rank)
    kept = {name: patterns[name] for name in ("epoch", *names) if name in patterns}
    return PrintedMetrics(kept, metric, "minimize" if MINIMIZED.search(metric) else "maximize", True)


def _rank(name: str) -> tuple[int, bool]:
    """Return the rank of a metric as the objective: validation first, and those to maximize before others."""
    found = next(rank for rank, part in enumerate(RANKS) if re.search(part, name))
    return found, MINIMIZED.search(name) is not None


def _labels(source: str) -> Iterator[tuple[str, str]]:
    """Yield each text that is printed before a value, and the character between them."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        for match in LABELLED.finditer(_text(node)):
            yield match[1], match[2]


def _text(node: ast.AST) -> str:
    """Return a string of the source with `VALUE` in place of what is inserted; empty for other nodes."""
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else VALUE for part in node.values]
        return "".join(map(str, parts))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return PLACEHOLDER.sub(VALUE, node.value)
    return ""
