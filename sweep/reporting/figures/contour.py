"""How do the two most important hyperparameters interact?"""

import math
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sweep.reporting.figures.theme import (
    ORANGE,
    count_axis,
    label,
    log_axis,
    new_figure,
    plain,
    value_axis,
    worst_shown,
)
from sweep.reporting.formatting import format_count, format_metric, format_param, heading
from sweep.reporting.params import Param, read_params
from sweep.reporting.ranking import TOP, quantile_groups, spread
from sweep.storage.study_data import StudyData

MAX_DOTS = 500
NUM_CELLS = 32  # grid points along a numeric axis
MIN_TRIALS = 15  # as for the importance, which selects the hyperparameters
SPREAD = 0.6  # share of a choice's width over which its dots are spread
SHADES = [[0, "rgba(47, 127, 193, 0.04)"], [1, "rgba(47, 127, 193, 0.85)"]]  # for light and dark pages


class ContourInfo(NamedTuple):
    """Complete trials over two hyperparameters, and a smoothed surface of their values.

    Attributes:
        metric: The metric that is the objective.
        x: The hyperparameter of the horizontal axis.
        y: The hyperparameter of the vertical axis.
        numbers: The numbers of the trials that are drawn.
        values: The values of these trials.
        is_top: Whether each of these trials is among the best tenth.
        grid_x: The grid points along the horizontal axis.
        grid_y: The grid points along the vertical axis.
        surface: The smoothed value at each grid point (rows along y); NaN if no trial is near.
        shade_range: The values of the lightest and the strongest shade: a poor value, not the worst one,
            because a diverged trial would compress the scale; and the best value.
    """

    metric: str
    x: Param
    y: Param
    numbers: list[int]
    values: list[float]
    is_top: list[bool]
    grid_x: list[float]
    grid_y: list[float]
    surface: list[list[float]]
    shade_range: tuple[float, float]


def contour_info(data: StudyData, by_importance: list[str]) -> list[ContourInfo]:
    """Return the data of the figure, or an empty list if it cannot be drawn.

    Args:
        data: The study.
        by_importance: The names of the hyperparameters, the most important first. The first two are used that
            varied in enough trials which have both.
    """
    chosen = _chosen(data, by_importance)
    if chosen is None:
        return []
    names, every = chosen
    x, y = _read(data, every, names)
    values = every["value"].to_numpy(float)
    top = every["number"].head(quantile_groups(len(every)).count(TOP)).tolist()
    shown = spread(every, MAX_DOTS)
    shown_x, shown_y = _read(data, shown, names)
    grid_x, grid_y = _grid(x), _grid(y)
    worst = worst_shown(values.tolist(), data.direction)
    poor = np.quantile(values, 0.1 if data.direction == "maximize" else 0.9) if worst is None else worst
    return [
        ContourInfo(
            metric=data.metric,
            x=shown_x,
            y=shown_y,
            numbers=shown["number"].tolist(),
            values=shown["value"].astype(float).tolist(),
            is_top=[number in top for number in shown["number"]],
            grid_x=grid_x,
            grid_y=grid_y,
            surface=_smoothed(x, y, values, grid_x, grid_y),
            shade_range=(float(poor), float(values[0])),
        )
    ]


def _chosen(data: StudyData, by_importance: list[str]) -> tuple[tuple[str, str], pd.DataFrame] | None:
    """Return two hyperparameters and the complete trials that have both; None without two such ones."""
    every = data.complete_trials
    values = {param.name: np.array(param.values) for param in read_params(data, every)}
    for x, y in combinations([name for name in by_importance if name in values], 2):
        has_both = ~(np.isnan(values[x]) | np.isnan(values[y]))
        have_varied = all(len(np.unique(values[name][has_both])) > 1 for name in (x, y))
        if has_both.sum() >= MIN_TRIALS and have_varied:
            return (x, y), every[has_both]
    return None


def _read(data: StudyData, trials: pd.DataFrame, names: tuple[str, str]) -> tuple[Param, Param]:
    params = {param.name: param for param in read_params(data, trials)}
    return params[names[0]], params[names[1]]


