"""How did each trial learn, and which trials overfitted, diverged or were stopped early?"""

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sweep.reporting.figures.theme import (
    STATE_COLORS,
    Polyline,
    count_axis,
    log_axis,
    new_figure,
    one_trace,
    plain,
    value_axis,
)
from sweep.reporting.formatting import (
    base_metric,
    format_count,
    format_metric,
    heading,
    headline_metrics,
    is_share,
)
from sweep.reporting.ranking import spread
from sweep.storage.study_data import StudyData

MAX_TRIALS = 200
MAX_EPOCHS = 200
MIN_VALUES = 40  # from this number on, an extent may omit the lowest tenth
GROUPS = ("failed", "pruned", "running", "complete", "best")  # in drawing order: the best trial is on top
STYLES: dict[str, dict[str, Any]] = {
    "best": {"width": 2.5},
    "complete": {"width": 1},
    "pruned": {"width": 1, "dash": "dot"},
    "failed": {"width": 1, "dash": "dash"},
    "running": {"width": 1},
}

OPACITY = {"best": 1.0, "pruned": 0.35, "failed": 0.45}


class CurvesInfo(NamedTuple):
    """The learning curves of one metric.

    Attributes:
        metric: The name of the metric.
        curves: The curves that are drawn.
        extent: The range of the vertical axis, which is the same for all splits of a base metric so that they
            can be compared. For a share it omits the lowest tenth of the values, which are those of the first
            epochs and of diverged trials. None without finite values.
        log: Whether the vertical axis is logarithmic.
        num_trials: The number of trials that have reported epochs, drawn or not.
    """

    metric: str
    curves: list[Polyline]
    extent: tuple[float, float] | None
    log: bool
    num_trials: int


def curves_info(data: StudyData) -> list[CurvesInfo]:
    """Return the curves of each metric that the report shows."""
    objectives = [objective.metric for objective in data.goals.objectives]
    metrics = headline_metrics(data.epochs.columns.drop(["number", "epoch"]), objectives, "loss")
    reported = data.ranked_trials
    reported = reported[reported["number"].isin(data.epochs["number"])]
    if reported.empty:
        return []
    drawn = spread(reported, MAX_TRIALS)
    best = data.best_trials["number"].tolist()
    groups = {
        number: "best" if number in best else state
        for number, state in zip(drawn["number"], drawn["state"], strict=True)
    }
    epochs = data.epochs[data.epochs["number"].isin(groups)].sort_values(["number", "epoch"])
    splits = {
        name: [metric for metric in metrics if base_metric(metric) == name]
        for name in map(base_metric, metrics)
    }
    extents = {
        name: extent_of(epochs[members].to_numpy(float), is_share(name)) for name, members in splits.items()
    }
    return [
        CurvesInfo(
            metric=metric,
            curves=_curves(epochs, metric, groups),
            extent=extents[base_metric(metric)],
            log=_spans_decades(extents[base_metric(metric)]) and not is_share(metric),
            num_trials=len(reported),
        )
        for metric in metrics
    ]


def draw_curves(info: CurvesInfo) -> go.Figure:
    """Draw one line per trial."""
    figure = new_figure(height=300, showlegend=True)
    last = max((line.x[-1] for line in info.curves), default=0)
    figure.update_xaxes(title_text="epoch", **count_axis(last))
    figure.update_yaxes(_y_axis(info), title_text=plain(heading(info.metric)))
    for group in GROUPS:
        lines = [curve for curve in info.curves if curve.group == group]
        if not lines:
            continue
        figure.add_trace(
            one_trace(
                lines,
                name=group,
                mode="lines+markers" if all(len(line.x) == 1 for line in lines) else "lines",
                line={"color": STATE_COLORS[group], **STYLES[group]},
                opacity=OPACITY.get(group, 0.6),
                hovertemplate=f"trial %{{customdata}} ({group})<br>epoch %{{x}}: %{{y}}<extra></extra>",
            )
        )
    return figure


def describe_curves(info: CurvesInfo) -> str:
    """Describe the number of curves and the end of the best one."""
    if not info.curves:
        return f"No {heading(info.metric)} has been reported yet."
    text = f"{heading(info.metric)} by epoch for {format_count(len(info.curves), 'trial')}"
    best = [curve for curve in info.curves if curve.group == "best"]
    if len(best) > 1:
        text += f"; {format_count(len(best), 'trial')} of the Pareto front are orange"
    elif best:
        value = format_metric(info.metric, best[0].y[-1])
        text += f"; the best trial, {best[0].number}, ends epoch {best[0].x[-1]:g} at {value}"
    return text + "."


def _curves(epochs: pd.DataFrame, metric: str, groups: dict[int, str]) -> list[Polyline]:
    """Return one line for each trial that has reported the metric."""
    lines: dict[Any, pd.DataFrame] = dict(iter(epochs.dropna(subset=metric).groupby("number")))
    return [
        Polyline(number, group, *thinned(lines[number]["epoch"].tolist(), lines[number][metric].tolist()))
        for number, group in groups.items()
        if number in lines
    ]


def thinned(epochs: list[int], values: list[float]) -> tuple[list[int], list[float]]:
    """Reduce a curve to at most `MAX_EPOCHS` evenly spaced epochs, including the last one."""
    step = math.ceil(len(epochs) / MAX_EPOCHS)
    return epochs[::-step][::-1], values[::-step][::-1]


def extent_of(values: "np.ndarray[Any, Any]", of_share: bool) -> tuple[float, float] | None:
    """Return the range of the finite values; for a share, without the lowest tenth."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    is_long = of_share and finite.size >= MIN_VALUES
    low = np.quantile(finite, 0.1) if is_long else finite.min()
    return float(low), float(finite.max())


def _spans_decades(extent: tuple[float, float] | None) -> bool:
    return extent is not None and extent[0] > 0 and extent[1] > 50 * extent[0]


def _y_axis(info: CurvesInfo) -> dict[str, Any]:
    """Return axis settings for the extent with a margin."""
    if info.extent is None or info.extent[0] == info.extent[1]:
        return value_axis(info.metric, info.extent or ())
    low, high = (math.log10(end) if info.log else end for end in info.extent)
    margin = 0.04 * (high - low)
    axis = log_axis(*info.extent) if info.log else value_axis(info.metric, info.extent)
    return {**axis, "range": [low - margin, high + margin]}
