"""Stratified random selection of images."""

import numpy as np

from capsmodel.errors import DataError


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return a random permutation of the indices, each prefix of which has the classes in proportion.

    Args:
        labels: The labels of the images, (num_images,).
        seed: The seed of the permutation.

    Returns:
        The permuted indices, (num_images,).
    """
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(labels))
    position = np.empty(len(labels))  # the position of each image within its class, from 0 to 1
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    return shuffled[np.argsort(position[shuffled], kind="stable")]


def split_validation(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split the indices of the training images into those for training and those for validation.

    Args:
        labels: The labels of the training images, (num_images,).
        fraction: The fraction of the images for validation, the same in each class.
        seed: The seed of the selection.

    Returns:
        The sorted indices for training and the sorted indices for validation.

    Raises:
        DataError: If one of the two parts would be empty.
    """
    num_validation = round(fraction * len(labels))
    if not 0 < num_validation < len(labels):
        raise DataError(
            f"a validation fraction of {fraction} of {len(labels)} training images gives {num_validation} "
            "images for validation; expected at least 1 for validation and 1 for training; change "
            "`validation_fraction`"
        )
    order = stratified_order(labels, seed)
    return np.sort(order[num_validation:]), np.sort(order[:num_validation])
