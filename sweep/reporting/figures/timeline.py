"""When did each node run which attempts?"""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from sweep.reporting.figures.theme import STATE_COLORS, Polyline, label, new_figure, one_trace
from sweep.reporting.formatting import format_count, format_duration
from sweep.storage.study_data import StudyData

MAX_LANES = 80
UNKNOWN_HOST = "unknown node"
OUTCOMES = ("running", "pruned", "complete", "failed")  # in drawing order: failures are on top
OUTCOME_OF = {"complete": "complete", "pruned": "pruned", "failed": "failed", "running": "running"}


class TimelineInfo(NamedTuple):
    """The attempts that have started, as bars in lanes.

    A node has as many lanes as it ran attempts at the same time.

    Attributes:
        lanes: The node of each lane.
        bars: One bar per attempt, in hours since the first start.
        num_attempts: The number of attempts that have started, drawn or not.
        hours: Hours from the first start to the last end.
        mean_wait_s: The mean number of seconds from submission to start.
    """

    lanes: list[str]
    bars: list[Polyline]
    num_attempts: int
    hours: float
    mean_wait_s: float


def timeline_info(data: StudyData) -> TimelineInfo:
    """Assign the attempts of each node to lanes; the busiest nodes come first if there are too many lanes."""
    started = _started(data)
    if started.empty:
        return TimelineInfo([], [], 0, 0.0, 0.0)
    first = started["start"].min()
    busiest = started.groupby("host")["seconds"].sum().sort_values(ascending=False)
    lanes: list[str] = []
    bars: list[Polyline] = []
    for host in sorted(busiest.index[:MAX_LANES]):
        attempts = started[started["host"] == host].sort_values("start")
        own = list(_packed(attempts))
        num_lanes = max(own) + 1
        if len(lanes) + num_lanes > MAX_LANES and lanes:
            continue
        for lane, attempt in zip(own, attempts.itertuples(), strict=True):
            ends = [(moment - first).total_seconds() / 3600 for moment in (attempt.start, attempt.end)]
            height = len(lanes) + lane
            bars.append(Polyline(int(attempt.number), str(attempt.outcome), ends, [height, height]))
        lanes += [host] * num_lanes
    return TimelineInfo(
        lanes=lanes,
        bars=bars,
        num_attempts=len(started),
        hours=float((started["end"].max() - first).total_seconds() / 3600),
        mean_wait_s=float((started["start"] - started["submitted"]).dt.total_seconds().clip(lower=0).mean()),
    )


def draw_timeline(info: TimelineInfo) -> go.Figure:
    """Draw the bars."""
    thickness = max(3, min(14, 640 // max(len(info.lanes), 1)))
    figure = new_figure(height=110 + (thickness + 4) * len(info.lanes))
    for outcome in OUTCOMES:
        bars = [bar for bar in info.bars if bar.group == outcome]
        if bars:
            trace = one_trace(
                bars,
                name=outcome,
                mode="lines",
                line={"color": STATE_COLORS[outcome], "width": thickness},
                opacity=0.9,
                hovertemplate=f"trial %{{customdata}} ({outcome})<br>%{{x:.2f}} h<extra></extra>",
            )
            figure.add_trace(trace)
    hosts = list(dict.fromkeys(info.lanes))
    middles = [info.lanes.index(host) + (info.lanes.count(host) - 1) / 2 for host in hosts]
    figure.update_xaxes(title_text="hours since the first start", rangemode="tozero")
    figure.update_yaxes(
        tickvals=middles,
        ticktext=[label(host) for host in hosts],
        range=[len(info.lanes) - 0.4, -0.6],
        showgrid=False,
    )
    return figure


def describe_timeline(info: TimelineInfo) -> str:
    """Describe the number of attempts and nodes, and the mean wait."""
    if not info.num_attempts:
        return "No attempt has started yet."
    num_hosts = len(set(info.lanes))
    text = (
        f"{format_count(len(info.bars), 'attempt')} on {format_count(num_hosts, 'node')} over "
        f"{format_duration(3600 * info.hours)}; the mean wait was {format_duration(info.mean_wait_s)}"
    )
    if left_out := info.num_attempts - len(info.bars):
        text += f"; the figure omits {format_count(left_out, 'attempt')} on less busy nodes"
    return text + "."


def _started(data: StudyData) -> pd.DataFrame:
    """Return the attempts that have started; one that has not ended ends at the latest time known."""
    moments = {
        name: pd.to_datetime(data.attempts[f"{name}_at"], utc=True).dt.as_unit("us")
        for name in ("submitted", "started", "ended")
    }
    latest = pd.concat([moments["started"], moments["ended"]]).max()
    started = pd.DataFrame(
        {
            "number": data.attempts["number"],
            "outcome": data.attempts["state"].map(OUTCOME_OF).fillna("running"),
            "host": data.attempts["host"].fillna(UNKNOWN_HOST).astype(str),
            "submitted": moments["submitted"],
            "start": moments["started"],
            "end": moments["ended"].fillna(latest),
        }
    ).dropna(subset="start")
    started["end"] = started[["start", "end"]].max(axis=1)  # the clocks of nodes may differ
    started["seconds"] = (started["end"] - started["start"]).dt.total_seconds()
    return started


def _packed(attempts: pd.DataFrame) -> Iterator[int]:
    """Yield the first free lane for each attempt of a node, in the order of their starts."""
    free_at: list[pd.Timestamp] = []
    for start, end in zip(attempts["start"], attempts["end"], strict=True):
        lane = next((lane for lane, moment in enumerate(free_at) if moment <= start), len(free_at))
        free_at[lane : lane + 1] = [end]
        yield lane
