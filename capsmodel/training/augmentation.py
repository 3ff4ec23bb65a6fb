"""Augment batches of images with functions that run on the device within the training step."""

import keras
from keras import KerasTensor, ops

SHIFT_FRACTION = 0.1  # the largest shift, as a fraction of the image's side
CUTOUT_SIDE = 6  # pixels


def augment(
    images: KerasTensor, augmentation: str, seed_generator: keras.random.SeedGenerator
) -> KerasTensor:
    """Apply each augmentation step that `augmentation` names.

    Args:
        images: (batch, height, width, channels).
        augmentation: One of `capsmodel.config.AUGMENTATIONS`: step names joined by a plus sign, or
            "none".
        seed_generator: The source of random seeds. Each step advances it.

    Returns:
        Images of the same shape and dtype.
    """
    if "shift" in augmentation:
        images = shift(images, seed_generator)
    if "cutout" in augmentation:
        images = cutout(images, seed_generator)
    return images


def shift(images: KerasTensor, seed_generator: keras.random.SeedGenerator) -> KerasTensor:
    """Shift each image at random by whole pixels, by up to a tenth of its side in each direction.

    Pixels that move in from beyond the edge are zero.

    Args:
        images: (batch, height, width, channels).
        seed_generator: The source of random seeds.

    Returns:
        Images of the same shape and dtype.
    """
    for axis in (1, 2):
        side = images.shape[axis]
        largest = int(SHIFT_FRACTION * side)
        offsets = _random_ints(images, -largest, largest, seed_generator)
        sources = ops.arange(side) - offsets  # (batch, side), the row or column that moves to each position
        is_inside = ops.logical_and(sources >= 0, sources < side)
        index_shape = (-1, side, 1, 1) if axis == 1 else (-1, 1, side, 1)
        sources = ops.reshape(ops.clip(sources, 0, side - 1), index_shape)
        is_inside = ops.cast(ops.reshape(is_inside, index_shape), images.dtype)
        images = ops.take_along_axis(images, sources, axis=axis) * is_inside
    return images


def cutout(images: KerasTensor, seed_generator: keras.random.SeedGenerator) -> KerasTensor:
    """Set a square of 6×6 pixels at a random position inside each image to zero (DeVries and Taylor, 2017).

    Args:
        images: (batch, height, width, channels).
        seed_generator: The source of random seeds.

    Returns:
        Images of the same shape and dtype.
    """
    height, width = images.shape[1:3]
    in_rows = _in_square(images, height, seed_generator)  # (batch, height)
    in_columns = _in_square(images, width, seed_generator)  # (batch, width)
    in_square = in_rows[:, :, None, None] * in_columns[:, None, :, None]
    return images * (1.0 - in_square)


def _in_square(images: KerasTensor, side: int, seed_generator: keras.random.SeedGenerator) -> KerasTensor:
    """Return a mask (batch, side): 1 at the positions of the square along one side, 0 elsewhere."""
    first = _random_ints(images, 0, side - CUTOUT_SIDE, seed_generator)
    positions = ops.arange(side)
    return ops.cast(ops.logical_and(positions >= first, positions < first + CUTOUT_SIDE), images.dtype)


def _random_ints(
    images: KerasTensor, low: int, high: int, seed_generator: keras.random.SeedGenerator
) -> KerasTensor:
    """Draw one integer from `low` to `high`, both included, for each image, (batch, 1)."""
    return keras.random.randint((ops.shape(images)[0], 1), low, high + 1, seed=seed_generator)
