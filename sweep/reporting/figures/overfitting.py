"""Does the best trial perform as well on data that it was not trained on?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sweep.reporting.figures.learning_curves import extent_of, thinned
from sweep.reporting.figures.theme import BLUE, ORANGE, count_axis, new_figure, plain, value_axis
from sweep.reporting.formatting import format_metric, heading, headline_metrics, is_share
from sweep.reporting.metric_pairs import metric_pairs, without_split
from sweep.storage.study_data import StudyData


class OverfittingInfo(NamedTuple):
    """One base metric of the best trial by epoch, on training and on validation data.

    Attributes:
        number: The number of the best trial.
        train: The name of the metric on training data.
        validation: The name of the metric on validation data.
        epochs: The epochs.
        train_values: The value on training data in each epoch.
        validation_values: The value on validation data in each epoch.
        best_epoch: The epoch with the best value on validation data; None if the direction of the metric is
            unknown.
    """

    number: int
    train: str
    validation: str
    epochs: list[int]
    train_values: list[float]
    validation_values: list[float]
    best_epoch: int | None


def overfitting_info(data: StudyData) -> list[OverfittingInfo]:
    """Return the data for each metric that the best trial measured on both splits."""
    best = data.best_trials["number"].tolist()
    reported = headline_metrics(data.epochs.columns.drop(["number", "epoch"]), [data.metric], "loss")
    epochs = data.epochs[data.epochs["number"].isin(best)].sort_values("epoch")
    found = []
    for name, train, validation in metric_pairs(reported):
        both = epochs.dropna(subset=[train, validation])
        if both.empty:
            continue
        values = both.set_index("epoch")[validation]
        numbers, train_values = thinned(both["epoch"].tolist(), both[train].tolist())
        found.append(
            OverfittingInfo(
                number=best[0],
                train=train,
                validation=validation,
                epochs=numbers,
                train_values=train_values,
                validation_values=thinned(both["epoch"].tolist(), values.tolist())[1],
                best_epoch=_best_epoch(values, _direction(name, data)),
            )
        )
    return found


def draw_overfitting(info: OverfittingInfo) -> go.Figure:
    """Draw both curves with the gap between them."""
    figure = new_figure(height=300, legend_traceorder="normal")
    figure.update_xaxes(title_text="epoch", **count_axis(info.epochs[-1]))
    values = [*info.train_values, *info.validation_values]
    figure.update_yaxes(
        title_text=plain(heading(without_split(info.train))), **value_axis(info.train, values)
    )
    if is_share(info.train) and (extent := extent_of(np.array(values), of_share=True)) is not None:
        margin = 0.06 * (extent[1] - extent[0]) or 0.06
        figure.update_yaxes(range=[extent[0] - margin, extent[1] + margin])
    lines = ((info.train, info.train_values, BLUE), (info.validation, info.validation_values, ORANGE))
    for index, (metric, line, color) in enumerate(lines):
        figure.add_scatter(
            x=info.epochs,
            y=line,
            name=plain(heading(metric)),
            mode="lines" if len(info.epochs) > 1 else "markers",
            line={"color": color, "width": 2.5},
            fill="tonexty" if index else None,
            fillcolor="rgba(134, 140, 148, 0.14)",
            text=[format_metric(metric, value) for value in line],
            hovertemplate="epoch %{x}: %{text}<extra></extra>",
        )
    if info.best_epoch is not None and info.best_epoch in info.epochs:
        position = info.epochs.index(info.best_epoch)
        figure.add_scatter(
            x=[info.best_epoch],
            y=[info.validation_values[position]],
            name=f"best, epoch {info.best_epoch}",
            mode="markers",
            marker={"color": ORANGE, "size": 10},
            hoverinfo="skip",
        )
    return figure


def describe_overfitting(info: OverfittingInfo) -> str:
    """Describe the final values and the best epoch."""
    train, validation = info.train_values[-1], info.validation_values[-1]
    text = (
        f"Trial {info.number} ends at {heading(info.train)} {format_metric(info.train, train)} and "
        f"{heading(info.validation)} {format_metric(info.validation, validation)}"
    )
    if info.best_epoch is not None and info.epochs[-1] > 1:
        text += f"; its validation result was best at epoch {info.best_epoch} of {info.epochs[-1]}"
    return text + "."


def _best_epoch(values: "pd.Series[float]", direction: str) -> int | None:
    if direction == "":
        return None
    place = values.argmax() if direction == "maximize" else values.argmin()
    return int(values.index[int(place)])


def _direction(name: str, data: StudyData) -> str:
    """Return the direction in which a metric improves: "maximize", "minimize", or "" if it is unknown."""
    if name == without_split(data.metric):
        return data.direction
    return "minimize" if "loss" in name or "error" in name else "maximize" if "accuracy" in name else ""
