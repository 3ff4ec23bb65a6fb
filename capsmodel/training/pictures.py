"""Draw what a network has learned: reconstructions, and the effect of each capsule dimension."""

from pathlib import Path

import numpy as np
from keras import KerasTensor, ops
from PIL import Image

from capsmodel.network.model import CapsNet

PERTURBATIONS = np.linspace(-0.25, 0.25, 11)  # in steps of 0.05, as in figure 4 of the paper
IMAGES_PER_ROW = 10
SCALE = 2  # the side of an image's pixel in the drawing, in pixels
GAP = 2  # the space between images in the drawing, in pixels


def save_pictures(capsnet: CapsNet, images: np.ndarray, folder: Path) -> None:
    """Write reconstructions.png for all of the images and perturbations.png for the first one.

    Args:
        capsnet: The network.
        images: uint8, (num_images, height, width, channels), with at least one image.
        folder: The folder for the files. It must exist.
    """
    _save(draw_reconstructions(capsnet, images), folder / "reconstructions.png")
    _save(draw_perturbations(capsnet, images[0]), folder / "perturbations.png")


def draw_reconstructions(capsnet: CapsNet, images: np.ndarray) -> np.ndarray:
    """Draw images in rows, each row above the reconstructions from the longest class capsules.

    Args:
        capsnet: The network.
        images: uint8, (num_images, height, width, channels).

    Returns:
        The drawing as uint8, (drawing height, drawing width, channels).
    """
    _, reconstructions = capsnet.prediction(ops.convert_to_tensor(images / np.float32(255)))
    drawn = _pixels(reconstructions)
    rows = []
    for start in range(0, len(images), IMAGES_PER_ROW):
        rows += [images[start : start + IMAGES_PER_ROW], drawn[start : start + IMAGES_PER_ROW]]
    return _tile(rows)


def draw_perturbations(capsnet: CapsNet, image: np.ndarray) -> np.ndarray:
    """Draw reconstructions of an image from its longest class capsule with one dimension changed.

    Each row is for one dimension, and each column adds one of PERTURBATIONS to it.

    Args:
        capsnet: The network.
        image: uint8, (height, width, channels).

    Returns:
        The drawing as uint8, (drawing height, drawing width, channels).
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


def _pixels(images: KerasTensor) -> np.ndarray:
    """Convert images with values from 0 to 1 to uint8."""
    return np.asarray(np.rint(255 * ops.convert_to_numpy(images)), dtype=np.uint8)


def _tile(rows: list[np.ndarray]) -> np.ndarray:
    """Enlarge rows of images of one size, and arrange them on a grey background."""
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
    """Write a PNG file: in colour if there are three channels, otherwise the first channel in grey."""
    Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[:, :, 0]).save(path, optimize=True)
