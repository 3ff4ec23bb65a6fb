"""The report page: one HTML file that needs no network."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import jinja2
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sweep.reporting.figures.history import describe_history, draw_history, history_info
from sweep.reporting.figures.importance import (
    EVALUATOR,
    describe_importance,
    draw_importance,
    importance_info,
)
from sweep.reporting.figures.learning_curves import curves_info, describe_curves, draw_curves
from sweep.reporting.figures.parallel_coordinates import describe_parallel, draw_parallel, parallel_info
from sweep.reporting.figures.slices import describe_slice, draw_slice, slices_info
from sweep.reporting.summary import summarise
from sweep.reporting.table import failures_table, trials_table
from sweep.reporting.wording import heading, show_count, show_metric, show_param
from sweep.storage.study_data import StudyData

MAX_ROWS = 100


class Plot(NamedTuple):
    """What a figure shows in words, and the figure as JSON; None where there is nothing to draw."""

    words: str
    figure: Markup | None


class Panel(NamedTuple):
    """One question asked of the study: how to read the answer, and the plots that give it."""

    heading: str
    reading: str
    layout: str  # the style sheet's class for it: "single", "pairs", "wide" or "small"
    plots: list[Plot]
    note: str = ""


def page(data: StudyData) -> bytes:
    """The page as UTF-8; whatever a user named is escaped, in the HTML and in the figures' JSON."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sweep.reporting", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"heading": heading, "param": show_param, "counted": show_count}
    html = environment.get_template("report.html.j2").render(
        data=data,
        summary=summarise(data),
        show_value=lambda value: show_metric(data.metric, value),
        trials=trials_table(data, MAX_ROWS),
        panels=list(panels(data)),
        failures=failures_table(data),
        definition=json.dumps(data.definition, indent=2, ensure_ascii=False, default=str),
        plotlyjs=Markup(get_plotlyjs()),
    )
    return html.encode()


def panels(data: StudyData) -> Iterator[Panel]:
    """The figures of the page, in its order."""
    history = history_info(data)
    yield Panel(
        "Optimization history",
        "Each dot is a complete trial, the line the best value so far: once it stays flat, more trials are "
        "unlikely to help. The ticks below are trials that were pruned or failed.",
        "single",
        [_plot(describe_history(history), draw_history(history))],
    )
    curves = curves_info(data)
    num_left_out = max((info.num_trials - len(info.curves) for info in curves), default=0)
    yield Panel(
        "Learning curves",
        "Each line is a trial, the best in orange. Training far ahead of validation means overfitting; "
        "a line that still improves at its end wanted more epochs.",
        "pairs",
        [_plot(describe_curves(info), draw_curves(info)) for info in curves],
        f"{show_count(num_left_out, 'trial')} left out, evenly from best to worst." if num_left_out else "",
    )
    parallel = parallel_info(data)
    yield Panel(
        "Parameter combinations",
        "Each line is a complete trial and crosses every axis at its value. Where orange lines bundle, good "
        "trials agree; click a name in the legend to hide its lines.",
        "wide",
        [_plot(describe_parallel(parallel), draw_parallel(parallel))],
    )
    importance = importance_info(data)
    yield Panel(
        "Parameter importance",
        f"How much each parameter decides whether a trial is among the best tenth, estimated by {EVALUATOR}.",
        "single",
        [_plot(describe_importance(importance), draw_importance(importance))],
        importance.caveat if importance.params else "",
    )
    yield Panel(
        "Parameters one by one",
        f"Each dot is a complete trial, at the height of its {heading(data.metric)}; the best tenth is "
        "orange. Orange dots at an end of an axis say that the range may be too narrow.",
        "small",
        [_plot(describe_slice(info), draw_slice(info)) for info in slices_info(data)],
    )


def _plot(words: str, figure: go.Figure) -> Plot:
    has_points = any(trace.x is not None and len(trace.x) for trace in figure.data)
    return Plot(words, Markup(figure.to_json()) if has_points else None)  # plotly escapes <, > and /
