"""Which node did what, and when?"""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from sweep.reporting.figures.theme import STATE_COLORS, Polyline, label, new_figure, one_trace
from sweep.reporting.formatting import format_count, format_duration
from sweep.storage.study_data import StudyData

MAX_LANES = 80
UNKNOWN_HOST = "unknown node"
OUTCOMES = ("running", "pruned", "complete", "failed")  # drawn in this order: a failure is never covered
OUTCOME_OF = {"complete": "complete", "pruned": "pruned", "failed": "failed", "running": "running"}


class TimelineInfo(NamedTuple):
    """A bar an attempt that has begun, in hours since the first; a node has a lane for each job at once."""

    lanes: list[str]  # each lane's node
    bars: list[Polyline]
    num_attempts: int  # with or without a bar
    hours: float
    mean_wait_s: float  # from submission to start


def timeline_info(data: StudyData) -> TimelineInfo:
    begun = _begun(data)
    if begun.empty:
        return TimelineInfo([], [], 0, 0.0, 0.0)
    first = begun["start"].min()
    busiest = begun.groupby("host")["seconds"].sum().sort_values(ascending=False)
    lanes: list[str] = []
    bars: list[Polyline] = []
    num_left_out = 0
    for host in sorted(busiest.index[:MAX_LANES]):
        attempts = begun[begun["host"] == host].sort_values("start")
        own = list(_packed(attempts))
        num_lanes = max(own) + 1
        if len(lanes) + num_lanes > MAX_LANES and lanes:
            num_left_out += len(attempts)
            continue
        for lane, attempt in zip(own, attempts.itertuples(), strict=True):
            ends = [(moment - first).total_seconds() / 3600 for moment in (attempt.start, attempt.end)]
            height = len(lanes) + lane
            bars.append(Polyline(int(attempt.number), str(attempt.outcome), ends, [height, height]))
        lanes += [host] * num_lanes
    return TimelineInfo(
        lanes=lanes,
        bars=bars,
        num_attempts=len(begun),
        hours=float((begun["end"].max() - first).total_seconds() / 3600),
        mean_wait_s=float((begun["start"] - begun["submitted"]).dt.total_seconds().clip(lower=0).mean()),
    )


def draw_timeline(info: TimelineInfo) -> go.Figure:
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
    if not info.num_attempts:
        return "No job has started yet."
    num_hosts = len(set(info.lanes))
    text = (
        f"{format_count(len(info.bars), 'job')} on {format_count(num_hosts, 'node')} over "
        f"{format_duration(3600 * info.hours)}; the mean wait was {format_duration(info.mean_wait_s)}"
    )
    if left_out := info.num_attempts - len(info.bars):
        text += f"; {format_count(left_out, 'job')} on the less busy nodes left out"
    return text + "."


def _begun(data: StudyData) -> pd.DataFrame:
    """The attempts that have begun, their ends known or as late as anything known of the study."""
    moments = {
        name: pd.to_datetime(data.attempts[f"{name}_at"], utc=True).dt.as_unit("us")
        for name in ("submitted", "started", "ended")
    }
    latest = pd.concat([moments["started"], moments["ended"]]).max()
    begun = pd.DataFrame(
        {
            "number": data.attempts["number"],
            "outcome": data.attempts["state"].map(OUTCOME_OF).fillna("running"),
            "host": data.attempts["host"].fillna(UNKNOWN_HOST).astype(str),
            "submitted": moments["submitted"],
            "start": moments["started"],
            "end": moments["ended"].fillna(latest),
        }
    ).dropna(subset="start")
    begun["end"] = begun[["start", "end"]].max(axis=1)  # clocks of nodes differ
    begun["seconds"] = (begun["end"] - begun["start"]).dt.total_seconds()
    return begun


def _packed(attempts: pd.DataFrame) -> Iterator[int]:
    """For each attempt of a node, by start, the first lane that is free."""
    free_at: list[pd.Timestamp] = []
    for start, end in zip(attempts["start"], attempts["end"], strict=True):
        lane = next((lane for lane, moment in enumerate(free_at) if moment <= start), len(free_at))
        free_at[lane : lane + 1] = [end]
        yield lane
