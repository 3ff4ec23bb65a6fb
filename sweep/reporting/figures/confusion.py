"""Which class is taken for which, and how well is each recognised?"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from sweep.reporting.figures.theme import BLUE, new_figure
from sweep.reporting.formatting import format_count

SHADES = [[0, "rgba(47, 127, 193, 0.03)"], [1, "rgba(47, 127, 193, 0.9)"]]  # on light and on dark


class ConfusionInfo(NamedTuple):
    """Test images by their label and by what they were taken for, added up over seeds."""

    counts: list[list[int]]  # (label, predicted)
    num_seeds: int

    @property
    def accuracies(self) -> list[float]:
        """Of each class; nan for one of which there was no image."""
        counts = np.array(self.counts, float)
        with np.errstate(invalid="ignore"):
            return [float(share) for share in counts.diagonal() / counts.sum(axis=1)]


def confusion_info(notes: Iterable[Any]) -> ConfusionInfo | None:
    """From what the evaluate function noted as "confusion"; None where it noted none, or unlike ones."""
    found = [np.array(json.loads(each["confusion"])) for each in notes if "confusion" in each]
    if not found or len({matrix.shape for matrix in found}) > 1:
        return None
    return ConfusionInfo(np.sum(found, axis=0).tolist(), len(found))


def draw_confusion(info: ConfusionInfo) -> go.Figure:
    counts = np.array(info.counts)
    images = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, images, out=np.zeros(counts.shape), where=images > 0)
    classes = [str(label) for label in range(len(counts))]
    figure = new_figure(height=160 + 26 * len(classes), margin_t=8)
    figure.add_heatmap(
        x=classes,
        y=classes,
        z=np.sqrt(shares).astype(np.float32),  # so that a few in a hundred can be seen
        zmin=0,
        zmax=1,
        colorscale=SHADES,
        showscale=False,
        text=[[str(count) if count else "" for count in row] for row in counts.tolist()],
        texttemplate="%{text}" if len(classes) <= 20 else None,
        hovertemplate="class %{y} taken for %{x}: %{text}<extra></extra>",
    )
    figure.update_xaxes(title_text="taken for", type="category", showgrid=False)
    figure.update_yaxes(title_text="class", type="category", autorange="reversed", showgrid=False)
    return figure


def describe_confusion(info: ConfusionInfo) -> str:
    counts = np.array(info.counts)
    wrong = counts - np.diag(counts.diagonal())
    if not wrong.any():
        return "No test image was taken for another class."
    label, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    return (
        f"Test images by class and by what they were taken for, over {format_count(info.num_seeds, 'seed')}; "
        f"most often mistaken: class {label} for {predicted}, {wrong.max()} times."
    )


def draw_class_accuracy(info: ConfusionInfo) -> go.Figure:
    classes = [str(label) for label in range(len(info.counts))]
    figure = new_figure(height=160 + 26 * len(classes), margin_t=8, margin_r=64)
    figure.add_bar(
        x=info.accuracies,
        y=classes,
        orientation="h",
        marker_color=BLUE,
        text=[f"{100 * accuracy:.1f} %" for accuracy in info.accuracies],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
        width=0.6,
    )
    figure.update_xaxes(title_text="accuracy", tickformat=".0%", range=[0, 1.0])
    figure.update_yaxes(title_text="class", type="category", autorange="reversed")
    return figure


def describe_class_accuracy(info: ConfusionInfo) -> str:
    known = [(accuracy, label) for label, accuracy in enumerate(info.accuracies) if accuracy == accuracy]
    if not known:
        return "There were no test images."
    (worst, worst_label), (best, best_label) = min(known), max(known)
    return (
        f"Test accuracy of each class: lowest for class {worst_label}, {100 * worst:.1f} %, "
        f"highest for class {best_label}, {100 * best:.1f} %."
    )