def draw_contour(info: ContourInfo) -> go.Figure:
    """Draw the surface and a dot for each trial."""
    figure = new_figure(height=420, margin_t=12)
    name = heading(info.metric)
    poor, best = info.shade_range
    of_choices = info.x.choices is not None or info.y.choices is not None
    shared: dict[str, Any] = {
        "x": info.grid_x,
        "y": info.grid_y,
        "z": np.array(info.surface, np.float32),
        "zmin": min(poor, best),
        "zmax": max(poor, best),
        "colorscale": SHADES,
        "reversescale": poor > best,
        "hoverinfo": "skip",
        "colorbar": {"title": {"text": plain(name), "side": "right"}, "thickness": 12, "outlinewidth": 0}
        | {key: value for key, value in value_axis(info.metric, info.values).items() if key == "tickformat"},
    }
    if of_choices:
        figure.add_heatmap(**shared)
    else:
        figure.add_contour(**shared, contours_coloring="heatmap", line={"width": 0.5, "color": "#868c94"})
    figure.add_scatter(
        x=_dot_positions(info.x, info.numbers),
        y=_dot_positions(info.y, info.numbers),
        mode="markers",
        marker={
            "color": [ORANGE if top else "rgba(134, 140, 148, 0.9)" for top in info.is_top],
            "size": [9 if top else 6 for top in info.is_top],
            "line": {"color": "#ffffff", "width": 1},
        },
        customdata=info.numbers,
        text=[
            plain(f"trial {number}: {name} {format_metric(info.metric, value)}")
            for number, value in zip(info.numbers, info.values, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
    )
    figure.update_xaxes(_axis(info.x), showgrid=False)
    figure.update_yaxes(_axis(info.y), showgrid=False)
    return figure


def describe_contour(info: ContourInfo) -> str:
    """Describe the axes and the position of the best trial."""
    best = info.values.index(info.shade_range[1])
    at = " and ".join(f"{heading(param.name)} {_shown(param, best)}" for param in (info.x, info.y))
    return (
        f"{heading(info.metric)} over {heading(info.x.name)} and {heading(info.y.name)}, "
        f"{format_count(len(info.numbers), 'complete trial')}; the best is at {at}."
    )


def _shown(param: Param, index: int) -> str:
    value = param.values[index]
    return param.choices[int(value)] if param.choices is not None else format_param(value)


def _grid(param: Param) -> list[float]:
    """Return the grid points along an axis: each choice, or evenly spaced numbers."""
    if param.choices is not None:
        return [float(index) for index in range(len(param.choices))]
    present = [value for value in param.values if not math.isnan(value)]
    space = np.geomspace if param.log else np.linspace
    return [float(value) for value in space(min(present), max(present), NUM_CELLS)]


def _smoothed(
    x: Param, y: Param, values: "np.ndarray[Any, Any]", grid_x: list[float], grid_y: list[float]
) -> list[list[float]]:
    """Return the mean of the trials around each grid point, weighted by nearness; NaN if no trial is near."""
    # The bandwidth is a share of an axis, and decreases with the number of trials.
    bandwidth = max(0.06, 0.5 * len(values) ** -0.25)
    weight = _nearness(y, grid_y, bandwidth)[:, None, :] * _nearness(x, grid_x, bandwidth)[None, :, :]
    total = weight.sum(axis=2)
    near = weight.max(axis=2) > math.exp(-2)  # a trial within twice the bandwidth
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(near, (weight @ values) / total, np.nan)
    return [[float(value) for value in row] for row in mean]


def _nearness(param: Param, grid: list[float], bandwidth: float) -> "np.ndarray[Any, Any]":
    """Return the nearness, 0 to 1, of each trial to each grid point; different choices have nearness 0."""
    places, trials = np.array(grid), np.array(param.values)
    if param.choices is not None:
        near: np.ndarray[Any, Any] = (places[:, None] == trials[None, :]).astype(float)
        return near
    if param.log:
        places, trials = np.log(places), np.log(trials)
    distances = (places[:, None] - trials[None, :]) / (places[-1] - places[0])
    near = np.exp(-0.5 * (distances / bandwidth) ** 2)
    return np.where(np.isnan(near), 0.0, near)


def _axis(param: Param) -> dict[str, Any]:
    title = {"title_text": label(heading(param.name)) + (" (log)" if param.log else "")}
    if param.choices is not None:
        names = [label(choice) for choice in param.choices]
        return {**title, "tickvals": list(range(len(names))), "ticktext": names}
    present = [value for value in param.values if not math.isnan(value)]
    if param.log:
        return {**title, **log_axis(min(present), max(present))}
    return {**title, **(count_axis(max(present) - min(present)) if _is_whole(present) else {})}


def _is_whole(values: list[float]) -> bool:
    return all(value.is_integer() for value in values)


def _dot_positions(param: Param, numbers: list[int]) -> list[float]:
    """Return the positions of the dots; those of one choice are spread so that they do not overlap."""
    if param.choices is None:
        return param.values
    golden = (math.sqrt(5) - 1) / 2
    pairs = zip(param.values, numbers, strict=True)
    return [value + SPREAD * ((number * golden) % 1 - 0.5) for value, number in pairs]
