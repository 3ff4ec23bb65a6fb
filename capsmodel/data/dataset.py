"""Data sets in memory, and the check that a network can be trained on them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from capsmodel.config import SMALLEST_SIDE
from capsmodel.errors import DataError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
MAX_SHOWN_LABELS = 10


class Dataset(NamedTuple):
    """The images and labels of a data set.

    Images are uint8, (num_images, height, width, channels). Labels are int32, (num_images,), counted
    from 0.

    Attributes:
        x_train: The training images.
        y_train: The labels of the training images.
        x_test: The test images.
        y_test: The labels of the test images.
        sha256: The sha256 checksum of the data.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    sha256: str

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of an image, (height, width, channels)."""
        height, width, channels = self.x_train.shape[1:]
        return height, width, channels

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return int(self.y_train.max()) + 1


def build_dataset(arrays: Mapping[str, np.ndarray], sha256: str, source: str) -> Dataset:
    """Validate arrays and build a data set from them.

    Args:
        arrays: The arrays named in ARRAYS. Images may omit the axis of channels. Labels may have any
            integer dtype.
        sha256: The sha256 checksum of the data.
        source: The name or the path of the data set, for error messages.

    Returns:
        The data set.

    Raises:
        DataError: If a shape, a dtype or a label is unsuitable. The message names the array.
    """
    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if images.dtype != np.uint8 or images.ndim not in (3, 4):
            raise DataError(
                f"{source}: x_{part} is {images.dtype} {images.shape}; expected uint8 images from 0 to 255, "
                "(images, height, width) or (images, height, width, channels)"
            )
        if not np.issubdtype(labels.dtype, np.integer) or labels.shape != images.shape[:1]:
            raise DataError(
                f"{source}: y_{part} is {labels.dtype} {labels.shape}; expected one whole number for each of "
                f"the {len(images)} images of x_{part}"
            )
        if len(images) == 0:
            raise DataError(f"{source}: x_{part} has no images; expected at least one")
    x_train, y_train, x_test, y_test = (arrays[name] for name in ARRAYS)
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(
            f"{source}: the images of x_train are {x_train.shape[1:]}, those of x_test {x_test.shape[1:]}; "
            "expected one shape for both"
        )
    counts = np.bincount(y_train) if y_train.min() >= 0 else np.zeros(1)
    if not counts.all():
        raise DataError(
            f"{source}: y_train contains the labels {_shown(y_train)}; expected whole numbers from 0, each "
            "at least once; renumber the classes so that none is empty"
        )
    if y_test.min() < 0 or y_test.max() >= len(counts):
        raise DataError(
            f"{source}: y_test contains the labels {_shown(y_test)}; expected only those of y_train, 0 to "
            f"{len(counts) - 1}"
        )
    if len(counts) < 2:
        raise DataError(f"{source}: y_train contains a single class; expected at least 2")
    _check_sides(source, x_train.shape[1:])
    if x_train.ndim == 3:
        x_train, x_test = x_train[..., None], x_test[..., None]
    return Dataset(x_train, y_train.astype(np.int32), x_test, y_test.astype(np.int32), sha256)


def _check_sides(source: str, shape: tuple[int, ...]) -> None:
    """Check that images are large enough for the network's two convolutions, and that channels come last."""
    if min(shape[:2]) >= SMALLEST_SIDE:
        return
    if len(shape) == 3 and min(shape[1:]) >= SMALLEST_SIDE:
        raise DataError(
            f"{source}: the images of x_train are {shape}, with the channels first; expected (height, width, "
            "channels); move the axis with numpy.moveaxis(images, 1, -1)"
        )
    raise DataError(
        f"{source}: the images of x_train are {shape}; expected a height and a width of at least "
        f"{SMALLEST_SIDE} pixels; enlarge the images"
    )


def _shown(labels: np.ndarray) -> str:
    """Return the distinct labels as text, shortened if there are many."""
    distinct = np.unique(labels)
    shown = ", ".join(str(label) for label in distinct[:MAX_SHOWN_LABELS])
    return shown if len(distinct) <= MAX_SHOWN_LABELS else f"{shown}, …, {distinct[-1]}"
