"""Which of several studies improved faster, by trials, hours and GPU hours?"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sweep.reporting.figures.theme import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    count_axis,
    focus,
    new_figure,
    plain,
    value_axis,
)
from sweep.reporting.formatting import format_metric, heading
from sweep.storage.study_data import StudyData

EFFORTS = ("trials", "hours", "GPU hours")
COLORS = (ORANGE, BLUE, PINK, GREEN, GREY)
DASHES = ("solid", "dash", "dot")  # the next dash is used once all colours are used


class BestLine(NamedTuple):
    """The best value so far of one study.

    Attributes:
        study: The name of the study.
        efforts: The effort at each improvement and at the end of the study.
        values: The best value at each of these points.
    """

    study: str
    efforts: list[float]
    values: list[float]


class BestSoFarInfo(NamedTuple):
    """The data of the figure for one kind of effort.

    Attributes:
        metric: The metric that is the objective.
        direction: The direction of the objective.
        effort: One of `EFFORTS`.
        lines: One line for each study that has a complete trial.
    """

    metric: str
    direction: str
    effort: str
    lines: list[BestLine]


def best_so_far_info(studies: list[StudyData]) -> list[BestSoFarInfo]:
    """Return the data of one figure for each kind of effort that any of the studies has spent."""
    lines = {study.name: _efforts(study) for study in studies}
    first = studies[0]
    return [
        BestSoFarInfo(
            first.metric,
            first.direction,
            effort,
            [_line(study, lines[study.name], effort) for study in studies if not lines[study.name].empty],
        )
        for effort in EFFORTS
        if any((line[effort] > 0).any() for line in lines.values())
    ]


def draw_best_so_far(info: BestSoFarInfo) -> go.Figure:
    """Draw one step line per study."""
    figure = new_figure(height=340)
    values = [value for line in info.lines for value in line.values]
    figure.update_xaxes(title_text=info.effort, rangemode="tozero")
    if info.effort == "trials":
        figure.update_xaxes(count_axis(max((line.efforts[-1] for line in info.lines), default=0)))
    figure.update_yaxes(
        title_text=plain(f"best {heading(info.metric)}"),
        **value_axis(info.metric, values),
        **focus(values, info.direction),
    )
    for index, line in enumerate(info.lines):
        figure.add_scatter(
            x=line.efforts,
            y=line.values,
            name=plain(line.study),
            mode="lines+markers",
            line={
                "color": COLORS[index % len(COLORS)],
                "dash": DASHES[index // len(COLORS) % len(DASHES)],
                "width": 2,
                "shape": "hv",
            },
            marker={"size": 5},
            text=[plain(f"{line.study}: {format_metric(info.metric, value)}") for value in line.values],
            hovertemplate=f"%{{text}}<br>%{{x:.4g}} {info.effort}<extra></extra>",
        )
    figure.update_layout(showlegend=True)
    return figure


def describe_best_so_far(info: BestSoFarInfo) -> str:
    """Describe where each line ends."""
    if not info.lines:
        return "No study has a complete trial yet."
    ends = (
        f"{line.study} {format_metric(info.metric, line.values[-1])} after {line.efforts[-1]:,.4g}"
        for line in info.lines
    )
    return f"The best {heading(info.metric)} so far against {info.effort}: {', '.join(ends)}."


def _efforts(study: StudyData) -> pd.DataFrame:
    """Return the efforts until each improvement and until the end of the study."""
    trials = study.trials.assign(ended_at=pd.to_datetime(study.trials["ended_at"], utc=True))
    trials = trials[trials["ended_at"].notna()].sort_values(["ended_at", "number"])
    first = pd.to_datetime(study.trials["started_at"], utc=True).min()
    value = trials["value"].astype(float).where(trials["state"] == "complete")
    value = value.where(np.isfinite(value) & study.is_feasible.loc[trials.index])
    best = (value.cummax() if study.direction == "maximize" else value.cummin()).ffill()
    steps = pd.DataFrame(
        {
            "best": best,
            "trials": np.arange(1, len(trials) + 1, dtype=float),
            "hours": (trials["ended_at"] - first).dt.total_seconds() / 3600,
            "GPU hours": trials["gpu_seconds"].astype(float).cumsum() / 3600,
        }
    ).dropna(subset="best")
    is_step = (steps["best"] != steps["best"].shift()).to_numpy(copy=True)
    is_step[-1:] = True
    return steps[is_step]


def _line(study: StudyData, steps: pd.DataFrame, effort: str) -> BestLine:
    columns: list[list[Any]] = [steps[effort].tolist(), steps["best"].tolist()]
    return BestLine(study.name, *columns)
