"""Augmentation of a batch of images: pure functions that run on the device, within the training step."""

import keras
from keras import ops

SHIFT_FRACTION = 0.1  # of the side
CUTOUT_SIDE = 6  # pixels


def augment(images, augmentation, seed_generator):
    """The images after each step that `augmentation` names, joined by a plus: "shift+cutout"; or "none".

    Args:
        images: (batch, height, width, channels).
        augmentation: one of `config.AUGMENTATIONS`.
        seed_generator: a keras.random.SeedGenerator; advanced by every step.

    Returns:
        The same shape and dtype.
    """
    if "shift" in augmentation:
        images = shift(images, seed_generator)
    if "cutout" in augmentation:
        images = cutout(images, seed_generator)
    return images


def shift(images, seed_generator):
    """Move each image by whole pixels, up to a tenth of its side each way; zeros come in at the edge."""
    for axis in (1, 2):
        side = images.shape[axis]
        furthest = int(SHIFT_FRACTION * side)
        offsets = _random_ints(images, -furthest, furthest, seed_generator)
        sources = ops.arange(side) - offsets  # (batch, side), the row or column that comes to each place
        inside = ops.logical_and(sources >= 0, sources < side)
        index_shape = (-1, side, 1, 1) if axis == 1 else (-1, 1, side, 1)
        sources = ops.reshape(ops.clip(sources, 0, side - 1), index_shape)
        inside = ops.cast(ops.reshape(inside, index_shape), images.dtype)
        images = ops.take_along_axis(images, sources, axis=axis) * inside
    return images


def cutout(images, seed_generator):
    """Blacken a 6×6 square at a random place inside each image (DeVries and Taylor, 2017)."""
    height, width = images.shape[1:3]
    in_rows = _in_square(images, height, seed_generator)  # (batch, height)
    in_columns = _in_square(images, width, seed_generator)  # (batch, width)
    in_square = in_rows[:, :, None, None] * in_columns[:, None, :, None]
    return images * (1.0 - in_square)


def _in_square(images, side, seed_generator):
    """1 along the square's extent in one direction, 0 elsewhere, (batch, side)."""
    first = _random_ints(images, 0, side - CUTOUT_SIDE, seed_generator)
    places = ops.arange(side)
    return ops.cast(ops.logical_and(places >= first, places < first + CUTOUT_SIDE), images.dtype)


def _random_ints(images, lowest, highest, seed_generator):
    """One whole number for each image, both bounds included, (batch, 1)."""
    return keras.random.randint((ops.shape(images)[0], 1), lowest, highest + 1, seed=seed_generator)
