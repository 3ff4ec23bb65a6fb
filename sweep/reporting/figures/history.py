"""Did the objective improve over the trials, and is it still improving?"""

from itertools import chain
from typing import NamedTuple

import plotly.graph_objects as go

from sweep.reporting.figures.theme import STATE_COLORS, count_axis, focus, new_figure, plain, value_axis
from sweep.reporting.formatting import format_count, format_metric, heading
from sweep.reporting.ranking import spread
from sweep.storage.study_data import StudyData

MAX_DOTS = 2000
MARKED_STATES = ("infeasible", "pruned", "failed")  # their values do not count


class HistoryInfo(NamedTuple):
    """The values of the complete trials, and the numbers of the other ended ones.

    Attributes:
        metric: The metric that is the objective.
        direction: The direction of the objective.
        numbers: The numbers of the complete trials that are drawn.
        values: The values of these trials.
        best_numbers: The numbers of the trials that improved the best value.
        best_values: The values of these trials.
        incomplete: The numbers of the pruned and of the failed trials, by state, and of the complete ones
            that violate a constraint, as `infeasible`.
        num_complete: The number of complete trials, drawn or not.
    """

    metric: str
    direction: str
    numbers: list[int]
    values: list[float]
    best_numbers: list[int]
    best_values: list[float]
    incomplete: dict[str, list[int]]
    num_complete: int


def history_info(data: StudyData) -> HistoryInfo:
    """Return the data of the figure."""
    trials = data.complete_trials
    by_number = trials.sort_values("number")
    values = by_number["value"].astype(float)
    best_so_far = values.cummax() if data.direction == "maximize" else values.cummin()
    steps = by_number[best_so_far != best_so_far.shift()]
    dots = spread(trials, MAX_DOTS).sort_values("number")
    states = data.trials["state"].mask(~data.is_feasible & (data.trials["state"] == "complete"), "infeasible")
    by_state = dict(iter(data.trials.assign(state=states).sort_values("number").groupby("state")["number"]))
    return HistoryInfo(
        metric=data.metric,
        direction=data.direction,
        numbers=dots["number"].tolist(),
        values=dots["value"].astype(float).tolist(),
        best_numbers=steps["number"].tolist(),
        best_values=steps["value"].astype(float).tolist(),
        incomplete={state: by_state[state].tolist() for state in MARKED_STATES if state in by_state},
        num_complete=len(trials),
    )


def draw_history(info: HistoryInfo) -> go.Figure:
    """Draw a dot per complete trial, the best value so far, and ticks for the other trials."""
    name = heading(info.metric)
    last = max([*info.numbers, *chain.from_iterable(info.incomplete.values())], default=0)
    figure = new_figure(height=380)
    figure.update_xaxes(title_text="trial", **count_axis(last))
    figure.update_yaxes(
        title_text=plain(name), **value_axis(info.metric, info.values), **focus(info.values, info.direction)
    )
    figure.add_scatter(
        x=info.numbers,
        y=info.values,
        name="complete",
        mode="markers",
        marker={"color": STATE_COLORS["complete"], "size": 7, "opacity": 0.75},
        customdata=info.numbers,
        text=[plain(f"{name} {format_metric(info.metric, value)}") for value in info.values],
        hovertemplate="trial %{x}<br>%{text}<extra></extra>",
    )
    figure.add_scatter(
        x=[*info.best_numbers, last] if info.best_numbers else [],
        y=[*info.best_values, info.best_values[-1]] if info.best_values else [],
        name="best so far",
        mode="lines",
        line={"color": STATE_COLORS["best"], "width": 2, "shape": "hv"},
        hoverinfo="skip",
    )
    _draw_incomplete(figure, info)
    return figure


def describe_history(info: HistoryInfo) -> str:
    """Describe the best value and how often it improved."""
    if not info.numbers:
        return "No trial is complete yet."
    value = format_metric(info.metric, info.best_values[-1])
    return (
        f"The best {heading(info.metric)} is {value}, of trial {info.best_numbers[-1]} among "
        f"{format_count(info.num_complete, 'complete trial')}; the best value improved "
        f"{format_count(len(info.best_numbers) - 1, 'time')}."
    )


def _draw_incomplete(figure: go.Figure, info: HistoryInfo) -> None:
    """Draw ticks below the plot, one row per state; without a complete trial, only the ticks."""
    rows = [state for state in MARKED_STATES if state in info.incomplete]
    if not rows:
        return
    if info.numbers:
        figure.update_layout(yaxis_domain=[0.2, 1])
    else:
        figure.update_layout(height=150, yaxis_visible=False)
    figure.update_xaxes(anchor="y2")
    for row, state in enumerate(rows):
        numbers = info.incomplete[state]
        figure.add_scatter(
            x=[position for number in numbers for position in (number, number, None)],
            y=[position for _ in numbers for position in (row - 0.3, row + 0.3, None)],
            customdata=[number for number in numbers for _ in range(3)],
            yaxis="y2",
            name=state,
            mode="lines",
            line={"color": STATE_COLORS[state], "width": 2},
            hovertemplate=f"trial %{{x}} {state}<extra></extra>",
            showlegend=False,
        )
    figure.update_layout(
        yaxis2={
            "domain": [0, 0.13 if info.numbers else 1],
            "range": [len(rows) - 0.4, -0.6],
            "tickvals": list(range(len(rows))),
            "ticktext": rows,
            "showgrid": False,
        }
    )
