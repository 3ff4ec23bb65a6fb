"""The appearance that all figures share.

Backgrounds are transparent, and each colour contrasts with white and with near-black, so that a figure suits
light and dark pages. Readers with colour blindness can distinguish the colours: they differ in hue between
orange and blue, or else in line style or marker.
"""

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from sweep.reporting.formatting import heading, is_share, shortened
from sweep.terminal_text import one_line

ORANGE, BLUE, GREY, PINK, GREEN = "#d9730d", "#2f7fc1", "#868c94", "#b8519a", "#2f8f5b"
STATE_COLORS = {
    "best": ORANGE,
    "complete": BLUE,
    "pruned": GREY,
    "failed": PINK,
    "running": GREY,
    "infeasible": GREY,
}

MAX_LABEL = 28
_AXIS = {
    "gridcolor": "rgba(134, 140, 148, 0.22)",
    "linecolor": "rgba(134, 140, 148, 0.5)",
    "zeroline": False,
    "automargin": True,
    "title": {"font": {"size": 12}, "standoff": 8},
}
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#5c646e"},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
        "title": {"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 8}, "font": {"size": 13}},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "itemsizing": "constant"},
        "hoverlabel": {"bgcolor": "#22262b", "bordercolor": "#22262b", "font": {"color": "#ffffff"}},
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0, 0, 0, 0)", "color": GREY, "activecolor": BLUE},
        "xaxis": _AXIS,
        "yaxis": {**_AXIS, "ticklabelstandoff": 5},
    }
)


class Polyline(NamedTuple):
    """A line that belongs to one trial: its number, its group, and the coordinates."""

    number: int
    group: str
    x: Sequence[float]
    y: Sequence[float]


def new_figure(height: int, **layout: Any) -> go.Figure:
    """Create an empty figure with the shared template."""
    return go.Figure(layout={"template": TEMPLATE, "height": height, **layout})


def plain(text: str) -> str:
    """Escape text for labels, in which Plotly interprets some HTML tags.

    The result must not be a part of a template, in which Plotly would interpret `%{…}`.
    """
    return html.escape(one_line(text), quote=False)


def label(text: str) -> str:
    """Escape a name for an axis, and shorten it in the middle so that it leaves room for the plot."""
    return plain(shortened(text, MAX_LABEL))


def label_with_condition(name: str, condition: str) -> str:
    """Return the label of a hyperparameter, with its condition, if it has one, on a second line."""
    return f"{label(heading(name))}<br>{label(condition)}" if condition else label(heading(name))


def value_axis(metric: str, values: Iterable[float]) -> dict[str, Any]:
    """Return axis settings for a metric; a share of one has an axis in percent with room for markers."""
    if is_share(metric) and all(0 <= value <= 1 for value in values):
        return {"tickformat": ".2~%", "minallowed": -0.02, "maxallowed": 1.02}
    return {}


def worst_shown(values: Sequence[float], direction: str) -> float | None:
    """Return the worst value that an axis should include, or None if it should include all values.

    A diverged trial would otherwise compress the range of all others.
    """
    if len(values) < 8:
        return None
    sign = 1 if direction == "maximize" else -1
    low, middle, best = np.quantile([sign * value for value in values], [0.25, 0.5, 1])
    limit = low - 3 * max(middle - low, best - middle)
    shown = [sign * value for value in values if sign * value >= limit]
    return sign * min(shown) if best > limit and len(shown) < len(values) else None


def focus(values: Sequence[float], direction: str) -> dict[str, Any]:
    """Return axis settings that exclude values far worse than most."""
    worst = worst_shown(values, direction)
    if worst is None:
        return {}
    best = max(values) if direction == "maximize" else min(values)
    margin = 0.06 * abs(best - worst) or 0.06
    return {"range": [min(worst, best) - margin, max(worst, best) + margin]}


def count_axis(highest: float) -> dict[str, Any]:
    """Return axis settings for whole numbers, without ticks between them."""
    return {"dtick": 1} if highest < 10 else {}


def log_axis(low: float, high: float) -> dict[str, Any]:
    """Return settings for a logarithmic axis with complete numbers; Plotly would label 0.05 as 5."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if len(decades) <= 3 else (1,)
    ticks = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def one_trace(lines: Iterable[Polyline], **style: Any) -> go.Scatter:
    """Return many lines as one trace with gaps between them, which is faster to draw than many traces."""
    lines = list(lines)
    return go.Scatter(
        x=_float32(np.concatenate([[*line.x, line.x[-1]] for line in lines])),
        y=_float32(np.concatenate([[*line.y, np.nan] for line in lines])),
        customdata=np.concatenate([np.full(len(line.x) + 1, line.number, np.int32) for line in lines]),
        **style,
    )


def _float32(values: np.ndarray) -> np.ndarray:
    """Return numbers in single precision, which halves the size of a page; too large ones are not drawn."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
