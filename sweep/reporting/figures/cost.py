"""How many hours did each outcome take?"""

from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from sweep.reporting.figures.theme import STATE_COLORS, label, new_figure
from sweep.reporting.formatting import heading
from sweep.storage.study_data import StudyData

GPU_HOURS, JOB_HOURS = "GPU hours", "job hours"


class CostInfo(NamedTuple):
    """The hours of ended attempts by outcome.

    Attributes:
        unit: "GPU hours", or "job hours" if no attempt used a GPU.
        outcomes: "complete", "pruned", and then "failed: CAUSE", the most expensive cause first.
        hours: The hours of each outcome.
    """

    unit: str
    outcomes: list[str]
    hours: list[float]

    @property
    def total(self) -> float:
        """The hours of all attempts."""
        return sum(self.hours)

    @property
    def wasted(self) -> float:
        """The hours of failed attempts, including work that a retry continued from a checkpoint."""
        pairs = zip(self.outcomes, self.hours, strict=True)
        return sum(hours for outcome, hours in pairs if outcome.startswith("failed"))


def cost_info(data: StudyData) -> CostInfo:
    """Add up the hours of a study's attempts."""
    attempts = data.attempts
    gpu_hours = pd.to_numeric(attempts["gpu_seconds"]).astype(float) / 3600
    started, ended = (pd.to_datetime(attempts[name], utc=True) for name in ("started_at", "ended_at"))
    unit, hours = GPU_HOURS, gpu_hours
    if not gpu_hours.sum() > 0:
        unit, hours = JOB_HOURS, (ended - started).dt.total_seconds().clip(lower=0) / 3600
    failed = "failed: " + attempts["cause"].fillna("unknown").astype(str).map(heading)
    outcomes = attempts["state"].map({"complete": "complete", "pruned": "pruned"})
    outcomes = outcomes.where(attempts["state"] != "failed", failed)
    sums = hours.groupby(outcomes).sum()
    sums = sums[sums > 0].sort_values(ascending=False)
    ordered = sorted(sums.index, key=lambda name: (name.startswith("failed"), name == "pruned"))
    return CostInfo(unit, ordered, [float(sums[name]) for name in ordered])


def draw_cost(info: CostInfo) -> go.Figure:
    """Draw one bar per outcome."""
    figure = new_figure(height=64 + 34 * len(info.outcomes), margin_t=8, margin_r=64)
    figure.add_bar(
        x=info.hours,
        y=[label(outcome) for outcome in info.outcomes],
        orientation="h",
        marker_color=[STATE_COLORS[outcome.partition(":")[0]] for outcome in info.outcomes],
        text=[_shown(hours) for hours in info.hours],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
        width=0.6,
    )
    figure.update_xaxes(rangemode="tozero", title_text=info.unit)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def describe_cost(info: CostInfo) -> str:
    """Describe the hours in total, of failed attempts, and of each outcome."""
    if not info.outcomes:
        return "No attempt has ended yet."
    parts = zip(info.outcomes, info.hours, strict=True)
    shares = ", ".join(f"{outcome} {_shown(hours)}" for outcome, hours in parts)
    return (
        f"{_shown(info.total)} {info.unit}, {_shown(info.wasted)} of them on attempts that failed: {shares}."
    )


def _shown(hours: float) -> str:
    return f"{hours:,.1f}" if hours >= 0.1 else f"{hours:.2g}"
