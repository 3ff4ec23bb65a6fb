"""How much do the evaluated configurations differ, and how much do their seeds differ?"""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from sweep.reporting.figures.theme import BLUE, GREY, ORANGE, new_figure, plain, value_axis
from sweep.reporting.formatting import format_count, format_metric, heading
from sweep.reporting.seed_statistics import EvaluatedConfiguration, format_mean


class SeedsInfo(NamedTuple):
    """The results of the evaluated configurations, the chosen one first.

    Attributes:
        metric: The metric measured on the test data.
        names: The names of the configurations.
        values: The value of each seed.
        means: The mean over the seeds.
        half_widths: Half of the width of each mean's confidence interval; NaN for a single seed.
    """

    metric: str
    names: list[str]
    values: list[list[float]]
    means: list[float]
    half_widths: list[float]


def seeds_info(configurations: Sequence[EvaluatedConfiguration]) -> SeedsInfo:
    """Return the data of the figure."""
    return SeedsInfo(
        metric=configurations[0].metric if configurations else "",
        names=[f"trial {each.trial}" for each in configurations],
        values=[each.values for each in configurations],
        means=[each.mean for each in configurations],
        half_widths=[each.half_width for each in configurations],
    )


def draw_seeds(info: SeedsInfo) -> go.Figure:
    """Draw the mean with its interval and a dot per seed for each configuration."""
    figure = new_figure(height=88 + 40 * len(info.names), margin_t=8, showlegend=False)
    for rank, (name, values) in enumerate(zip(info.names, info.values, strict=True)):
        figure.add_scatter(
            x=[info.means[rank]],
            y=[name],
            mode="markers",
            marker={"color": BLUE if rank else ORANGE, "size": 10, "symbol": "diamond"},
            error_x={"type": "data", "array": [info.half_widths[rank]], "thickness": 2, "width": 6},
            hovertemplate=plain(f"mean {format_metric(info.metric, info.means[rank])}") + "<extra></extra>",
        )
        figure.add_scatter(
            x=values,
            y=[name] * len(values),
            mode="markers",
            marker={"color": GREY, "size": 8, "line": {"color": "#ffffff", "width": 1}},
            text=[plain(f"one seed: {format_metric(info.metric, value)}") for value in values],
            hovertemplate="%{text}<extra></extra>",
        )
    every = [value for values in info.values for value in values]
    axis = value_axis(info.metric, every)
    figure.update_xaxes(title_text=plain(heading(info.metric)), tickformat=axis.get("tickformat"))
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def describe_seeds(info: SeedsInfo, configurations: Sequence[EvaluatedConfiguration]) -> str:
    """Describe the number of configurations and the mean of the chosen one."""
    if not configurations:
        return "No configuration has been evaluated yet."
    chosen = configurations[0]
    return (
        f"This figure shows the {heading(info.metric)} of "
        f"{format_count(len(info.names), 'evaluated configuration')}: each seed, and the mean with its "
        f"confidence interval. Trial {chosen.trial}, the best on validation data, has {format_mean(chosen)}."
    )
