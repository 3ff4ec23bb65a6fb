"""Pictures of what a network has learned: reconstructions, and capsules pushed along each dimension."""

from pathlib import Path

import numpy as np
from keras import ops
from PIL import Image

from capsmodel.model import CapsNet

PERTURBATIONS = np.linspace(-0.25, 0.25, 11)  # steps of 0.05, as in the paper's figure 4
IMAGES_A_ROW = 10
SCALE = 2  # screen pixels a side for each pixel
GAP = 2  # screen pixels between images


def save_pictures(capsnet: CapsNet, images: np.ndarray, folder: Path) -> None:
    """Write reconstructions.png of these images, and perturbations.png of the first of them.

    Args:
        capsnet: see CapsNet.
        images: uint8, (num_images, height, width, channels), at least one.
        folder: exists.
    """
    _save(draw_reconstructions(capsnet, images), folder / "reconstructions.png")
    _save(draw_perturbations(capsnet, images[0]), folder / "perturbations.png")


def draw_reconstructions(capsnet: CapsNet, images: np.ndarray) -> np.ndarray:
    """Rows of originals, each above the row of their reconstructions from the longest capsule.

    Args:
        capsnet: see CapsNet.
        images: uint8, (num_images, height, width, channels).

    Returns:
        uint8, (rows of pixels, columns of pixels, channels).
    """
    _, reconstructions = capsnet.prediction(ops.convert_to_tensor(images / np.float32(255)))
    drawn = _pixels(reconstructions)
    rows = []
    for start in range(0, len(images), IMAGES_A_ROW):
        rows += [images[start : start + IMAGES_A_ROW], drawn[start : start + IMAGES_A_ROW]]
    return _tile(rows)


def draw_perturbations(capsnet: CapsNet, image: np.ndarray) -> np.ndarray:
    """Reconstructions from the longest capsule with one number changed: a row a dimension, a column a step.

    Args:
        capsnet: see CapsNet.
        image: uint8, (height, width, channels).

    Returns:
        uint8, (rows of pixels, columns of pixels, channels).
    """
    capsules = capsnet.encoder(ops.convert_to_tensor(image[None] / np.float32(255)))
    capsules = ops.convert_to_numpy(capsules)[0]  # (num_classes, capsule_dim)
    _, capsule_dim = capsules.shape
    winner = np.linalg.norm(capsules, axis=-1).argmax()
    masked = np.zeros((capsule_dim, len(PERTURBATIONS), *capsules.shape), "float32")
    masked[:, :, winner] = capsules[winner]
    for dimension in range(capsule_dim):
        masked[dimension, :, winner, dimension] += PERTURBATIONS
    drawn = _pixels(capsnet.decoder(masked.reshape(-1, capsules.size)))
    return _tile(list(drawn.reshape(capsule_dim, len(PERTURBATIONS), *image.shape)))


def _pixels(images) -> np.ndarray:
    """Images from 0 to 1 as uint8."""
    return np.rint(255 * ops.convert_to_numpy(images)).astype(np.uint8)


def _tile(rows: list[np.ndarray]) -> np.ndarray:
    """Rows of equally large images as one, enlarged, on a grey ground."""
    height, width, channels = rows[0].shape[1:]
    down, right = SCALE * height + GAP, SCALE * width + GAP
    picture = np.full((GAP + len(rows) * down, GAP + len(rows[0]) * right, channels), 128, np.uint8)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            top, left = GAP + row * down, GAP + column * right
            enlarged = image.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
            picture[top : top + SCALE * height, left : left + SCALE * width] = enlarged
    return picture


def _save(pixels: np.ndarray, path: Path) -> None:
    """As colours where there are three channels, else as the shades of grey of the first."""
    Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[:, :, 0]).save(path, optimize=True)
