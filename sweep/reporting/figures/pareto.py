"""Which trials are the best compromises between two objectives?"""

import math
from itertools import combinations
from typing import Any, NamedTuple

import plotly.graph_objects as go

from sweep.goals import Objective
from sweep.reporting.figures.theme import (
    BLUE,
    GREY,
    ORANGE,
    log_axis,
    new_figure,
    plain,
    value_axis,
    worst_shown,
)
from sweep.reporting.formatting import format_count, format_metric, heading
from sweep.reporting.ranking import spread
from sweep.storage.study_data import StudyData

MAX_DOTS = 1000
GROUPS = ("infeasible", "dominated", "Pareto front")
STYLES: dict[str, dict[str, Any]] = {
    "infeasible": {"color": GREY, "symbol": "x", "size": 7, "opacity": 0.6},
    "dominated": {"color": BLUE, "size": 7, "opacity": 0.6},
    "Pareto front": {"color": ORANGE, "size": 10},
}
LOG_RATIO = 50  # of the largest to the smallest value, from which an axis is logarithmic


class Dots(NamedTuple):
    """The trials of one group: their numbers, and their values of both objectives."""

    numbers: list[int]
    x: list[float]
    y: list[float]


class ParetoInfo(NamedTuple):
    """Two of the objectives of a study.

    Attributes:
        x: The objective along the horizontal axis.
        y: The objective along the vertical axis.
        dots: The trials of each of `GROUPS`.
        is_projection: Whether the study has further objectives, in which trials of the front may be better.
    """

    x: Objective
    y: Objective
    dots: dict[str, Dots]
    is_projection: bool


def pareto_info(data: StudyData) -> list[ParetoInfo]:
    """Return the data of one figure for each pair of objectives."""
    complete, front = data.complete_trials, data.best_trials
    is_finite = data.losses.notna().all(axis=1)
    infeasible = data.trials[(data.trials["state"] == "complete") & ~data.is_feasible & is_finite]
    dominated = complete[~complete["number"].isin(front["number"])]
    groups = dict(zip(GROUPS, (infeasible, dominated, front), strict=True))
    shown = {name: spread(trials, MAX_DOTS).to_dict("list") for name, trials in groups.items()}
    return [
        ParetoInfo(
            x=x,
            y=y,
            dots={
                name: Dots(trials["number"], trials[f"final_{x.metric}"], trials[f"final_{y.metric}"])
                for name, trials in shown.items()
            },
            is_projection=len(data.goals.objectives) > 2,
        )
        for y, x in combinations(data.goals.objectives, 2)
    ]


def draw_pareto(info: ParetoInfo) -> go.Figure:
    """Draw a dot for each trial, and the boundary of what has been reached."""
    figure = new_figure(height=420, showlegend=True)
    feasible = [info.dots[name] for name in GROUPS[1:]]
    figure.update_xaxes(_axis(info.x, [value for dots in feasible for value in dots.x]))
    figure.update_yaxes(_axis(info.y, [value for dots in feasible for value in dots.y]))
    front = info.dots[GROUPS[-1]]
    if not info.is_projection and len(front.numbers) > 1:
        steps = sorted(zip(front.x, front.y, strict=True), reverse=info.x.maximizes)
        figure.add_scatter(
            x=[x for x, _ in steps],
            y=[y for _, y in steps],
            mode="lines",
            line={"color": ORANGE, "width": 1.5, "shape": "hv", "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        )
    for name in GROUPS:
        dots = info.dots[name]
        if not dots.numbers:
            continue
        figure.add_scatter(
            x=dots.x,
            y=dots.y,
            name=name,
            mode="markers",
            marker=STYLES[name],
            customdata=dots.numbers,
            text=[
                plain(f"trial {number}: {_value(info.y, y)}, {_value(info.x, x)}")
                for number, x, y in zip(*dots, strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    return figure


def describe_pareto(info: ParetoInfo) -> str:
    """Describe the ends of the Pareto front."""
    front = info.dots[GROUPS[-1]]
    if not front.numbers:
        return "No complete trial is on the Pareto front yet."
    ends = sorted(zip(front.y, front.x, front.numbers, strict=True), reverse=info.y.maximizes)
    texts = [f"trial {number} with {_value(info.y, y)} and {_value(info.x, x)}" for y, x, number in ends]
    reach = texts[0] if len(texts) == 1 else f"from {texts[0]} to {texts[-1]}"
    return f"The Pareto front consists of {format_count(len(texts), 'trial')}: {reach}."


def _value(objective: Objective, value: float) -> str:
    return f"{heading(objective.metric)} {format_metric(objective.metric, value)}"


def _axis(objective: Objective, values: list[float]) -> dict[str, Any]:
    """Return axis settings for the trials that satisfy the constraints, without outliers.

    The axis is logarithmic if the values span decades.
    """
    direction = "higher is better" if objective.maximizes else "lower is better"
    title = {"title_text": plain(f"{heading(objective.metric)} ({direction})")}
    if not values:
        return title
    worst = worst_shown(values, objective.direction)
    shown = [value for value in values if worst is None or objective.sign * (value - worst) <= 0]
    low, high = min(shown), max(shown)
    is_log = 0 < low * LOG_RATIO < high
    ends = [math.log10(low), math.log10(high)] if is_log else [low, high]
    margin = 0.06 * (ends[1] - ends[0]) or 0.06 * abs(ends[0]) or 0.06
    settings = log_axis(low, high) if is_log else value_axis(objective.metric, values)
    return {**title, **settings, "range": [ends[0] - margin, ends[1] + margin]}
