"""How every figure looks.

Backgrounds are transparent and each colour stands out from white and from near-black, so that one figure
serves light and dark pages. The colours keep apart for colour-blind readers: they differ in hue between
orange and blue, and otherwise in line style or marker.
"""

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from sweep.reporting.formatting import is_share

ORANGE, BLUE, GREY, PINK, GREEN = "#d9730d", "#2f7fc1", "#868c94", "#b8519a", "#2f8f5b"
STATE_COLORS = {"best": ORANGE, "complete": BLUE, "pruned": GREY, "failed": PINK, "running": GREY}

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
    """A line of one trial."""

    number: int
    group: str
    x: Sequence[float]
    y: Sequence[float]


def new_figure(height: int, **layout: Any) -> go.Figure:
    return go.Figure(layout={"template": TEMPLATE, "height": height, **layout})


def plain(text: str) -> str:
    """Text as plotly shows it letter for letter: it reads a few HTML tags in labels."""
    return html.escape(text, quote=False)


def label(text: str) -> str:
    """A name on an axis, shown letter for letter, and cut off where it would push the plot aside."""
    return plain(text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…")


def value_axis(metric: str, values: Iterable[float]) -> dict[str, Any]:
    """Axis settings for values of a metric; a share of one goes from 0 to 100 %, with room for a marker."""
    if is_share(metric) and all(0 <= value <= 1 for value in values):
        return {"tickformat": ".2~%", "minallowed": -0.02, "maxallowed": 1.02}
    return {}


def worst_shown(values: Sequence[float], direction: str) -> float | None:
    """The worst value that an axis has room for, or None: one diverged trial would flatten the rest."""
    if len(values) < 8:
        return None
    sign = 1 if direction == "maximize" else -1
    low, middle, best = np.quantile([sign * value for value in values], [0.25, 0.5, 1])
    limit = low - 3 * max(middle - low, best - middle)
    shown = [sign * value for value in values if sign * value >= limit]
    return sign * min(shown) if best > limit and len(shown) < len(values) else None


def focus(values: Sequence[float], direction: str) -> dict[str, Any]:
    """Axis settings that leave out values far worse than most."""
    worst = worst_shown(values, direction)
    if worst is None:
        return {}
    best = max(values) if direction == "maximize" else min(values)
    air = 0.06 * abs(best - worst) or 0.06
    return {"range": [min(worst, best) - air, max(worst, best) + air]}


def count_axis(highest: float) -> dict[str, Any]:
    """Axis settings for whole numbers: no 0.5 between 0 and 1."""
    return {"dtick": 1} if highest < 10 else {}


def log_axis(low: float, high: float) -> dict[str, Any]:
    """Axis settings for positive numbers over decades; plotly would label 0.05 as a bare 5."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if len(decades) <= 3 else (1,)
    ticks = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def one_trace(lines: Iterable[Polyline], **style: Any) -> go.Scatter:
    """Many lines as one trace, with a gap after each: a page draws one path, not a thousand."""
    lines = list(lines)
    return go.Scatter(
        x=np.concatenate([[*line.x, line.x[-1]] for line in lines]).astype(np.float32),
        y=np.concatenate([[*line.y, np.nan] for line in lines]).astype(np.float32),
        customdata=np.concatenate([np.full(len(line.x) + 1, line.number, np.int32) for line in lines]),
        **style,
    )
