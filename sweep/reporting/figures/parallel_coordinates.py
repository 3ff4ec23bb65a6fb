"""Which combinations of hyperparameters do the best trials share?"""

import math
import re
from collections.abc import Callable
from typing import NamedTuple

import plotly.graph_objects as go

from sweep.reporting.figures.theme import (
    BLUE,
    GREY,
    ORANGE,
    Polyline,
    label,
    new_figure,
    one_trace,
    worst_shown,
)
from sweep.reporting.formatting import NONE, format_count, format_metric, format_param, heading
from sweep.reporting.params import Param, read_params
from sweep.reporting.ranking import LOWER, TOP, UPPER, quantile_groups, spread
from sweep.storage.study_data import StudyData

MAX_LINES = 400
ABSENT = -0.12
"""The height at which lines cross the axis of a hyperparameter that their trials do not have."""
FRONT, DOMINATED = "Pareto front", "dominated"
STYLES = {  # colour, opacity, width
    LOWER: (GREY, 0.45, 1),
    UPPER: (BLUE, 0.6, 1),
    TOP: (ORANGE, 0.9, 1.8),
    DOMINATED: (BLUE, 0.4, 1),
    FRONT: (ORANGE, 0.9, 1.8),
}


class Axis(NamedTuple):
    """A vertical axis from 0 to 1: its name, and the positions of its labels."""

    name: str
    ticks: list[tuple[float, str]]


class ParallelInfo(NamedTuple):
    """The data of the figure.

    Attributes:
        axes: One axis per hyperparameter, and one per objective.
        lines: One line per complete trial that is drawn, best first.
        num_complete: The number of complete trials, drawn or not.
    """

    axes: list[Axis]
    lines: list[Polyline]
    num_complete: int


def parallel_info(data: StudyData) -> ParallelInfo:
    """Return the data of the figure."""
    every = data.complete_trials
    groups = dict(zip(every["number"], _groups(data), strict=True))
    trials = spread(every, MAX_LINES)
    params = read_params(data, trials)
    axes = [_param_axis(param) for param in params]
    heights = [_param_heights(param) for param in params]
    for view in data.by_objective:
        axis, of_objective = _objective_axis(view, trials["number"].tolist())
        axes.append(axis)
        heights.append(of_objective)
    lines = [
        Polyline(number, groups[number], list(range(len(axes))), list(line))
        for number, *line in zip(trials["number"].tolist(), *heights, strict=True)
    ]
    return ParallelInfo(axes, lines, len(every))


def _groups(data: StudyData) -> list[str]:
    """Return the group of each complete trial; with several objectives, the Pareto front and the others."""
    num_complete = len(data.complete_trials)
    if data.goals.is_single:
        return quantile_groups(num_complete)
    num_front = len(data.best_trials)
    return [FRONT] * num_front + [DOMINATED] * (num_complete - num_front)


def _objective_axis(view: StudyData, numbers: list[int]) -> tuple[Axis, list[float]]:
    """Return the axis of an objective, and the height of each trial on it."""
    found = view.trials.set_index("number").loc[numbers, "value"].astype(float).tolist()
    values, worst = _within_reach(found, view.direction)
    beyond = "≤" if view.direction == "maximize" else "≥"
    ticks = _end_ticks(values, lambda end: f"{beyond} " * (end == worst) + format_metric(view.metric, end))
    return Axis(heading(view.metric), ticks), _heights(values, log=False, choices=None)


def _within_reach(values: list[float], direction: str) -> tuple[list[float], float | None]:
    """Return the values with outliers moved to the worst value shown, and that value or None."""
    worst = worst_shown(values, direction)
    if worst is None:
        return values, None
    nearer = max if direction == "maximize" else min
    return [nearer(value, worst) for value in values], worst


def draw_parallel(info: ParallelInfo) -> go.Figure:
    """Draw the axes and the lines, the best trials on top."""
    figure = new_figure(height=420, margin={"l": _left_margin(info.axes[0].name), "r": 56, "t": 76, "b": 16})
    for group, (color, opacity, width) in STYLES.items():
        lines = [line for line in info.lines if line.group == group]
        if lines:
            style = {"color": color, "width": width}
            hover = "trial %{customdata}<extra></extra>"
            trace = one_trace(
                lines, name=group, mode="lines", line=style, opacity=opacity, hovertemplate=hover
            )
            figure.add_trace(trace)
    positions = list(range(len(info.axes)))
    names = [re.sub(r" |(?<=[.-])(?=\w)", "<br>", label(axis.name)) for axis in info.axes]
    figure.update_xaxes(
        side="top",
        tickvals=positions,
        ticktext=names,
        tickangle=0,
        range=[-0.1, len(info.axes) - 0.9],
        gridcolor="rgba(134, 140, 148, 0.6)",
    )
    lowest = min((height for axis in info.axes for height, _ in axis.ticks), default=0.0)
    figure.update_yaxes(visible=False, range=[lowest - 0.04, 1.04])
    figure.update_layout(legend={"y": 0, "yanchor": "top"})
    for position, axis in zip(positions, info.axes, strict=True):
        for height, text in axis.ticks:
            figure.add_annotation(
                x=position,
                y=height,
                text=label(text),
                showarrow=False,
                xanchor="left",
                xshift=3,
                borderpad=1,
            )
    return figure


def _left_margin(name: str) -> int:
    """Return the space for one half of the name of the first axis, in pixels; Plotly hides a name without."""
    return max(24, 4 * max(map(len, re.split(r" |(?<=[.-])(?=\w)", name))))


def describe_parallel(info: ParallelInfo) -> str:
    """Describe the axes and the number of lines."""
    if not info.lines:
        return "No trial is complete yet."
    axes = ", ".join(axis.name for axis in info.axes)
    return f"{format_count(len(info.lines), 'complete trial')} as lines across the axes {axes}."


def _param_axis(param: Param) -> Axis:
    name = heading(param.name) + (" (log)" if param.log else "")
    absent = [(ABSENT, NONE)] if ABSENT in _param_heights(param) else []
    if param.choices is None:
        return Axis(name, [*absent, *_end_ticks(param.values, format_param)])
    indices = [float(index) for index in range(len(param.choices))]
    heights = _heights(indices, False, param.choices)
    return Axis(name, [*absent, *zip(heights, param.choices, strict=True)])


def _param_heights(param: Param) -> list[float]:
    heights = _heights(param.values, param.log, param.choices)
    return [ABSENT if param.condition and math.isnan(height) else height for height in heights]


def _end_ticks(values: list[float], show: Callable[[float], str]) -> list[tuple[float, str]]:
    present = [value for value in values if not math.isnan(value)]
    if not present:
        return []
    low, high = min(present), max(present)
    return [(0.5, show(low))] if low == high else [(0.0, show(low)), (1.0, show(high))]


def _heights(values: list[float], log: bool, choices: list[str] | None) -> list[float]:
    """Return each value's position between the lowest (0) and the highest (1); 0.5 if all are equal."""
    scaled = [math.log(value) if log else value for value in values]
    present = [value for value in scaled if not math.isnan(value)]
    low, high = min(present, default=0), max(present, default=0)
    if choices is not None:
        low, high = 0, len(choices) - 1
    return [(value - low) / (high - low) if high > low else value - low + 0.5 for value in scaled]
