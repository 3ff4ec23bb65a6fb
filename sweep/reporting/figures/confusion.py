"""Which classes are confused, and how well is each class recognized?"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from sweep.reporting.figures.theme import BLUE, new_figure
from sweep.reporting.formatting import format_count

MAX_CLASSES = 1000
MAX_IMAGES = 10**12
SHADES = [[0, "rgba(47, 127, 193, 0.03)"], [1, "rgba(47, 127, 193, 0.9)"]]  # for light and dark pages


class ConfusionInfo(NamedTuple):
    """A confusion matrix of the test images.

    Attributes:
        counts: The number of images by label (rows) and predicted class (columns), added up over seeds.
        num_seeds: The number of seeds.
    """

    counts: list[list[int]]
    num_seeds: int

    @property
    def accuracies(self) -> list[float]:
        """The accuracy of each class; NaN for a class without images."""
        counts = np.array(self.counts, float)
        with np.errstate(invalid="ignore"):
            return [float(share) for share in counts.diagonal() / counts.sum(axis=1)]


def confusion_info(notes: Iterable[Any]) -> ConfusionInfo | None:
    """Add up the matrices that the evaluate function noted as "confusion".

    Args:
        notes: The notes of the attempts.

    Returns:
        None if there are no matrices, or if their shapes differ.
    """
    read = (_matrix(each["confusion"]) for each in notes if isinstance(each, dict) and "confusion" in each)
    found = [matrix for matrix in read if matrix is not None]
    if not found or len({matrix.shape for matrix in found}) > 1:
        return None
    return ConfusionInfo(np.sum(found, axis=0).tolist(), len(found))


def _matrix(note: object) -> "np.ndarray[Any, Any] | None":
    """Return the matrix that a note contains; None if it is not a square of numbers of images."""
    try:
        matrix = np.array(json.loads(str(note)))
    except (ValueError, OverflowError, RecursionError):
        return None
    is_square = matrix.ndim == 2 and 0 < len(matrix) == matrix.shape[1] <= MAX_CLASSES
    if not is_square or matrix.dtype.kind not in "iu" or matrix.min() < 0 or matrix.max() > MAX_IMAGES:
        return None
    return matrix


def draw_confusion(info: ConfusionInfo) -> go.Figure:
    """Draw the confusion matrix, shaded by the share of each class."""
    counts = np.array(info.counts)
    images = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, images, out=np.zeros(counts.shape), where=images > 0)
    classes = [str(label) for label in range(len(counts))]
    figure = new_figure(height=160 + 26 * len(classes), margin_t=8)
    figure.add_heatmap(
        x=classes,
        y=classes,
        z=np.sqrt(shares).astype(np.float32),  # the root makes shares of a few percent visible
        zmin=0,
        zmax=1,
        colorscale=SHADES,
        showscale=False,
        text=[[str(count) if count else "" for count in row] for row in counts.tolist()],
        texttemplate="%{text}" if len(classes) <= 20 else None,
        hovertemplate="class %{y} predicted as %{x}: %{text}<extra></extra>",
    )
    figure.update_xaxes(title_text="predicted class", type="category", showgrid=False)
    figure.update_yaxes(title_text="class", type="category", autorange="reversed", showgrid=False)
    return figure


def describe_confusion(info: ConfusionInfo) -> str:
    """Describe the most frequent confusion."""
    counts = np.array(info.counts)
    wrong = counts - np.diag(counts.diagonal())
    if not wrong.any():
        return "No test image was predicted as another class."
    label, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    return (
        f"Test images by class and by predicted class, over {format_count(info.num_seeds, 'seed')}. The most "
        f"frequent confusion is class {label} predicted as {predicted}, {wrong.max()} times."
    )


def draw_class_accuracy(info: ConfusionInfo) -> go.Figure:
    """Draw one bar for the accuracy of each class."""
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
    """Describe the classes with the lowest and the highest accuracy."""
    known = [(accuracy, label) for label, accuracy in enumerate(info.accuracies) if accuracy == accuracy]
    if not known:
        return "There were no test images."
    (worst, worst_label), (best, best_label) = min(known), max(known)
    return (
        f"Test accuracy of each class: lowest for class {worst_label}, {100 * worst:.1f} %, "
        f"highest for class {best_label}, {100 * best:.1f} %."
    )
