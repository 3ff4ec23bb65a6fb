"""How does the objective depend on each single hyperparameter?"""

import math
from typing import NamedTuple

import plotly.graph_objects as go

from sweep.reporting.figures.theme import (
    BLUE,
    ORANGE,
    count_axis,
    focus,
    label,
    label_with_condition,
    log_axis,
    new_figure,
    plain,
    value_axis,
)
from sweep.reporting.formatting import format_count, format_metric, heading
from sweep.reporting.params import Param, read_params
from sweep.reporting.ranking import TOP, quantile_groups, spread
from sweep.storage.study_data import StudyData

MAX_DOTS = 500


class SliceInfo(NamedTuple):
    """The objective against one hyperparameter.

    Attributes:
        param: The hyperparameter with its value in each trial.
        metric: The metric that is the objective.
        direction: The direction of the objective.
        numbers: The numbers of the trials, the best last, so that they are drawn on top.
        values: The values of the trials.
        is_top: Whether each trial is among the best tenth.
    """

    param: Param
    metric: str
    direction: str
    numbers: list[int]
    values: list[float]
    is_top: list[bool]


def slices_info(data: StudyData) -> list[SliceInfo]:
    """Return the data of one figure per hyperparameter."""
    every = data.complete_trials
    if every.empty:
        return []
    top = every["number"].head(quantile_groups(len(every)).count(TOP)).tolist()
    trials = spread(every, MAX_DOTS).iloc[::-1]
    numbers, values = trials["number"].tolist(), trials["value"].astype(float).tolist()
    is_top = [number in top for number in numbers]
    return [
        SliceInfo(param, data.metric, data.direction, numbers, values, is_top)
        for param in read_params(data, trials)
    ]


def draw_slice(info: SliceInfo) -> go.Figure:
    """Draw a dot per trial."""
    figure = new_figure(height=230, margin_t=12)
    name = heading(info.metric)
    figure.add_scatter(
        x=info.param.values,
        y=info.values,
        mode="markers",
        marker={"color": [ORANGE if top else BLUE for top in info.is_top], "size": 7, "opacity": 0.8},
        customdata=info.numbers,
        text=[
            plain(f"trial {number}: {name} {format_metric(info.metric, value)}")
            for number, value in zip(info.numbers, info.values, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
    )
    present = _present(info)
    title = label_with_condition(info.param.name, info.param.condition)
    figure.update_xaxes(title_text=title + (" (log)" if info.param.log else ""))
    figure.update_yaxes(
        title_text=label(name), **value_axis(info.metric, info.values), **focus(info.values, info.direction)
    )
    if info.param.choices is not None:
        indices = list(range(len(info.param.choices)))
        names = [label(choice) for choice in info.param.choices]
        figure.update_xaxes(tickvals=indices, ticktext=names, range=[-0.5, len(indices) - 0.5])
    elif info.param.log and present:
        figure.update_xaxes(log_axis(min(present), max(present)))
    elif all(value.is_integer() for value in present):
        figure.update_xaxes(count_axis(max(present, default=0) - min(present, default=0)))
    return figure


def describe_slice(info: SliceInfo) -> str:
    """Describe the axes and the number of trials."""
    present = _present(info)
    name = info.param.title
    if not present:
        return f"No complete trial has a value of {name}."
    if len(set(present)) == 1:
        return f"{name} never varied among the {format_count(len(present), 'complete trial')} shown."
    return f"{heading(info.metric)} against {name}, {format_count(len(present), 'complete trial')}."


def _present(info: SliceInfo) -> list[float]:
    return [value for value in info.param.values if not math.isnan(value)]
