"""Did the Pareto front improve over the trials, and is it still improving?"""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from sweep.reporting.figures.theme import (
    BLUE,
    ORANGE,
    count_axis,
    new_figure,
    plain,
    worst_shown,
)
from sweep.reporting.formatting import format_count, format_metric, heading
from sweep.storage.pareto import hypervolumes
from sweep.storage.study_data import StudyData

MAX_DOTS = 2000
MARGIN = 0.1  # by which the reference is worse than the worst value, so that the ends of the front count


class HypervolumeInfo(NamedTuple):
    """The hypervolume that the trials up to each one dominate.

    Attributes:
        numbers: The numbers of the complete trials that satisfy the constraints.
        shares: The hypervolume after each of them, as a share of the box between the best and the reference
            values of all objectives.
        on_front: Whether each of them is on the Pareto front now.
        reference: The reference value of each objective, by its metric: slightly worse than all trials except
            outliers.
    """

    numbers: list[int]
    shares: list[float]
    on_front: list[bool]
    reference: dict[str, float]


def hypervolume_info(data: StudyData) -> HypervolumeInfo:
    """Return the data of the figure; without trials if an objective has not varied."""
    trials = data.complete_trials.sort_values("number")
    losses = data.losses.loc[trials.index].to_numpy(float)
    objectives = data.goals.objectives
    if trials.empty:
        return HypervolumeInfo([], [], [], {})
    best, worst = losses.min(axis=0), np.array([_worst(column) for column in losses.T])
    worst += MARGIN * (worst - best)
    box = float(np.prod(worst - best))
    if not 0 < box < np.inf:
        return HypervolumeInfo([], [], [], {})
    return HypervolumeInfo(
        numbers=trials["number"].tolist(),
        shares=[volume / box for volume in hypervolumes(losses, worst.tolist())],
        on_front=trials["number"].isin(data.best_trials["number"]).tolist(),
        reference={
            objective.metric: objective.sign * loss for objective, loss in zip(objectives, worst, strict=True)
        },
    )


def num_without_improvement(info: HypervolumeInfo) -> int:
    """Return how many of the last trials did not extend the hypervolume."""
    return len(info.shares) - 1 - info.shares.index(info.shares[-1]) if info.shares else 0


def draw_hypervolume(info: HypervolumeInfo) -> go.Figure:
    """Draw the hypervolume as steps, with a dot for each trial."""
    figure = new_figure(height=340)
    figure.update_xaxes(title_text="trial", **count_axis(max(info.numbers, default=0)))
    figure.update_yaxes(title_text="hypervolume", tickformat=".0%", rangemode="tozero")
    last = len(info.numbers) - 1
    places = sorted({round(last * index / MAX_DOTS) for index in range(MAX_DOTS + 1)}) if info.numbers else []
    numbers = [info.numbers[place] for place in places]
    shares = [info.shares[place] for place in places]
    figure.add_scatter(
        x=numbers,
        y=shares,
        mode="lines",
        line={"color": BLUE, "width": 1.5, "shape": "hv"},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=numbers,
        y=shares,
        mode="markers",
        marker={"color": [ORANGE if info.on_front[place] else BLUE for place in places], "size": 7},
        customdata=numbers,
        text=[plain(f"{share:.1%}") for share in shares],
        hovertemplate="trial %{x}<br>hypervolume %{text}<extra></extra>",
        showlegend=False,
    )
    return figure


def describe_hypervolume(info: HypervolumeInfo) -> str:
    """Describe the reference values, and when the hypervolume grew last."""
    if not info.numbers:
        return "The hypervolume needs complete trials that differ in every objective."
    reference = ", ".join(
        f"{heading(name)} {format_metric(name, value)}" for name, value in info.reference.items()
    )
    idle = num_without_improvement(info)
    since = (
        f"it has not grown in the last {format_count(idle, 'trial')}"
        if idle
        else "it grew with the last trial"
    )
    return f"The hypervolume is {info.shares[-1]:.1%} of the box up to {reference}; {since}."


def _worst(losses: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    """Return the largest loss except outliers, which would hide the differences of the others."""
    worst = worst_shown(losses.tolist(), "minimize")
    return float(losses.max() if worst is None else worst)
